using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Jesus.Appliance.Storage.Journal;

/// <summary>The SHA-256 of a whole group as it stands on disk; the next group's header carries it, which makes the chain.</summary>
[InlineArray(Bytes)]
internal struct Sha256Link : IEquatable<Sha256Link>
{
    public const int Bytes = SHA256.HashSizeInBytes;

    private byte _first;

    public static Sha256Link Of(ReadOnlySpan<byte> group)
    {
        var link = default(Sha256Link);
        SHA256.HashData(group, link);
        return link;
    }

    public static Sha256Link Read(ReadOnlySpan<byte> from)
    {
        var link = default(Sha256Link);
        from[..Bytes].CopyTo(link);
        return link;
    }

    public readonly void Write(Span<byte> to) => ((ReadOnlySpan<byte>)this).CopyTo(to);

    public readonly bool Equals(Sha256Link other) => ((ReadOnlySpan<byte>)this).SequenceEqual(other);

    public override readonly bool Equals(object? obj) => obj is Sha256Link other && Equals(other);

    public override readonly int GetHashCode() => BitConverter.ToInt32(this);

    public override readonly string ToString() => Convert.ToHexStringLower(this);
}
