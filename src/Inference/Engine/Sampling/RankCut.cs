using System.Runtime.Intrinsics;

namespace Jesus.Inference.Engine.Sampling;

/// <summary>
/// Where a list ranked by score would be cut, found without sorting it: by the bits of the scores, eleven at a time from the top. Holds scratch memory; one owner.
/// </summary>
internal sealed class RankCut
{
    private const int Bins = 1 << 11;

    /// <summary>Up to so many numbers the bins cost less than narrowing first.</summary>
    private const int SmallMax = 8192;

    private readonly int[] _counts = new int[Bins];
    private readonly double[] _masses = new double[Bins];
    private readonly float[] _nearScores = new float[SmallMax];
    private readonly float[] _nearWeights = new float[SmallMax];

    /// <summary>The k-th largest of the scores, equal ones counted apart; k is from 1 to their number. No NaN.</summary>
    public float KthLargest(ReadOnlySpan<float> scores, int k)
    {
        uint prefix = 0;
        foreach (var (shift, fixedBits) in (ReadOnlySpan<(int, uint)>)[(21, 0u), (10, 0xFFE0_0000u), (0, 0xFFFF_FC00u)])
        {
            _counts.AsSpan().Clear();
            foreach (var score in scores)
            {
                var order = OrderOf(score);
                if ((order & fixedBits) == prefix)
                {
                    _counts[(order >> shift) & (Bins - 1) & ~fixedBits >> shift]++;
                }
            }

            var bin = Bins - 1;
            while (k > _counts[bin])
            {
                k -= _counts[bin--];
            }

            prefix |= (uint)bin << shift;
        }

        return ScoreOf(prefix);
    }

    /// <summary>The largest score such that all scores from it upwards weigh at least the target together.</summary>
    /// <param name="scores">No NaN.</param>
    /// <param name="weights">As many, not negative.</param>
    /// <param name="target">Not above the whole weight but for rounding.</param>
    /// <param name="temperature">A weight falls by e for each so much of the score.</param>
    /// <param name="above">What the scores above the answer weigh.</param>
    public float WithMass(ReadOnlySpan<float> scores, ReadOnlySpan<float> weights, double target, float temperature, out double above)
    {
        above = 0;
        if (scores.Length > SmallMax && TryNarrow(scores, weights, target, temperature, ref above, out var near))
        {
            return ByBins(_nearScores.AsSpan(0, near), _nearWeights.AsSpan(0, near), target, ref above);
        }

        return ByBins(scores, weights, target, ref above);
    }

    private float ByBins(ReadOnlySpan<float> scores, ReadOnlySpan<float> weights, double target, ref double above)
    {
        uint prefix = 0;
        foreach (var (shift, fixedBits) in (ReadOnlySpan<(int, uint)>)[(21, 0u), (10, 0xFFE0_0000u), (0, 0xFFFF_FC00u)])
        {
            _masses.AsSpan().Clear();
            for (var i = 0; i < scores.Length; i++)
            {
                var order = OrderOf(scores[i]);
                if ((order & fixedBits) == prefix)
                {
                    _masses[(order >> shift) & (Bins - 1) & ~fixedBits >> shift] += weights[i];
                }
            }

            prefix |= (uint)BinOf(target, ref above) << shift;
        }

        return ScoreOf(prefix);
    }

    /// <summary>The bin in which the target is reached; where rounding keeps it out of reach, the last that weighs anything.</summary>
    private int BinOf(double target, ref double above)
    {
        var (last, beforeLast) = (0, above);
        for (var bin = Bins - 1; bin >= 0; bin--)
        {
            if (_masses[bin] == 0)
            {
                continue;
            }

            if (above + _masses[bin] >= target)
            {
                return bin;
            }

            (last, beforeLast) = (bin, above);
            above += _masses[bin];
        }

        above = beforeLast;
        return last;
    }

    /// <summary>
    /// Copies the scores around the cut: between two of four thresholds, which lie closer together each time. False when too many scores are alike.
    /// </summary>
    private bool TryNarrow(ReadOnlySpan<float> scores, ReadOnlySpan<float> weights, double target, float temperature, ref double above, out int near)
    {
        near = -1;
        var top = Largest(scores);

        // 90 temperatures below the top a weight is 0.
        var (low, high, isBelowTop) = (top - (90 * temperature), top, false);
        Span<float> thresholds = [top - temperature, top - (3 * temperature), top - (7 * temperature), top - (15 * temperature)];
        Span<double> masses = stackalloc double[4];
        for (var round = 0; round < 4 && near < 0; round++)
        {
            MassesFrom(scores, weights, thresholds, masses);
            for (var i = 0; i < thresholds.Length; i++)
            {
                if (masses[i] < target)
                {
                    (high, above, isBelowTop) = (thresholds[i], masses[i], true);
                }
                else
                {
                    low = Math.Max(low, thresholds[i]);
                }
            }

            near = CopyBetween(scores, weights, low, isBelowTop ? high : float.PositiveInfinity);
            var step = (high - low) / (thresholds.Length + 1);
            for (var i = 0; i < thresholds.Length; i++)
            {
                thresholds[i] = high - ((i + 1) * step);
            }
        }

        above = near < 0 ? 0 : above;
        return near >= 0;
    }

    private static float Largest(ReadOnlySpan<float> scores)
    {
        var max = Vector256.Create(float.NegativeInfinity);
        for (var at = 0; at < scores.Length; at += LogitVectors.Lanes)
        {
            var vector = LogitVectors.Load(scores, at);
            max = Vector256.ConditionalSelect(Vector256.GreaterThan(vector, max), vector, max);
        }

        var largest = float.NegativeInfinity;
        for (var lane = 0; lane < LogitVectors.Lanes; lane++)
        {
            largest = Math.Max(largest, max[lane]);
        }

        return largest;
    }

    /// <summary>What the scores from each threshold upwards weigh.</summary>
    private static void MassesFrom(ReadOnlySpan<float> scores, ReadOnlySpan<float> weights, ReadOnlySpan<float> thresholds, Span<double> masses)
    {
        masses.Clear();
        var (t0, t1, t2, t3) = (Vector256.Create(thresholds[0]), Vector256.Create(thresholds[1]), Vector256.Create(thresholds[2]), Vector256.Create(thresholds[3]));
        for (var start = 0; start < scores.Length; start += LogitVectors.Block)
        {
            var (s0, s1, s2, s3) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero);
            var end = Math.Min(start + LogitVectors.Block, scores.Length);
            for (var at = start; at < end; at += LogitVectors.Lanes)
            {
                var score = LogitVectors.Load(scores, at);
                var weight = LogitVectors.LoadWeights(weights, at);
                s0 += Vector256.GreaterThanOrEqual(score, t0) & weight;
                s1 += Vector256.GreaterThanOrEqual(score, t1) & weight;
                s2 += Vector256.GreaterThanOrEqual(score, t2) & weight;
                s3 += Vector256.GreaterThanOrEqual(score, t3) & weight;
            }

            masses[0] += LogitVectors.Sum(s0);
            masses[1] += LogitVectors.Sum(s1);
            masses[2] += LogitVectors.Sum(s2);
            masses[3] += LogitVectors.Sum(s3);
        }
    }

    /// <summary>Copies the scores from <paramref name="low"/> up to but without <paramref name="high"/>; -1 when they are too many.</summary>
    private int CopyBetween(ReadOnlySpan<float> scores, ReadOnlySpan<float> weights, float low, float high)
    {
        var (from, to) = (Vector256.Create(low), Vector256.Create(high));
        var count = 0;
        for (var at = 0; at < scores.Length; at += LogitVectors.Lanes)
        {
            var score = LogitVectors.Load(scores, at);
            var hits = (Vector256.GreaterThanOrEqual(score, from) & Vector256.LessThan(score, to)).ExtractMostSignificantBits();
            for (; hits != 0; hits &= hits - 1)
            {
                var index = at + System.Numerics.BitOperations.TrailingZeroCount(hits);
                if (count == SmallMax || index >= scores.Length)
                {
                    return -1;
                }

                (_nearScores[count], _nearWeights[count]) = (scores[index], weights[index]);
                count++;
            }
        }

        return count;
    }

    /// <summary>Bits that are ordered as the numbers are.</summary>
    private static uint OrderOf(float score)
    {
        var bits = BitConverter.SingleToUInt32Bits(score == 0 ? 0f : score);
        return (bits & 0x8000_0000) != 0 ? ~bits : bits | 0x8000_0000;
    }

    private static float ScoreOf(uint order) => BitConverter.UInt32BitsToSingle((order & 0x8000_0000) != 0 ? order & 0x7FFF_FFFF : ~order);
}
