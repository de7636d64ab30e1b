using System.Text;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>What a kind of tokenizer means where its file says nothing; -1 for none.</summary>
internal readonly record struct TokenizerDefaults()
{
    public bool AddBegin { get; init; }
    public int Begin { get; init; } = -1;
    public int End { get; init; } = -1;
    public int Unknown { get; init; } = -1;
    public int Separator { get; init; } = -1;

    /// <summary>Looked for before <c>tokenizer.ggml.bos_token_id</c>.</summary>
    public string? BeginKey { get; init; }

    /// <summary>A text to be embedded ends with the separator, or else with the end of text.</summary>
    public bool ClosesDocuments { get; init; }
}

/// <summary>Reads which tokens have a role of their own.</summary>
internal static class TokenizerIdsReader
{
    private const string Begin = "tokenizer.ggml.bos_token_id";
    private const string End = "tokenizer.ggml.eos_token_id";

    /// <summary>Names of control tokens that end a turn in published models whose files do not list them as such.</summary>
    private static readonly string[] TurnEnds =
    [
        "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<end_of_turn>", "<turn|>", "<|endoftext|>", "<|end_of_text|>", "<EOT>", "<|eot|>", "<|END_OF_TURN_TOKEN|>",
        "<｜end▁of▁sentence｜>", "<|return|>", "<|call|>",
    ];

    public static TokenizerIds Read(GgufMetadata metadata, Vocabulary vocabulary, TokenizerDefaults defaults)
    {
        var end = IdOf(metadata, End, vocabulary, defaults.End);
        var separator = IdOf(metadata, "tokenizer.ggml.seperator_token_id", vocabulary, defaults.Separator); // The key's own spelling.
        var begin = defaults.BeginKey is { } key ? IdOf(metadata, key, vocabulary, -1) : -1;
        var closing = metadata.OptionalBool("tokenizer.ggml.add_sep_token", defaults.ClosesDocuments) && separator >= 0 ? separator
            : metadata.OptionalBool("tokenizer.ggml.add_eos_token", defaults.ClosesDocuments) ? end : -1;
        return new TokenizerIds
        {
            Begin = begin >= 0 ? begin : IdOf(metadata, Begin, vocabulary, defaults.Begin),
            End = end,
            Unknown = IdOf(metadata, "tokenizer.ggml.unknown_token_id", vocabulary, defaults.Unknown),
            Closing = closing,
            AddBegin = metadata.OptionalBool("tokenizer.ggml.add_bos_token", defaults.AddBegin),
            EndsGeneration = EndsOf(metadata, vocabulary, end),
        };
    }

    private static List<int> EndsOf(GgufMetadata metadata, Vocabulary vocabulary, int end)
    {
        var ends = new List<int>();
        AddEnd(ends, end);
        AddEnd(ends, IdOf(metadata, "tokenizer.ggml.eot_token_id", vocabulary, -1));
        AddEnd(ends, IdOf(metadata, "tokenizer.ggml.eom_token_id", vocabulary, -1));
        foreach (var name in TurnEnds)
        {
            AddEnd(ends, vocabulary.FindSpecial(Encoding.UTF8.GetBytes(name)));
        }

        // Harmony (gpt-oss): <|end|> ends a message, and the next follows; <|return|> and <|call|> end the turn.
        if (vocabulary.FindSpecial("<|return|>"u8) >= 0 && vocabulary.FindSpecial("<|call|>"u8) >= 0)
        {
            _ = ends.Remove(vocabulary.FindSpecial("<|end|>"u8));
        }

        return ends;
    }

    private static void AddEnd(List<int> ends, int id)
    {
        if (id >= 0 && !ends.Contains(id))
        {
            ends.Add(id);
        }
    }

    /// <summary>A default counts only where the token is one with a role, so that a small vocabulary of another kind is not misread.</summary>
    private static int IdOf(GgufMetadata metadata, string key, Vocabulary vocabulary, int fallback)
    {
        var id = metadata.OptionalInt(key, -1);
        if (id < 0 && !metadata.Contains(key))
        {
            return fallback >= 0 && fallback < vocabulary.Count && (vocabulary.TypeOf(fallback) is TokenType.Control or TokenType.Unknown) ? fallback : -1;
        }

        return id < vocabulary.Count && id >= -1 ? id : throw metadata.Error(key, $"is {id}, but the vocabulary has {vocabulary.Count} tokens.");
    }
}
