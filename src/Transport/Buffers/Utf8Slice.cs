using System.Text;

namespace Jesus.Transport.Buffers;

/// <summary>
/// UTF-8 text that lies in a buffer owned by somebody else (usually a <see cref="Utf8Arena"/>): valid until that owner is reset.
/// </summary>
public readonly struct Utf8Slice : IEquatable<Utf8Slice>
{
    private readonly ReadOnlyMemory<byte> _memory;

    public Utf8Slice(ReadOnlyMemory<byte> memory) => _memory = memory;

    public ReadOnlyMemory<byte> Memory => _memory;
    public ReadOnlySpan<byte> Span => _memory.Span;
    public int Length => _memory.Length;
    public bool IsEmpty => _memory.IsEmpty;

    public static implicit operator ReadOnlySpan<byte>(Utf8Slice slice) => slice.Span;

    public bool Equals(Utf8Slice other) => Span.SequenceEqual(other.Span);
    public bool Equals(ReadOnlySpan<byte> other) => Span.SequenceEqual(other);
    public override bool Equals(object? obj) => obj is Utf8Slice other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }

    public static bool operator ==(Utf8Slice left, Utf8Slice right) => left.Equals(right);
    public static bool operator !=(Utf8Slice left, Utf8Slice right) => !left.Equals(right);

    /// <summary>A new string: for the edges (configuration, command line, logs), never for the path of a call.</summary>
    public override string ToString() => Encoding.UTF8.GetString(Span);
}
