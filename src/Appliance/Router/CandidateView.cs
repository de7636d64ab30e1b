using Jesus.Appliance.Pricing;

namespace Jesus.Appliance.Router;

/// <summary>What policies and planner look at of one candidate of a route, gathered at one moment. Plain values, so that an order can be replayed.</summary>
public record struct CandidateView
{
    /// <summary>Share under <c>weighted</c> and <c>sticky_prefix</c>; at least 1.</summary>
    public int Weight { get; set; }

    /// <summary>Exact where the tokenizer is known, otherwise never too low; 0 when not counted.</summary>
    public int InputTokens { get; set; }

    public Price Price { get; set; }

    /// <summary>The most that the call can use and cost there.</summary>
    public CallBound Bound { get; set; }

    /// <summary>Breaker open, cooldown, or a trial under way.</summary>
    public bool Rests { get; set; }
    public SpeedFigures Speed { get; set; }

    /// <summary>Calls in progress there, from every caller where it says so, and how many it takes at once (0 when unknown).</summary>
    public int InProgress { get; set; }
    public int Slots { get; set; }

    /// <summary>Stable identity, for rendezvous.</summary>
    public ulong Hash { get; set; }

    public readonly bool IsBusy => Slots > 0 && InProgress >= Slots;
}
