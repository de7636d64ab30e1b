using Jesus.Inference.Contract;
using SamplingSettings = Jesus.Inference.Contract.Sampling;

namespace Jesus.Inference.Engine.Sampling;

/// <summary>
/// Draws tokens from logits, without allocating. Equal arguments give equal tokens on every machine: <see cref="LogitVectors"/>, sums in a fixed order,
/// <see cref="Noise"/>. Holds scratch memory (16 bytes a token of the vocabulary): one for each thread that samples.
/// </summary>
public sealed class Sampler
{
    /// <summary>Alternatives of one token, as in OpenAI's API.</summary>
    public const int TopLogProbsMax = 20;

    private readonly Candidates _candidates;
    private readonly float[] _laneMaxima;
    private readonly double[] _blockSums;
    private readonly RankCut _cut = new();

    public Sampler(int vocabularyCount)
    {
        VocabularyCount = vocabularyCount;
        _candidates = new Candidates(vocabularyCount);
        _laneMaxima = new float[LogitVectors.BlocksOf(vocabularyCount) * LogitVectors.Lanes];
        _blockSums = new double[LogitVectors.BlocksOf(vocabularyCount)];
    }

    public int VocabularyCount { get; }

    /// <param name="logits">One for each token of the vocabulary.</param>
    /// <param name="mask">Allowed tokens as bits; empty allows all.</param>
    /// <param name="settings">
    /// Penalties and biases first, then temperature, top-k, typical, top-p, min-p. Temperature 0 takes the likeliest, of equals the lowest id.
    /// </param>
    /// <param name="seed">Noise is keyed by (seed, choice, position) and by nothing else.</param>
    /// <param name="choice">Which answer of the request.</param>
    /// <param name="position">Position of the drawn token in the sequence, the prompt included.</param>
    /// <param name="history">What was said before, begun with the same settings; null when there is nothing to penalise.</param>
    /// <param name="wantLogProb">Fill <see cref="SampledToken.LogProb"/>: one more pass over the logits.</param>
    /// <param name="biases">Added to the logits of single tokens, all of the vocabulary.</param>
    public SampledToken Sample(
        ReadOnlySpan<float> logits,
        ReadOnlySpan<ulong> mask,
        in SamplingSettings settings,
        ulong seed,
        int choice,
        int position,
        TokenHistory? history = null,
        bool wantLogProb = false,
        ReadOnlySpan<TokenBias> biases = default)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(logits.Length, VocabularyCount);

        // A broken forward pass is an error wherever its bad logit stands, allowed or not.
        if (!LogitVectors.TryMax(logits, _laneMaxima, out var max))
        {
            return SampledToken.Failed(SampleError.NotANumber);
        }

        var edits = !biases.IsEmpty || history is { IsEmpty: false };
        var token = settings.Temperature > 0 || edits || !mask.IsEmpty
            ? Draw(logits, mask, settings, edits ? history : null, biases, max, Noise.Uniform(seed, choice, position))
            : Likeliest(logits, max);
        return token < 0 ? SampledToken.Failed(SampleError.NothingAllowed) : new SampledToken(token, wantLogProb ? LogProbOf(logits, token, max) : 0);
    }

    /// <summary>
    /// Natural logarithm of a token's probability under the model's own distribution: no mask, no penalty, temperature 1. The logits must hold no NaN.
    /// </summary>
    public float LogProbOf(ReadOnlySpan<float> logits, int token)
    {
        _ = LogitVectors.TryMax(logits, _laneMaxima, out var max);
        return LogProbOf(logits, token, max);
    }

    /// <summary>The likeliest tokens under the model's own distribution, likeliest first, equal ones by id.</summary>
    /// <param name="logits">One for each token of the vocabulary, no NaN.</param>
    /// <param name="top">Filled as far as there are tokens.</param>
    /// <returns>How many were filled.</returns>
    public int TopLogProbs(ReadOnlySpan<float> logits, Span<TokenAlternative> top)
    {
        _ = LogitVectors.TryMax(logits, _laneMaxima, out var max);
        var wanted = Math.Min(top.Length, logits.Length);
        if (wanted == 0)
        {
            return 0;
        }

        var least = wanted <= _laneMaxima.Length ? _cut.KthLargest(_laneMaxima, wanted) : float.NegativeInfinity;
        var filled = 0;
        for (var start = 0; start < logits.Length; start += LogitVectors.Block)
        {
            var lanes = _laneMaxima.AsSpan(start / LogitVectors.Block * LogitVectors.Lanes, LogitVectors.Lanes);
            for (var lane = 0; lane < lanes.Length; lane++)
            {
                for (var id = start + lane; lanes[lane] >= least && id < Math.Min(start + LogitVectors.Block, logits.Length); id += LogitVectors.Lanes)
                {
                    filled = logits[id] >= least && logits[id] > float.NegativeInfinity ? Insert(logits, top[..wanted], filled, id) : filled;
                }
            }
        }

        var divisor = LogDivisor(logits, max);
        foreach (ref var entry in top[..filled])
        {
            entry = entry with { LogProb = (float)(logits[entry.Token] - (double)max - divisor) };
        }

        return filled;
    }

    /// <summary>Keeps the list in order: likelier first, of equals the lower id.</summary>
    private static int Insert(ReadOnlySpan<float> logits, Span<TokenAlternative> top, int filled, int id)
    {
        var at = filled;
        while (at > 0 && (logits[top[at - 1].Token] < logits[id] || (logits[top[at - 1].Token] == logits[id] && top[at - 1].Token > id)))
        {
            at--;
        }

        if (at == top.Length)
        {
            return filled;
        }

        filled = Math.Min(filled + 1, top.Length);
        top[at..(filled - 1)].CopyTo(top[(at + 1)..]);
        top[at] = new TokenAlternative(id, 0);
        return filled;
    }

    private static int Likeliest(ReadOnlySpan<float> logits, float max) => float.IsNegativeInfinity(max) ? -1 : LogitVectors.IndexOf(logits, max);

    private int Draw(
        ReadOnlySpan<float> logits, ReadOnlySpan<ulong> mask, in SamplingSettings settings, TokenHistory? history, ReadOnlySpan<TokenBias> biases, float max, double uniform)
    {
        if (mask.IsEmpty && history is null && biases.IsEmpty && max > float.NegativeInfinity)
        {
            _candidates.TakeRanked(logits, _laneMaxima, max, settings.TopK);
            return DrawRanked(settings, uniform);
        }

        if (mask.IsEmpty)
        {
            _candidates.TakeAll(logits);
        }
        else
        {
            _candidates.Take(logits, mask);
        }

        history?.Apply(_candidates);
        foreach (var (token, bias) in biases)
        {
            if (_candidates.IndexOf(token) is >= 0 and var at)
            {
                _candidates.Scores[at] += bias;
            }
        }

        var best = _candidates.Rank();
        if (best < 0 || settings.Temperature <= 0)
        {
            return best;
        }

        _candidates.KeepTop(settings.TopK);
        return DrawRanked(settings, uniform);
    }

    private int DrawRanked(in SamplingSettings settings, double uniform)
    {
        _candidates.Weigh(settings.Temperature);
        _candidates.KeepTypical(settings.TypicalP, settings.Temperature);
        _candidates.KeepShare(settings.TopP, settings.Temperature);
        _candidates.KeepFrom(settings.MinP);
        return _candidates.Draw(uniform);
    }

    private float LogProbOf(ReadOnlySpan<float> logits, int token, float max) => (float)(logits[token] - (double)max - LogDivisor(logits, max));

    private double LogDivisor(ReadOnlySpan<float> logits, float max)
    {
        LogitVectors.Weigh(logits, max, 1, default, _blockSums);
        var sum = 0.0;
        foreach (var block in _blockSums)
        {
            sum += block;
        }

        return FixedMath.Log(sum);
    }
}
