using SamplingSettings = Jesus.Inference.Contract.Sampling;

namespace Jesus.Inference.Engine.Sampling;

/// <summary>
/// Draws tokens from logits, without allocating. Equal arguments give equal tokens on every machine: <see cref="FixedMath"/>, sums in a fixed order,
/// <see cref="Noise"/>. Holds scratch memory (12 bytes a token of the vocabulary): one for each thread that samples.
/// </summary>
public sealed class Sampler
{
    private readonly Candidates _candidates;

    public Sampler(int vocabularyCount)
    {
        VocabularyCount = vocabularyCount;
        _candidates = new Candidates(vocabularyCount);
    }

    public int VocabularyCount { get; }

    /// <param name="logits">One for each token of the vocabulary.</param>
    /// <param name="mask">Allowed tokens as bits; empty allows all.</param>
    /// <param name="settings">Penalties first, then temperature, top-k, top-p, min-p. Temperature 0 takes the likeliest, of equals the lowest id.</param>
    /// <param name="seed">Noise is keyed by (seed, choice, position) and by nothing else.</param>
    /// <param name="choice">Which answer of the request.</param>
    /// <param name="position">Position of the drawn token in the sequence, the prompt included.</param>
    /// <param name="history">Tokens generated so far, for the penalties; null when there are none.</param>
    /// <param name="wantLogProb">Fill <see cref="SampledToken.LogProb"/>: one more pass over the logits.</param>
    public SampledToken Sample(
        ReadOnlySpan<float> logits,
        ReadOnlySpan<ulong> mask,
        in SamplingSettings settings,
        ulong seed,
        int choice,
        int position,
        TokenHistory? history = null,
        bool wantLogProb = false)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(logits.Length, VocabularyCount);
        var penalties = new Penalties(history, settings.FrequencyPenalty, settings.PresencePenalty);
        var error = FindBest(logits, mask, penalties, out var token, out var best);
        if (error != SampleError.None)
        {
            return SampledToken.Failed(error);
        }

        if (settings.Temperature > 0)
        {
            Weigh(logits, mask, penalties, best, settings.Temperature);
            _candidates.KeepTop(settings.TopK);
            _candidates.KeepShare(settings.TopP);
            _candidates.KeepFrom(settings.MinP);
            token = _candidates.Draw(Noise.Uniform(seed, choice, position));
        }

        return new SampledToken(token, wantLogProb ? LogProbOf(logits, token) : 0);
    }

    /// <summary>
    /// Natural logarithm of a token's probability under the model's own distribution: no mask, no penalty, temperature 1. The logits must hold no NaN.
    /// </summary>
    public static float LogProbOf(ReadOnlySpan<float> logits, int token)
    {
        var max = float.NegativeInfinity;
        foreach (var logit in logits)
        {
            max = Math.Max(max, logit);
        }

        var sum = 0.0;
        foreach (var logit in logits)
        {
            sum += FixedMath.Exp(logit - (double)max);
        }

        return (float)(logits[token] - (double)max - FixedMath.Log(sum));
    }

    /// <summary>The likeliest tokens under the model's own distribution, likeliest first, equal ones by id.</summary>
    /// <param name="logits">One for each token of the vocabulary, no NaN.</param>
    /// <param name="top">Filled as far as there are tokens; at most the vocabulary's length.</param>
    public static void TopLogProbs(ReadOnlySpan<float> logits, Span<(int Token, float LogProb)> top)
    {
        var filled = 0;
        for (var token = 0; token < logits.Length; token++)
        {
            var at = filled;
            while (at > 0 && logits[top[at - 1].Token] < logits[token])
            {
                at--;
            }

            if (at < top.Length)
            {
                filled = Math.Min(filled + 1, top.Length);
                top[at..(filled - 1)].CopyTo(top[(at + 1)..]);
                top[at] = (token, 0);
            }
        }

        if (filled > 0)
        {
            var best = LogProbOf(logits, top[0].Token);
            foreach (ref var entry in top[..filled])
            {
                entry.LogProb = (float)(best + ((double)logits[entry.Token] - logits[top[0].Token]));
            }
        }
    }

    /// <summary>A broken forward pass is an error wherever its bad logit stands, allowed or not.</summary>
    private static SampleError FindBest(ReadOnlySpan<float> logits, ReadOnlySpan<ulong> mask, Penalties penalties, out int token, out double best)
    {
        token = -1;
        best = double.NegativeInfinity;
        for (var i = 0; i < logits.Length; i++)
        {
            var logit = logits[i];
            if (float.IsNaN(logit) || float.IsPositiveInfinity(logit))
            {
                return SampleError.NotANumber;
            }

            if (IsAllowed(mask, i) && penalties.Apply(i, logit) is var value && value > best)
            {
                (token, best) = (i, value);
            }
        }

        return token < 0 ? SampleError.NothingAllowed : SampleError.None;
    }

    private void Weigh(ReadOnlySpan<float> logits, ReadOnlySpan<ulong> mask, Penalties penalties, double best, double temperature)
    {
        _candidates.Clear();
        for (var i = 0; i < logits.Length; i++)
        {
            if (IsAllowed(mask, i))
            {
                _candidates.Add(i, FixedMath.Exp((penalties.Apply(i, logits[i]) - best) / temperature));
            }
        }
    }

    private static bool IsAllowed(ReadOnlySpan<ulong> mask, int token) => mask.IsEmpty || (mask[token >> 6] >> (token & 63) & 1) != 0;

    /// <summary>OpenAI's: a generated token's logit falls by frequency times its count, and once by presence.</summary>
    private readonly ref struct Penalties
    {
        private readonly Dictionary<int, int>? _counts;
        private readonly double _frequency;
        private readonly double _presence;

        public Penalties(TokenHistory? history, float frequency, float presence)
        {
            _counts = frequency == 0 && presence == 0 ? null : history?.Counts;
            (_frequency, _presence) = (frequency, presence);
        }

        public double Apply(int token, float logit) =>
            _counts is not null && _counts.TryGetValue(token, out var count) ? logit - (count * _frequency) - _presence : logit;
    }
}
