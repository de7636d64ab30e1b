using System.Runtime.CompilerServices;

namespace Jesus.Appliance.Cache;

/// <summary>SHA-256 of everything that an answer depends on and of who may see it. Equal keys are the same question by somebody who may have the same answer.</summary>
[InlineArray(32)]
public struct CacheKey : IEquatable<CacheKey>
{
    private byte _first;

    public readonly bool Equals(CacheKey other) => ((ReadOnlySpan<byte>)this).SequenceEqual(other);

    public override readonly bool Equals(object? obj) => obj is CacheKey other && Equals(other);

    /// <summary>The hash is one already.</summary>
    public override readonly int GetHashCode() => BitConverter.ToInt32(this);

    public static bool operator ==(CacheKey left, CacheKey right) => left.Equals(right);
    public static bool operator !=(CacheKey left, CacheKey right) => !left.Equals(right);
}
