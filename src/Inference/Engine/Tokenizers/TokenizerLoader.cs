using System.Globalization;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>
/// Builds the tokenizer that a model file's own metadata describes (<c>tokenizer.ggml.*</c>). Throws <see cref="GgufException"/> naming the key
/// when something is missing, wrong, or of a kind that is not built.
/// </summary>
public static class TokenizerLoader
{
    private const string Tokens = "tokenizer.ggml.tokens";
    private const string Types = "tokenizer.ggml.token_type";
    private const string Merges = "tokenizer.ggml.merges";

    /// <summary>Names of control tokens that end a turn in published models whose files do not list them as such.</summary>
    private static readonly string[] TurnEnds = ["<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>", "<EOT>"];

    public static Tokenizer Load(GgufMetadata metadata)
    {
        var model = metadata.RequireString("tokenizer.ggml.model");
        return model switch
        {
            "llama" => LoadSentencePiece(metadata),
            "gpt2" => LoadGpt2(metadata),
            _ => throw metadata.Error("tokenizer.ggml.model", $"is \"{model}\"; \"llama\" (SentencePiece byte pairs) and \"gpt2\" (byte-level pairs) are built."),
        };
    }

    private static Tokenizer LoadSentencePiece(GgufMetadata metadata)
    {
        var tokens = metadata.RequireStrings(Tokens);
        var types = TypesOf(metadata, tokens.Count);
        var scores = metadata.OptionalFloats("tokenizer.ggml.scores") ?? throw metadata.Error(Tokens, "has no tokenizer.ggml.scores beside it.");
        CheckCount(metadata, "tokenizer.ggml.scores", scores.Length, tokens.Count);
        var builder = new Vocabulary.Builder(tokens.Count);
        var bytes = new byte[GgufLimits.StringBytes];
        for (var id = 0; id < tokens.Count; id++)
        {
            var length = types[id] == TokenType.Byte ? ByteToken(metadata, tokens, id, bytes) : PlainSpaces(tokens[id], bytes);
            builder.Add(bytes.AsSpan(0, length), types[id], scores[id]);
        }

        var vocabulary = builder.Build();
        var spacePrefix = metadata.OptionalBool("tokenizer.ggml.add_space_prefix", true);
        var ids = IdsOf(metadata, vocabulary, addBegin: true) with { SpacePrefix = spacePrefix };
        return new Tokenizer(vocabulary, new SentencePieceEncoder(vocabulary, spacePrefix, Math.Max(0, ids.Unknown)), ids);
    }

    private static Tokenizer LoadGpt2(GgufMetadata metadata)
    {
        var pre = metadata.OptionalString("tokenizer.ggml.pre") ?? "default";
        var splitter = PreTokenizerOf(metadata, pre);
        var tokens = metadata.RequireStrings(Tokens);
        var types = TypesOf(metadata, tokens.Count);
        var builder = new Vocabulary.Builder(tokens.Count);
        var bytes = new byte[GgufLimits.StringBytes];
        for (var id = 0; id < tokens.Count; id++)
        {
            var isLiteral = types[id] is TokenType.Control or TokenType.UserDefined or TokenType.Unknown;
            builder.Add(isLiteral ? tokens[id] : bytes.AsSpan(0, Gpt2Alphabet.Decode(tokens[id], bytes)), types[id]);
        }

        var vocabulary = builder.Build();
        var encoder = new Gpt2Encoder(vocabulary, splitter, MergesOf(metadata, vocabulary, bytes), ByteTokensOf(metadata, vocabulary), pre == "llama-bpe");
        return new Tokenizer(vocabulary, encoder, IdsOf(metadata, vocabulary, addBegin: false));
    }

    /// <summary>"default" is what old converters wrote for GPT-2's own pattern.</summary>
    private static PreTokenizer PreTokenizerOf(GgufMetadata metadata, string pre) => pre switch
    {
        "gpt-2" or "default" => new Gpt2PreTokenizer(),
        "qwen2" => new Qwen2PreTokenizer(numbersTogether: 1),
        "llama-bpe" => new Qwen2PreTokenizer(numbersTogether: 3),
        _ => throw metadata.Error("tokenizer.ggml.pre", $"is \"{pre}\"; gpt-2, default, qwen2 and llama-bpe are built."),
    };

    private static TokenType[] TypesOf(GgufMetadata metadata, int count)
    {
        var types = new TokenType[count];
        var given = metadata.OptionalInts(Types);
        if (given is null)
        {
            Array.Fill(types, TokenType.Normal);
            return types;
        }

        CheckCount(metadata, Types, given.Length, count);
        for (var id = 0; id < count; id++)
        {
            types[id] = given[id] is >= 0 and <= 6
                ? (TokenType)Math.Max(1, given[id])
                : throw metadata.Error(Types, $"token {id} has type {given[id]}; 1 to 6 exist.");
        }

        return types;
    }

    private static int ByteToken(GgufMetadata metadata, GgufStringArray tokens, int id, Span<byte> bytes)
    {
        var text = tokens.Text(id);
        if (text.Length != 6 || !text.StartsWith("<0x", StringComparison.Ordinal) || text[5] != '>'
            || !byte.TryParse(text.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out bytes[0]))
        {
            throw metadata.Error(Tokens, $"token {id} is of type byte but is written \"{text}\", not <0xNN>.");
        }

        return 1;
    }

    /// <summary>SentencePiece writes a space as U+2581.</summary>
    private static int PlainSpaces(ReadOnlySpan<byte> token, Span<byte> bytes)
    {
        var used = 0;
        while (token.IndexOf("\u2581"u8) is >= 0 and var at)
        {
            token[..at].CopyTo(bytes[used..]);
            bytes[used + at] = (byte)' ';
            used += at + 1;
            token = token[(at + 3)..];
        }

        token.CopyTo(bytes[used..]);
        return used + token.Length;
    }

    private static MergeTable MergesOf(GgufMetadata metadata, Vocabulary vocabulary, Span<byte> bytes)
    {
        var merges = metadata.RequireStrings(Merges);
        var table = new MergeTable(merges.Count);
        for (var rank = 0; rank < merges.Count; rank++)
        {
            var pair = merges[rank];
            // The first character may itself be written as a space only in old files; the separator is the first space after it.
            var space = pair.IsEmpty ? -1 : pair[1..].IndexOf((byte)' ') + 1;
            if (space <= 0)
            {
                throw metadata.Error(Merges, $"entry {rank} (\"{merges.Text(rank)}\") is not two tokens with a space between.");
            }

            var leftLength = Gpt2Alphabet.Decode(pair[..space], bytes);
            var rightLength = Gpt2Alphabet.Decode(pair[(space + 1)..], bytes[leftLength..]);
            var left = vocabulary.Find(bytes[..leftLength]);
            var right = vocabulary.Find(bytes.Slice(leftLength, rightLength));
            var merged = vocabulary.Find(bytes[..(leftLength + rightLength)]);
            if (left < 0 || right < 0 || merged < 0)
            {
                throw metadata.Error(Merges, $"entry {rank} (\"{merges.Text(rank)}\") names a token that the vocabulary lacks.");
            }

            table.Add(left, right, (uint)rank, merged);
        }

        return table;
    }

    private static int[] ByteTokensOf(GgufMetadata metadata, Vocabulary vocabulary)
    {
        var ids = new int[256];
        for (var value = 0; value < 256; value++)
        {
            ids[value] = vocabulary.Find([(byte)value]);
            if (ids[value] < 0)
            {
                throw metadata.Error(Tokens, $"has no token for the byte 0x{value:x2}; a byte-level vocabulary needs all 256.");
            }
        }

        return ids;
    }

    private static TokenizerIds IdsOf(GgufMetadata metadata, Vocabulary vocabulary, bool addBegin)
    {
        var ends = new List<int>();
        foreach (var key in new[] { "tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id" })
        {
            AddEnd(ends, IdOf(metadata, key, vocabulary.Count));
        }

        foreach (var name in TurnEnds)
        {
            AddEnd(ends, vocabulary.FindSpecial(System.Text.Encoding.UTF8.GetBytes(name)));
        }

        return new TokenizerIds
        {
            Begin = IdOf(metadata, "tokenizer.ggml.bos_token_id", vocabulary.Count),
            End = IdOf(metadata, "tokenizer.ggml.eos_token_id", vocabulary.Count),
            Unknown = IdOf(metadata, "tokenizer.ggml.unknown_token_id", vocabulary.Count),
            AddBegin = metadata.OptionalBool("tokenizer.ggml.add_bos_token", addBegin),
            EndsGeneration = ends,
        };
    }

    private static void AddEnd(List<int> ends, int id)
    {
        if (id >= 0 && !ends.Contains(id))
        {
            ends.Add(id);
        }
    }

    private static int IdOf(GgufMetadata metadata, string key, int count)
    {
        var id = metadata.OptionalInt(key, -1);
        return id < count && id >= -1 ? id : throw metadata.Error(key, $"is {id}, but the vocabulary has {count} tokens.");
    }

    private static void CheckCount(GgufMetadata metadata, string key, int count, int tokens)
    {
        if (count != tokens)
        {
            throw metadata.Error(key, $"has {count} entries, {Tokens} has {tokens}.");
        }
    }
}
