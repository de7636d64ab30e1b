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
