using System.Text;
using Jesus.Inference.Engine.Constraints;

namespace Jesus.Inference.Tests.Engine.Constraints;

/// <summary>A made-up vocabulary: all single bytes, given pieces, random pieces (some cut in the middle of a character), control tokens, an end token.</summary>
internal sealed class TestVocabulary : IVocabulary
{
    private readonly List<byte[]> _bytes = [];
    private readonly List<TokenRole> _roles = [];

    public int Count => _bytes.Count;
    public int End { get; private set; }

    public ReadOnlySpan<byte> BytesOf(int token) => _bytes[token];

    public TokenRole RoleOf(int token) => _roles[token];

    public static TestVocabulary Bytes(params string[] pieces)
    {
        var vocabulary = new TestVocabulary();
        for (var value = 0; value < 256; value++)
        {
            vocabulary.Add([(byte)value]);
        }

        foreach (var piece in pieces)
        {
            vocabulary.Add(Encoding.UTF8.GetBytes(piece));
        }

        vocabulary.End = vocabulary.Count;
        vocabulary.Add("<end>"u8.ToArray(), TokenRole.End);
        vocabulary.Add("<unused>"u8.ToArray(), TokenRole.Unused);
        return vocabulary;
    }

    /// <summary>
    /// Few tokens, so that ten thousand answers are made in seconds: what JSON and the schemas' own texts are written with, and random pieces of two bytes and more.
    /// </summary>
    public static TestVocabulary Small(Random random)
    {
        var vocabulary = new TestVocabulary();
        foreach (var value in "{}[]:,\"\\-+.0123456789abcdefnotruexyzABFTWZ:/@_ u|"u8.ToArray().Distinct())
        {
            vocabulary.Add([value]);
        }

        for (var value = 0x21; value < 0x7F; value++)
        {
            if (!vocabulary._bytes.Exists(known => known[0] == value))
            {
                vocabulary.Add([(byte)value]);
            }
        }

        foreach (var value in Encoding.UTF8.GetBytes("größe漢字🙂").Where(value => value > 127).Distinct())
        {
            vocabulary.Add([value]);
        }

        foreach (var piece in (string[])["\":", "\",\"", "\"}", "{\"", "true", "false", "null", "\\u00", "ü", "字", "x-", "://", "20"])
        {
            vocabulary.Add(Encoding.UTF8.GetBytes(piece));
        }

        for (var i = 0; i < 20; i++)
        {
            vocabulary.Add([(byte)random.Next(0x20, 0x7F), (byte)random.Next(0x20, 0x7F), .. random.Next(2) == 0 ? "\""u8.ToArray() : []]);
        }

        vocabulary.End = vocabulary.Count;
        vocabulary.Add("<end>"u8.ToArray(), TokenRole.End);
        return vocabulary;
    }

    /// <summary>Adds pieces of JSON and of random text of one to eight bytes.</summary>
    public static TestVocabulary Random(Random random, int pieces)
    {
        var source = Encoding.UTF8.GetBytes("{\"name\":\"grüße 漢字 🙂\",\"ok\":true,\"n\":[-12.5e3,null,{\"a\":\"x\\n\\\"y\\\\\"}]}, \"level\": \"error\\u001b[0m\"}]");
        var vocabulary = Bytes("\":\"", "\",\"", "\":", "\"}", "\"}]", "{\"", "[]", "{}", "true", "false", "null", "\\\"", "\\u00", "<tool");
        for (var i = 0; i < pieces; i++)
        {
            var start = random.Next(source.Length - 1);
            vocabulary.Add(source.AsSpan(start, Math.Min(random.Next(1, 9), source.Length - start)).ToArray());
        }

        return vocabulary;
    }

    public int AddControl(string text)
    {
        Add(Encoding.UTF8.GetBytes(text), TokenRole.Control);
        return Count - 1;
    }

    public void Add(byte[] bytes, TokenRole role = TokenRole.Text)
    {
        _bytes.Add(bytes);
        _roles.Add(role);
    }
}
