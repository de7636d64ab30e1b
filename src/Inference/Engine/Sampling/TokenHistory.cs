using System.Runtime.InteropServices;
using SamplingSettings = Jesus.Inference.Contract.Sampling;

namespace Jesus.Inference.Engine.Sampling;

/// <summary>
/// Which tokens were said before in one answer, for the penalties: those generated, for frequency and presence; prompt and answer, or the last of both, for
/// repetition. Reused by <see cref="Begin"/>; without penalties it keeps nothing.
/// </summary>
public sealed class TokenHistory
{
    private readonly Dictionary<int, int> _generated = [];
    private readonly Dictionary<int, int> _recent = [];
    private readonly Queue<int> _window = new();
    private SamplingSettings _settings;

    /// <summary>Starts an answer.</summary>
    /// <param name="prompt">Without tokens of the answer.</param>
    /// <param name="settings">Which penalties will be asked for.</param>
    public void Begin(ReadOnlySpan<int> prompt, in SamplingSettings settings)
    {
        _settings = settings;
        _generated.Clear();
        _recent.Clear();
        _window.Clear();
        if (!settings.PenalisesRepetition)
        {
            return;
        }

        var last = settings.RepetitionLastN;
        foreach (var token in last > 0 && last < prompt.Length ? prompt[^last..] : prompt)
        {
            AddRecent(token);
        }
    }

    /// <summary>Takes a token of the answer.</summary>
    public void Add(int token)
    {
        if (_settings.FrequencyPenalty != 0 || _settings.PresencePenalty != 0)
        {
            Increment(_generated, token);
        }

        if (_settings.PenalisesRepetition)
        {
            AddRecent(token);
        }
    }

    /// <summary>Penalties on the scores of those candidates that were said before; then the biases.</summary>
    internal void Apply(Candidates candidates)
    {
        foreach (var (token, _) in _recent)
        {
            if (candidates.IndexOf(token) is >= 0 and var at)
            {
                // Keskar et al., "CTRL", 2019: less likely on whichever side of 0 the logit lies.
                ref var score = ref candidates.Scores[at];
                score = score > 0 ? score / _settings.RepetitionPenalty : score * _settings.RepetitionPenalty;
            }
        }

        foreach (var (token, count) in _generated)
        {
            if (candidates.IndexOf(token) is >= 0 and var at)
            {
                // OpenAI API reference: a generated token's logit falls by frequency times its count, and once by presence.
                candidates.Scores[at] -= (count * _settings.FrequencyPenalty) + _settings.PresencePenalty;
            }
        }
    }

    internal bool IsEmpty => _recent.Count + _generated.Count == 0;

    private void AddRecent(int token)
    {
        Increment(_recent, token);
        if (_settings.RepetitionLastN <= 0)
        {
            return;
        }

        _window.Enqueue(token);
        if (_window.Count > _settings.RepetitionLastN)
        {
            var gone = _window.Dequeue();
            if (--CollectionsMarshal.GetValueRefOrNullRef(_recent, gone) == 0)
            {
                _recent.Remove(gone);
            }
        }
    }

    private static void Increment(Dictionary<int, int> counts, int token) => CollectionsMarshal.GetValueRefOrAddDefault(counts, token, out _)++;
}
