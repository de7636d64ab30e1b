using Jesus.Appliance.Pricing;

namespace Jesus.Appliance.Router;

/// <summary>What policies and planner look at of one candidate of a route, gathered at one moment. Plain values, so that an order can be replayed.</summary>
public struct CandidateView
{
    /// <summary>Share under <c>weighted</c> and <c>sticky_prefix</c>; at least 1.</summary>
    public int Weight;

    /// <summary>Exact where the tokenizer is known, otherwise never too low; 0 when not counted.</summary>
    public int InputTokens;

    public Price Price;

    /// <summary>The most that the call can use and cost there.</summary>
    public CallBound Bound;

    /// <summary>Breaker open, cooldown, or a trial under way.</summary>
    public bool Rests;
    public SpeedFigures Speed;

    /// <summary>Calls in progress there, from every caller where it says so, and how many it takes at once (0 when unknown).</summary>
    public int InProgress;
    public int Slots;

    /// <summary>Stable identity, for rendezvous.</summary>
    public ulong Hash;

    public readonly bool IsBusy => Slots > 0 && InProgress >= Slots;
}
