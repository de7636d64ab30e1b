using System.Globalization;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Tokenizers;

/// <summary>How a file writes the bytes of its tokens.</summary>
internal enum TokenSpelling : byte
{
    /// <summary>As they are, with U+2581 for a space.</summary>
    SentencePiece,

    /// <summary>Each byte as a character of <see cref="Gpt2Alphabet"/>; tokens with a role of their own as they are.</summary>
    Gpt2,

    /// <summary>WordPiece as BERT's own files have it: tokens that go on with a word begin with <c>##</c>.</summary>
    Hashes,
}

/// <summary>Reads a file's tokens, their types and scores.</summary>
internal static class TokenReader
{
    public const string Tokens = "tokenizer.ggml.tokens";
    private const string Types = "tokenizer.ggml.token_type";
    private const string Scores = "tokenizer.ggml.scores";

    public static Vocabulary Read(GgufMetadata metadata, TokenSpelling spelling, bool needsScores = false)
    {
        var tokens = metadata.RequireStrings(Tokens);
        var types = TypesOf(metadata, tokens.Count);
        var scores = metadata.OptionalFloats(Scores);
        if (needsScores && scores is null)
        {
            throw metadata.Error(Tokens, $"has no {Scores} beside it.");
        }

        if (scores is not null)
        {
            CheckCount(metadata, Scores, scores.Length, tokens.Count);
        }

        var builder = new Vocabulary.Builder(tokens.Count);
        var bytes = new byte[GgufLimits.StringBytes];
        for (var id = 0; id < tokens.Count; id++)
        {
            var length = types[id] == TokenType.Byte && spelling == TokenSpelling.SentencePiece
                ? ByteToken(metadata, tokens, id, bytes)
                : Spell(tokens[id], types[id], spelling, bytes);
            var isOdd = spelling == TokenSpelling.Gpt2 && types[id] == TokenType.Normal && !Gpt2Alphabet.IsSpelled(tokens[id]);
            builder.Add(bytes.AsSpan(0, length), types[id], scores?[id] ?? 0, isOdd);
        }

        return builder.Build(GuardedTokens.Of(metadata, tokens, types));
    }

    /// <summary>Converters write BERT's tokens the SentencePiece way; a file that kept its hashes is understood as well.</summary>
    public static TokenSpelling WordPieceSpelling(GgufMetadata metadata)
    {
        var tokens = metadata.RequireStrings(Tokens);
        for (var id = 0; id < tokens.Count; id++)
        {
            if (tokens[id].StartsWith("\u2581"u8))
            {
                return TokenSpelling.SentencePiece;
            }
        }

        return TokenSpelling.Hashes;
    }

    /// <summary>The bytes that an entry of the vocabulary or a half of a merge stands for.</summary>
    public static int Spell(ReadOnlySpan<byte> written, TokenType type, TokenSpelling spelling, Span<byte> bytes)
    {
        var isLiteral = type is TokenType.Control or TokenType.UserDefined or TokenType.Unknown;
        if (spelling == TokenSpelling.SentencePiece)
        {
            return PlainSpaces(written, bytes);
        }

        if (spelling == TokenSpelling.Gpt2 && !isLiteral)
        {
            return Gpt2Alphabet.Decode(written, bytes);
        }

        if (spelling == TokenSpelling.Hashes && !isLiteral)
        {
            return WithoutHashes(written, bytes);
        }

        written.CopyTo(bytes);
        return written.Length;
    }

    public static void CheckCount(GgufMetadata metadata, string key, int count, int tokens)
    {
        if (count != tokens)
        {
            throw metadata.Error(key, $"has {count} entries, {Tokens} has {tokens}.");
        }
    }

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

    private static int WithoutHashes(ReadOnlySpan<byte> token, Span<byte> bytes)
    {
        if (token.StartsWith("##"u8))
        {
            token[2..].CopyTo(bytes);
            return token.Length - 2;
        }

        bytes[0] = (byte)' ';
        token.CopyTo(bytes[1..]);
        return token.Length + 1;
    }
}
