using System.Runtime.Intrinsics;

namespace Jesus.Inference.Engine.Sampling;

/// <summary>
/// Tokens that may be drawn, in the order of their ids, each with a score (its logit) and a weight (e to the score). A filter sets the weights of what it drops to
/// 0, or makes the list shorter. The order is part of the result, since a draw walks it. Holds scratch memory: 16 bytes a token of the vocabulary.
/// </summary>
internal sealed class Candidates
{
    /// <summary>Up to so many allowed tokens are listed; of more the whole vocabulary is walked, the others' scores at minus infinity.</summary>
    public const int ListedMax = 4096;

    private readonly float[] _scores;
    private readonly float[] _weights;
    private readonly float[] _other;
    private readonly int[] _ids;
    private readonly float[] _laneMaxima;
    private readonly double[] _blockSums;
    private readonly RankCut _cut = new();
    private float _max;
    private double _total;
    private bool _isListed;

    public Candidates(int capacity)
    {
        (_scores, _weights, _other, _ids) = (new float[capacity], new float[capacity], new float[capacity], new int[capacity]);
        _laneMaxima = new float[LogitVectors.BlocksOf(capacity) * LogitVectors.Lanes];
        _blockSums = new double[LogitVectors.BlocksOf(capacity)];
    }

    public int Count { get; private set; }

    /// <summary>The candidates' scores, to be edited before <see cref="Rank"/>.</summary>
    public Span<float> Scores => _scores.AsSpan(0, Count);

    /// <summary>Every token of the vocabulary, ranked already; of them only the k likeliest where k is above 0.</summary>
    /// <param name="logits">One for each token.</param>
    /// <param name="laneMaxima">As <see cref="LogitVectors.TryMax"/> leaves them.</param>
    /// <param name="max">The largest, above minus infinity.</param>
    /// <param name="k">0 takes all.</param>
    public void TakeRanked(ReadOnlySpan<float> logits, ReadOnlySpan<float> laneMaxima, float max, int k)
    {
        laneMaxima.CopyTo(_laneMaxima);
        (_max, Count, _isListed) = (max, logits.Length, false);
        if (k > 0 && k < Count && k <= laneMaxima.Length)
        {
            Shorten(logits, _cut.KthLargest(laneMaxima, k));
            KeepExactly(k);
        }
        else
        {
            logits.CopyTo(_scores);
            KeepTop(k);
        }
    }

    /// <summary>Every token of the vocabulary.</summary>
    public void TakeAll(ReadOnlySpan<float> logits)
    {
        (Count, _isListed) = (logits.Length, false);
        logits.CopyTo(_scores);
    }

    /// <summary>The tokens whose bits are set.</summary>
    public void Take(ReadOnlySpan<float> logits, ReadOnlySpan<ulong> mask)
    {
        var allowed = 0;
        foreach (var word in mask)
        {
            allowed += System.Numerics.BitOperations.PopCount(word);
        }

        _isListed = allowed <= ListedMax;
        if (_isListed)
        {
            List(logits, mask);
            return;
        }

        TakeAll(logits);
        for (var word = 0; word < mask.Length; word++)
        {
            for (var refused = ~mask[word]; refused != 0; refused &= refused - 1)
            {
                var token = (word * 64) + System.Numerics.BitOperations.TrailingZeroCount(refused);
                if (token < Count)
                {
                    _scores[token] = float.NegativeInfinity;
                }
            }
        }
    }

    /// <summary>Where a token's score stands; -1 when the token is no candidate.</summary>
    public int IndexOf(int token)
    {
        if (!_isListed)
        {
            return (uint)token < (uint)Count ? token : -1;
        }

        var index = _ids.AsSpan(0, Count).BinarySearch(token);
        return index < 0 ? -1 : index;
    }

    /// <summary>Finds the likeliest; of equals the lowest id. -1 when no score is above minus infinity.</summary>
    public int Rank()
    {
        _ = LogitVectors.TryMax(Scores, _laneMaxima, out _max);
        return float.IsNegativeInfinity(_max) ? -1 : TokenAt(LogitVectors.IndexOf(Scores, _max));
    }

    /// <summary>Keeps the k likeliest, of equals the lowest ids. After <see cref="Rank"/>.</summary>
    public void KeepTop(int k)
    {
        if (k <= 0 || k >= Count)
        {
            return;
        }

        // The k-th largest of the lanes' maxima has k numbers at or above it: whatever is below it is none of the k.
        var lanes = _laneMaxima.AsSpan(0, LogitVectors.BlocksOf(Count) * LogitVectors.Lanes);
        Shorten(Scores, k <= lanes.Length ? _cut.KthLargest(lanes, k) : float.NegativeInfinity);
        KeepExactly(k);
    }

    private void KeepExactly(int k)
    {
        if (k >= Count)
        {
            return;
        }

        var cut = _cut.KthLargest(Scores, k);
        foreach (var score in Scores)
        {
            k -= score > cut ? 1 : 0;
        }

        var kept = 0;
        for (var i = 0; i < Count; i++)
        {
            if (_scores[i] > cut || (_scores[i] == cut && k-- > 0))
            {
                (_scores[kept], _ids[kept++]) = (_scores[i], _ids[i]);
            }
        }

        Count = kept;
    }

    /// <summary>Turns scores into weights; the likeliest weighs 1. Before the filters below.</summary>
    public void Weigh(float temperature)
    {
        LogitVectors.Weigh(Scores, _max, 1f / temperature, _weights.AsSpan(0, Count), _blockSums);
        _total = Total();
    }

    /// <summary>
    /// Keeps the tokens whose surprise is nearest to the expected one, until they hold this share of the whole weight (Meister et al., "Locally typical sampling",
    /// 2023): a token's surprise less the entropy is its distance from the mean of the scores under their own weights.
    /// </summary>
    public void KeepTypical(double share, float temperature)
    {
        if (share is <= 0 or >= 1)
        {
            return;
        }

        var mean = 0.0;
        for (var i = 0; i < Count; i++)
        {
            mean += _weights[i] > 0 ? _weights[i] * (double)(_scores[i] - _max) : 0;
        }

        var center = (float)(mean / _total) + _max;
        var nearness = _other.AsSpan(0, Count);
        for (var i = 0; i < Count; i++)
        {
            nearness[i] = _weights[i] > 0 ? -Math.Abs((_scores[i] - center) / temperature) : float.NegativeInfinity;
        }

        KeepMass(nearness, share, 1);
    }

    /// <summary>Keeps the smallest set of the likeliest that holds this share of the whole weight, of equals the lowest ids.</summary>
    public void KeepShare(double share, float temperature)
    {
        if (share is > 0 and < 1)
        {
            KeepMass(Scores, share, temperature);
        }
    }

    /// <summary>Drops what weighs less than this share of the heaviest.</summary>
    public void KeepFrom(float share)
    {
        if (share <= 0)
        {
            return;
        }

        _ = LogitVectors.TryMax(_weights.AsSpan(0, Count), _laneMaxima, out var heaviest);
        var least = Vector256.Create(share * heaviest);
        for (var at = 0; at < Count; at += LogitVectors.Lanes)
        {
            var weight = LogitVectors.LoadWeights(_weights.AsSpan(0, Count), at);
            LogitVectors.Store(Vector256.GreaterThanOrEqual(weight, least) & weight, _weights.AsSpan(0, Count), at);
        }

        Recount();
    }

    /// <summary>The token at which the running sum of weights passes the given part of the whole.</summary>
    public int Draw(double uniform)
    {
        var target = uniform * _total;
        var sum = 0.0;
        var block = 0;
        var last = LogitVectors.BlocksOf(Count) - 1;
        while (block < last && sum + _blockSums[block] <= target)
        {
            sum += _blockSums[block++];
        }

        var end = Math.Min((block + 1) * LogitVectors.Block, Count);
        for (var i = block * LogitVectors.Block; i < end; i++)
        {
            sum += _weights[i];
            if (target < sum)
            {
                return TokenAt(i);
            }
        }

        // Rounding left the target beyond the sum.
        return TokenAt(LastWithWeight(end));
    }

    private int LastWithWeight(int end)
    {
        var i = end - 1;
        while (i > 0 && _weights[i] == 0)
        {
            i--;
        }

        return _weights[i] > 0 ? i : LogitVectors.IndexOf(Scores, _max);
    }

    private int TokenAt(int index) => _isListed ? _ids[index] : index;

    private void List(ReadOnlySpan<float> logits, ReadOnlySpan<ulong> mask)
    {
        Count = 0;
        for (var word = 0; word < mask.Length; word++)
        {
            for (var allowed = mask[word]; allowed != 0; allowed &= allowed - 1)
            {
                var token = (word * 64) + System.Numerics.BitOperations.TrailingZeroCount(allowed);
                if (token < logits.Length)
                {
                    (_ids[Count], _scores[Count++]) = (token, logits[token]);
                }
            }
        }
    }

    /// <summary>Lists what scores at least this much. The scores may be those that the list is written over.</summary>
    private void Shorten(ReadOnlySpan<float> scores, float least)
    {
        var from = Vector256.Create(least);
        var kept = 0;
        for (var start = 0; start < Count; start += LogitVectors.Block)
        {
            var lanes = Vector256.LoadUnsafe(ref _laneMaxima[start / LogitVectors.Block * LogitVectors.Lanes]);
            if (Vector256.GreaterThanOrEqualAny(lanes, from))
            {
                kept = ShortenBlock(scores, start, Math.Min(start + LogitVectors.Block, Count), from, kept);
            }
        }

        (Count, _isListed) = (kept, true);
    }

    private int ShortenBlock(ReadOnlySpan<float> scores, int start, int end, Vector256<float> from, int kept)
    {
        for (var at = start; at < end; at += LogitVectors.Lanes)
        {
            var hits = Vector256.GreaterThanOrEqual(LogitVectors.Load(scores, at), from).ExtractMostSignificantBits();
            for (; hits != 0; hits &= hits - 1)
            {
                var index = at + System.Numerics.BitOperations.TrailingZeroCount(hits);
                if (index < end)
                {
                    // What is kept never overtakes what is read.
                    (_ids[kept], _scores[kept]) = (TokenAt(index), scores[index]);
                    kept++;
                }
            }
        }

        return kept;
    }

    private void KeepMass(ReadOnlySpan<float> ranks, double share, float temperature)
    {
        var target = share * _total;
        var weights = _weights.AsSpan(0, Count);
        var cut = _cut.WithMass(ranks, weights, target, temperature, out var above);

        // Of those at the cut, the first that are needed.
        var last = -1;
        for (var i = LogitVectors.IndexOf(ranks, cut); i >= 0 && i < Count && above < target; i++)
        {
            if (ranks[i] == cut && weights[i] > 0)
            {
                (above, last) = (above + weights[i], i);
            }
        }

        var (limit, step) = (Vector256.Create(cut), Vector256.Create(0, 1, 2, 3, 4, 5, 6, 7));
        var end = Vector256.Create(last);
        for (var at = 0; at < Count; at += LogitVectors.Lanes)
        {
            var rank = LogitVectors.Load(ranks, at);
            var isEarly = Vector256.LessThanOrEqual(Vector256.Create(at) + step, end).AsSingle();
            var keeps = Vector256.GreaterThan(rank, limit) | (Vector256.Equals(rank, limit) & isEarly);
            LogitVectors.Store(keeps & LogitVectors.LoadWeights(weights, at), weights, at);
        }

        Recount();
    }

    private void Recount()
    {
        LogitVectors.SumBlocks(_weights.AsSpan(0, Count), _blockSums);
        _total = Total();
    }

    private double Total()
    {
        var total = 0.0;
        foreach (var sum in _blockSums.AsSpan(0, LogitVectors.BlocksOf(Count)))
        {
            total += sum;
        }

        return total;
    }
}
