namespace Jesus.Appliance.Admission;

/// <summary>Config section <c>limits</c>: what one principal, and all together, may ask for.</summary>
public sealed record LimitsOptions
{
    /// <summary>Calls a minute for each principal, spent from a bucket that holds one minute's worth; 0 is no limit. Default 0: budgets bound cost.</summary>
    public int CallsPerMinute { get; init; }

    /// <summary>Calls in progress for each principal; 0 is no limit. Default 256: a fan-out of an agent, not a runaway loop.</summary>
    public int CallsInProgress { get; init; } = 256;

    /// <summary>Calls in progress in all; default 4,096, each holding about 40 KB of buffers (160 MB). 1 to 100,000.</summary>
    public int CallsInProgressTotal { get; init; } = 4_096;

    /// <summary>Longest answer that may be asked for, in tokens; default 131,072, the longest that providers offer.</summary>
    public int MaxOutputTokens { get; init; } = 131_072;

    /// <summary>Answers to one prompt; default 8: each costs a sequence of the engine.</summary>
    public int Choices { get; init; } = 8;

    /// <summary>Turns of a conversation; default 4,096.</summary>
    public int Turns { get; init; } = 4_096;

    /// <summary>Principals remembered at once; default 65,536 at about 100 B. The idle ones are forgotten first.</summary>
    public int Principals { get; init; } = 65_536;
}
