using System.Numerics;

namespace Jesus.Bench.Load;

/// <summary>Counts of latencies in nanoseconds: 128 buckets for each doubling, so that a value is kept within 0.8 %. Adding allocates nothing.</summary>
public sealed class Histogram
{
    private const int Bits = 7;
    private readonly long[] _counts = new long[64 << Bits];

    public long Count { get; private set; }
    public long Max { get; private set; }

    public void Add(long nanoseconds)
    {
        var value = Math.Max(1, nanoseconds);
        _counts[IndexOf(value)]++;
        Count++;
        Max = Math.Max(Max, value);
    }

    /// <summary>The value below which that share of the latencies lies, as its bucket's upper end.</summary>
    public long Percentile(double share)
    {
        var rank = (long)Math.Ceiling(share * Count);
        var seen = 0L;
        for (var i = 0; i < _counts.Length; i++)
        {
            seen += _counts[i];
            if (seen >= rank && seen > 0)
            {
                return Math.Min(Max, UpperOf(i));
            }
        }

        return Max;
    }

    public void Reset()
    {
        Array.Clear(_counts);
        Count = 0;
        Max = 0;
    }

    private static int IndexOf(long value)
    {
        var shift = Math.Max(0, BitOperations.Log2((ulong)value) - Bits);
        return (shift << Bits) + (int)(value >> shift);
    }

    private static long UpperOf(int index)
    {
        var shift = Math.Max(0, (index >> Bits) - 1);
        return ((long)(index - (shift << Bits)) + 1 << shift) - 1;
    }
}
