using System.Buffers;

namespace Jesus.Transport.Nats.JetStream;

/// <summary>What the parts of JetStream may be called: checked here, because a name becomes a token of a subject.</summary>
internal static class JetStreamNames
{
    /// <summary>nats-server makes folders of stream and consumer names: it takes 255 bytes at most.</summary>
    public const int NameLengthMax = 255;

    private static readonly SearchValues<char> BucketLetters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

    private static readonly SearchValues<char> KeyLetters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-/=.");

    private static readonly SearchValues<char> Forbidden = SearchValues.Create(" \t\r\n.*>/\\\0");

    /// <summary>ADR-6 of nats-architecture-and-design: streams and consumers.</summary>
    public static JetStreamError CheckName(string what, string name) => name.Length is > 0 and <= NameLengthMax && !name.AsSpan().ContainsAny(Forbidden)
        ? default
        : Wrong($"'{name}' is no name of a {what}: it has 1 to {NameLengthMax} characters, none of them a blank, a line break or one of . * > / \\");

    /// <summary>ADR-8: buckets of keys and of objects.</summary>
    public static JetStreamError CheckBucket(string name) => name.Length is > 0 and <= NameLengthMax - 4 && !name.AsSpan().ContainsAnyExcept(BucketLetters)
        ? default
        : Wrong($"'{name}' is no name of a bucket: it has 1 to {NameLengthMax - 4} of the letters A-Z a-z 0-9 _ -");

    /// <summary>ADR-8: keys.</summary>
    public static JetStreamError CheckKey(string key) => key.Length > 0 && !key.AsSpan().ContainsAnyExcept(KeyLetters) && HasWholeTokens(key)
        ? default
        : Wrong($"'{key}' is no key: it consists of A-Z a-z 0-9 _ - / = and of single dots that neither begin nor end it");

    /// <summary>A key, or a pattern of keys with the wildcards <c>*</c> and a last <c>&gt;</c>.</summary>
    public static JetStreamError CheckPattern(string pattern)
    {
        var tokens = pattern.Split('.');
        for (var i = 0; i < tokens.Length; i++)
        {
            if (tokens[i] == "*" || (tokens[i] == ">" && i == tokens.Length - 1))
            {
                continue;
            }

            if (tokens[i].Length == 0 || tokens[i].AsSpan().ContainsAnyExcept(KeyLetters))
            {
                return Wrong($"'{pattern}' is no pattern of keys: each token is a part of a key, *, or at the end >");
            }
        }

        return default;
    }

    /// <summary>A subject that a stream or filter names: no blanks or line breaks, no empty token.</summary>
    public static JetStreamError CheckSubject(string subject) =>
        subject.Length > 0 && !subject.AsSpan().ContainsAny(" \t\r\n\0") && HasWholeTokens(subject)
            ? default
            : Wrong($"'{subject}' is no subject: it has no blank or line break, and no empty token");

    public static JetStreamError Wrong(string text) => new(JetStreamFault.WrongName, text);

    private static bool HasWholeTokens(string text) => text[0] != '.' && text[^1] != '.' && !text.Contains("..", StringComparison.Ordinal);
}
