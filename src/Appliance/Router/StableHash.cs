namespace Jesus.Appliance.Router;

/// <summary>64-bit hashes that are the same in every process, unlike the base library's. Not for secrets.</summary>
public static class StableHash
{
    private const ulong Basis = 0xCBF29CE484222325UL;
    private const ulong Prime = 0x100000001B3UL;

    /// <summary>FNV-1a over UTF-16 units, mixed.</summary>
    public static ulong Of(string text)
    {
        var hash = Basis;
        foreach (var unit in text)
        {
            hash = (hash ^ unit) * Prime;
        }

        return Mix(hash);
    }

    /// <summary>Adds bytes to a hash, eight at a time.</summary>
    public static ulong Add(ulong hash, ReadOnlySpan<byte> bytes)
    {
        hash = Mix(hash ^ (ulong)bytes.Length);
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
        {
            hash = Mix(hash ^ System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        }

        foreach (var one in bytes)
        {
            hash = (hash ^ one) * Prime;
        }

        return Mix(hash);
    }

    /// <summary>Added to a state again and again, it meets every other value before one twice.</summary>
    public const ulong Step = 0x9E3779B97F4A7C15UL;

    /// <summary>SplitMix64 (Steele, Lea, Flood 2014): every bit of the input reaches every bit of the output.</summary>
    public static ulong Mix(ulong state)
    {
        var z = state + Step;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
