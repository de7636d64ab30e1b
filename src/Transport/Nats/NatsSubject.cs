using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Jesus.Transport.Nats;

/// <summary>A subject, checked once: tokens between dots, none empty, no byte up to the space. Holds its bytes as a frame begins with them.</summary>
public sealed class NatsSubject : IEquatable<NatsSubject>
{
    private const int VerbBytes = 4;

    /// <summary><c>PUB subject </c>, the beginning of a frame.</summary>
    private readonly byte[] _frame;

    private NatsSubject(ReadOnlySpan<byte> utf8)
    {
        _frame = new byte[VerbBytes + utf8.Length + 1];
        "PUB "u8.CopyTo(_frame);
        utf8.CopyTo(_frame.AsSpan(VerbBytes));
        _frame[^1] = (byte)' ';
        HasWildcards = Wild(utf8);
    }

    public ReadOnlyMemory<byte> Memory => _frame.AsMemory(VerbBytes, _frame.Length - VerbBytes - 1);
    public ReadOnlySpan<byte> Span => _frame.AsSpan(VerbBytes, _frame.Length - VerbBytes - 1);

    /// <summary>It can be subscribed to, not published to.</summary>
    public bool HasWildcards { get; }

    internal ReadOnlySpan<byte> FrameStart => _frame;

    /// <exception cref="FormatException">It is no subject; the message says why.</exception>
    public static NatsSubject Parse(string text) => TryParse(text, out var subject, out var error) ? subject : throw new FormatException(error);

    /// <inheritdoc cref="Parse(string)"/>
    public static NatsSubject Parse(ReadOnlySpan<byte> utf8) => TryParse(utf8, out var subject, out var error) ? subject : throw new FormatException(error);

    public static bool TryParse(string text, [NotNullWhen(true)] out NatsSubject? subject, out string? error)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryParse(Encoding.UTF8.GetBytes(text), out subject, out error);
    }

    public static bool TryParse(ReadOnlySpan<byte> utf8, [NotNullWhen(true)] out NatsSubject? subject, out string? error)
    {
        error = WrongWith(utf8);
        subject = error is null ? new NatsSubject(utf8) : null;
        return error is null;
    }

    public bool Equals(NatsSubject? other) => other is not null && Span.SequenceEqual(other.Span);

    public override bool Equals(object? obj) => Equals(obj as NatsSubject);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }

    public override string ToString() => Encoding.UTF8.GetString(Span);

    /// <summary>Can stand in a frame as a subject without becoming another frame: what a reply's subject, which came from the server, is checked for.</summary>
    internal static bool IsPublishable(ReadOnlySpan<byte> utf8) =>
        utf8.Length is > 0 and <= NatsLimits.SubjectBytesMax && !utf8.ContainsAnyInRange((byte)0, (byte)' ');

    private static string? WrongWith(ReadOnlySpan<byte> utf8)
    {
        if (utf8.Length is 0 or > NatsLimits.SubjectBytesMax)
        {
            return $"a NATS subject has 1 to {NatsLimits.SubjectBytesMax} bytes, this one {utf8.Length}";
        }

        if (utf8.ContainsAnyInRange((byte)0, (byte)' ') || utf8.Contains((byte)0x7F))
        {
            return "a NATS subject has no space, line break or control byte";
        }

        var rest = utf8;
        while (true)
        {
            var dot = rest.IndexOf((byte)'.');
            var token = dot < 0 ? rest : rest[..dot];
            if (token.IsEmpty)
            {
                return $"the NATS subject '{Encoding.UTF8.GetString(utf8)}' has an empty token";
            }

            if (token.Length > 1 ? token.ContainsAny((byte)'*', (byte)'>') : token[0] == '>' && dot >= 0)
            {
                return $"in the NATS subject '{Encoding.UTF8.GetString(utf8)}' a wildcard is not a token of its own, or '>' not the last";
            }

            if (dot < 0)
            {
                return null;
            }

            rest = rest[(dot + 1)..];
        }
    }

    // After the check a wildcard is always a token of its own.
    private static bool Wild(ReadOnlySpan<byte> utf8) => utf8.ContainsAny((byte)'*', (byte)'>');
}
