namespace Jesus.Appliance.Federation.Totals;

/// <summary>What a box has done since it started.</summary>
public readonly record struct BoxCounts
{
    public long Calls { get; init; }

    /// <summary>Calls that did not end well.</summary>
    public long Errors { get; init; }
    public long InputTokens { get; init; }
    public long OutputTokens { get; init; }
    public long MicroUsd { get; init; }

    /// <summary>Runs that ended.</summary>
    public long Runs { get; init; }

    public static BoxCounts operator +(in BoxCounts a, in BoxCounts b) => new()
    {
        Calls = Sum(a.Calls, b.Calls),
        Errors = Sum(a.Errors, b.Errors),
        InputTokens = Sum(a.InputTokens, b.InputTokens),
        OutputTokens = Sum(a.OutputTokens, b.OutputTokens),
        MicroUsd = Sum(a.MicroUsd, b.MicroUsd),
        Runs = Sum(a.Runs, b.Runs),
    };

    /// <summary>A peer may say anything: what is negative counts as nothing, and a sum stays where it is at its end.</summary>
    private static long Sum(long a, long b)
    {
        var (left, right) = (Math.Max(0, a), Math.Max(0, b));
        return left > long.MaxValue - right ? long.MaxValue : left + right;
    }
}

/// <summary>A box's counts, and when they came, by this box's monotonic milliseconds.</summary>
public readonly record struct PeerCounts(string Peer, BoxCounts Counts, long SeenMs);
