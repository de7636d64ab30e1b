using SamplingSettings = Jesus.Inference.Contract.Sampling;

namespace Jesus.Inference.Engine.Sampling;

/// <summary>Draws tokens from logits. Holds scratch memory: one for each thread that samples.</summary>
public sealed class Sampler
{
    public Sampler(int vocabularyCount) => VocabularyCount = vocabularyCount;

    public int VocabularyCount { get; }

    /// <param name="logits">One for each token of the vocabulary.</param>
    /// <param name="mask">Allowed tokens as bits; empty allows all.</param>
    /// <param name="settings">Temperature first, then top-k, top-p, min-p.</param>
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
        var best = -1;
        for (var i = 0; i < logits.Length; i++)
        {
            if (float.IsNaN(logits[i]))
            {
                return SampledToken.Failed(SampleError.NotANumber);
            }

            if ((mask.IsEmpty || (mask[i >> 6] >> (i & 63) & 1) != 0) && (best < 0 || logits[i] > logits[best]))
            {
                best = i;
            }
        }

        return best < 0 ? SampledToken.Failed(SampleError.NothingAllowed) : new SampledToken(best, 0);
    }
}
