namespace Jesus.Appliance.Router;

/// <summary>How fast a candidate was lately; <c>default</c> when nothing was measured.</summary>
/// <param name="FirstTokenMs">From the call to the first content, exponentially weighted.</param>
/// <param name="TokensPerSecond">After the first content; 0 while no answer was long enough to tell.</param>
/// <param name="Samples">Answers measured.</param>
/// <param name="AsOfMs">When the last was.</param>
public readonly record struct SpeedFigures(double FirstTokenMs, double TokensPerSecond, int Samples, long AsOfMs)
{
    public bool IsUnknown => Samples == 0;

    /// <summary>Milliseconds until an answer of so many tokens is whole; 0 when unknown.</summary>
    public double AnswerMs(int tokens) => FirstTokenMs + (TokensPerSecond > 0 ? tokens * 1_000 / TokensPerSecond : 0);
}

/// <summary>Measures one candidate's speed. Not thread-safe: <see cref="CandidateHealth"/> is its one user.</summary>
internal sealed class CandidateSpeed
{
    /// <summary>The last five answers weigh two thirds: a provider's slow hour shows within a few calls, one slow call does not move it far.</summary>
    private const double Weight = 0.2;

    /// <summary>First-token times kept for percentiles: the 95th then stands on three of them.</summary>
    private const int Kept = 64;

    /// <summary>Shorter answers say nothing about tokens a second: their time is the network's.</summary>
    private const int TokensMin = 8;

    private readonly int[] _firstMs = new int[Kept];
    private int _next;

    public SpeedFigures Figures { get; private set; }

    public void Note(long firstMs, long restMs, int tokens, long nowMs)
    {
        var before = Figures;
        var first = before.IsUnknown ? firstMs : Blend(before.FirstTokenMs, firstMs);
        var rate = before.TokensPerSecond;
        if (tokens >= TokensMin && restMs > 0)
        {
            var measured = tokens * 1_000.0 / restMs;
            rate = rate > 0 ? Blend(rate, measured) : measured;
        }

        _firstMs[_next] = (int)Math.Min(int.MaxValue, firstMs);
        _next = (_next + 1) % Kept;
        Figures = new SpeedFigures(first, rate, Math.Min(before.Samples + 1, int.MaxValue - 1), nowMs);
    }

    /// <summary>The first-token time that so many of 100 answers kept to; -1 while fewer than 8 were measured.</summary>
    public long FirstTokenPercentile(int percentile)
    {
        var count = Math.Min(Figures.Samples, Kept);
        if (count < 8)
        {
            return -1;
        }

        Span<int> sorted = stackalloc int[Kept];
        _firstMs.AsSpan(0, count).CopyTo(sorted);
        sorted[..count].Sort();
        return sorted[Math.Min(count - 1, count * percentile / 100)];
    }

    private static double Blend(double old, double measured) => old + ((measured - old) * Weight);
}
