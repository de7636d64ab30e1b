using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Jesus.Inference.Engine.Sampling;

/// <summary>
/// Passes over logits, eight lanes at a time. Equal bits on every machine: only IEEE 754 single additions, multiplications and comparisons in a fixed order, which
/// neither the compiler nor a processor without 256-bit registers may contract or reorder; sums leave single precision after 32 of them.
/// </summary>
internal static class LogitVectors
{
    public const int Lanes = 8;

    /// <summary>Numbers of one block: 32 vectors, so that a lane adds 32 numbers in single precision before its block's sum goes on in double.</summary>
    public const int Block = 256;

    /// <summary>e to this is about 2e-38, the last that is a normal number; below it a weight is 0.</summary>
    private const float ExpMin = -87f;

    public static int BlocksOf(int count) => (count + Block - 1) / Block;

    /// <summary>Eight numbers from <paramref name="at"/> on; beyond the end minus infinity.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(ReadOnlySpan<float> values, int at) =>
        at + Lanes <= values.Length ? Vector256.LoadUnsafe(ref MemoryMarshal.GetReference(values), (nuint)at) : LoadTail(values, at, float.NegativeInfinity);

    /// <summary>As <see cref="Load"/>; beyond the end 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadWeights(ReadOnlySpan<float> values, int at) =>
        at + Lanes <= values.Length ? Vector256.LoadUnsafe(ref MemoryMarshal.GetReference(values), (nuint)at) : LoadTail(values, at, 0);

    /// <summary>Stores as many of the eight as there is room for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float> vector, Span<float> values, int at)
    {
        if (at + Lanes <= values.Length)
        {
            vector.StoreUnsafe(ref MemoryMarshal.GetReference(values), (nuint)at);
        }
        else
        {
            StoreTail(vector, values, at);
        }
    }

    /// <summary>The largest number and, for each lane of each block, the largest there. False when one is NaN or plus infinity.</summary>
    /// <param name="values">Minus infinity is allowed.</param>
    /// <param name="laneMaxima">Eight for each block.</param>
    /// <param name="max">Minus infinity when there is nothing else.</param>
    public static bool TryMax(ReadOnlySpan<float> values, Span<float> laneMaxima, out float max)
    {
        var all = Vector256.Create(float.NegativeInfinity);
        var good = Vector256<float>.AllBitsSet;
        var largest = Vector256.Create(float.MaxValue);
        for (var start = 0; start < values.Length; start += Block)
        {
            var block = Vector256.Create(float.NegativeInfinity);
            var end = Math.Min(start + Block, values.Length);
            for (var at = start; at < end; at += Lanes)
            {
                var vector = Load(values, at);
                good &= Vector256.LessThanOrEqual(vector, largest);
                block = Vector256.ConditionalSelect(Vector256.GreaterThan(vector, block), vector, block);
            }

            block.StoreUnsafe(ref laneMaxima[start / Block * Lanes]);
            all = Vector256.ConditionalSelect(Vector256.GreaterThan(block, all), block, all);
        }

        max = float.NegativeInfinity;
        for (var lane = 0; lane < Lanes; lane++)
        {
            max = all[lane] > max ? all[lane] : max;
        }

        return Vector256.EqualsAll(good.AsInt32(), Vector256<int>.AllBitsSet);
    }

    /// <summary>Where the number first stands; -1 when nowhere.</summary>
    public static int IndexOf(ReadOnlySpan<float> values, float sought)
    {
        var wanted = Vector256.Create(sought);
        for (var at = 0; at < values.Length; at += Lanes)
        {
            var hits = Vector256.Equals(Load(values, at), wanted).ExtractMostSignificantBits();
            if (hits != 0)
            {
                var index = at + System.Numerics.BitOperations.TrailingZeroCount(hits);
                return index < values.Length ? index : -1;
            }
        }

        return -1;
    }

    /// <summary>e to the (value - max) / temperature for each value, and the sum of each block.</summary>
    /// <param name="values">Not above <paramref name="max"/>.</param>
    /// <param name="max">The largest.</param>
    /// <param name="scale">One over the temperature.</param>
    /// <param name="weights">As many as values; or empty, when only the sums are wanted.</param>
    /// <param name="blockSums">One for each block.</param>
    public static void Weigh(ReadOnlySpan<float> values, float max, float scale, Span<float> weights, Span<double> blockSums)
    {
        var (top, factor) = (Vector256.Create(max), Vector256.Create(scale));
        for (var start = 0; start < values.Length; start += Block)
        {
            var sum = Vector256<float>.Zero;
            var end = Math.Min(start + Block, values.Length);
            for (var at = start; at < end; at += Lanes)
            {
                var weight = Exp((Load(values, at) - top) * factor);
                sum += weight;
                if (!weights.IsEmpty)
                {
                    Store(weight, weights, at);
                }
            }

            blockSums[start / Block] = Sum(sum);
        }
    }

    /// <summary>The sum of each block.</summary>
    public static void SumBlocks(ReadOnlySpan<float> weights, Span<double> blockSums)
    {
        for (var start = 0; start < weights.Length; start += Block)
        {
            var sum = Vector256<float>.Zero;
            var end = Math.Min(start + Block, weights.Length);
            for (var at = start; at < end; at += Lanes)
            {
                sum += LoadWeights(weights, at);
            }

            blockSums[start / Block] = Sum(sum);
        }
    }

    /// <summary>
    /// e to the x for x of at most 0, 0 below -87; within 2 units in the last place. x = n ln 2 + r with |r| at most ln(2)/2, then the polynomial of Cephes'
    /// <c>expf</c> (Moshier, "Methods and Programs for Mathematical Functions", 1989) and n added to the exponent.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Exp(Vector256<float> x)
    {
        // Adding 1.5 * 2^23 rounds to the nearest integer, whose bits then stand in the mantissa.
        var rounder = Vector256.Create(12582912f);
        var clamped = Vector256.ConditionalSelect(Vector256.GreaterThan(x, Vector256.Create(ExpMin)), x, Vector256.Create(ExpMin));
        var shifted = (clamped * Vector256.Create(1.44269504f)) + rounder;
        var n = shifted - rounder;
        var r = clamped - (n * Vector256.Create(0.693359375f));
        r -= n * Vector256.Create(-2.12194440e-4f);
        var p = Vector256.Create(1.9875691500e-4f);
        p = (p * r) + Vector256.Create(1.3981999507e-3f);
        p = (p * r) + Vector256.Create(8.3334519073e-3f);
        p = (p * r) + Vector256.Create(4.1665795894e-2f);
        p = (p * r) + Vector256.Create(1.6666665459e-1f);
        p = (p * r) + Vector256.Create(5.0000001201e-1f);
        p = (p * (r * r)) + r + Vector256.Create(1f);
        var power = Vector256.ShiftLeft(shifted.AsInt32() - rounder.AsInt32() + Vector256.Create(127), 23).AsSingle();
        return Vector256.ConditionalSelect(Vector256.LessThan(x, Vector256.Create(ExpMin)), Vector256<float>.Zero, p * power);
    }

    /// <summary>The lanes in one fixed order.</summary>
    public static double Sum(Vector256<float> lanes)
    {
        var sum = 0.0;
        for (var lane = 0; lane < Lanes; lane++)
        {
            sum += lanes[lane];
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector256<float> LoadTail(ReadOnlySpan<float> values, int at, float beyond)
    {
        Span<float> padded = stackalloc float[Lanes];
        padded.Fill(beyond);
        values[at..].CopyTo(padded);
        return Vector256.Create<float>(padded);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void StoreTail(Vector256<float> vector, Span<float> values, int at)
    {
        for (var i = at; i < values.Length; i++)
        {
            values[i] = vector[i - at];
        }
    }
}
