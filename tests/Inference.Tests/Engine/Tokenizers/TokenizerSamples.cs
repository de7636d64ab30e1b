using System.Text;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Tokenizers;
using Jesus.Inference.Tests.Engine.Gguf;

namespace Jesus.Inference.Tests.Engine.Tokenizers;

/// <summary>Small vocabularies written into a file's metadata and loaded from there, as a model's are.</summary>
internal static class TokenizerSamples
{
    /// <summary>Byte-level pairs: 256 bytes, merges as given ("l l"), then control tokens.</summary>
    public static GgufWriter Gpt2(string pre, string[] merges, string[] control, string[]? whole = null)
    {
        var tokens = Enumerable.Range(0, 256).Select(value => CharOf((byte)value).ToString()).ToList();
        tokens.AddRange(merges.Select(merge => merge.Replace(" ", "", StringComparison.Ordinal)).Concat(whole ?? []));
        var types = Enumerable.Repeat((int)TokenType.Normal, tokens.Count).ToList();
        tokens.AddRange(control);
        types.AddRange(Enumerable.Repeat((int)TokenType.Control, control.Length));
        return new GgufWriter()
            .Add("tokenizer.ggml.model", "gpt2")
            .Add("tokenizer.ggml.pre", pre)
            .Add("tokenizer.ggml.tokens", tokens)
            .Add("tokenizer.ggml.token_type", types)
            .Add("tokenizer.ggml.merges", merges);
    }

    /// <summary>256 byte tokens and nothing else.</summary>
    public static Tokenizer Bytes() => Load(Gpt2("gpt-2", [], []));

    public static Tokenizer Load(GgufWriter writer)
    {
        using var file = GgufSamples.Open(writer.ToArray());
        return TokenizerLoader.Load(file.Metadata);
    }

    public static int[] Encode(Tokenizer tokenizer, string text, bool parseSpecial = false)
    {
        var ids = new TokenBuffer();
        tokenizer.Encode(Encoding.UTF8.GetBytes(text), parseSpecial, ids);
        return ids.Span.ToArray();
    }

    public static string Texts(Tokenizer tokenizer, string text, bool parseSpecial = false) =>
        string.Join('|', Encode(tokenizer, text, parseSpecial).Select(tokenizer.Vocabulary.Text));

    /// <summary>GPT-2's alphabet, written out a second time as its paper's code has it.</summary>
    private static char CharOf(byte value)
    {
        var printable = Enumerable.Range('!', '~' - '!' + 1).Concat(Enumerable.Range('¡', '¬' - '¡' + 1)).Concat(Enumerable.Range('®', 'ÿ' - '®' + 1)).ToList();
        return printable.Contains(value) ? (char)value : (char)(256 + Enumerable.Range(0, value).Count(other => !printable.Contains(other)));
    }
}
