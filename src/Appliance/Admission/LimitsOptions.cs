namespace Jesus.Appliance.Admission;

/// <summary>Whose calls a rule counts together.</summary>
public enum LimitScope : byte
{
    /// <summary>One API key, or a process of this box by its user: the principal's id, such as <c>key:3f9a</c> or <c>local:alice</c>.</summary>
    Key,
    User,
    Team,
    Organisation,

    /// <summary>The model or route as the caller names it, over all callers.</summary>
    Model,
}

/// <summary>One line of <c>limits.rules</c>. 0 sets no limit of that kind.</summary>
public sealed record LimitRule
{
    public LimitScope Scope { get; init; }

    /// <summary>
    /// The name that it holds for, or a pattern in which <c>*</c> stands for any text; each name that matches is counted by itself. Of the rules of one
    /// scope the most specific one holds: the exact name, else the pattern with the most letters.
    /// </summary>
    public string Name { get; init; } = "*";

    /// <summary>Calls a minute, spent from a bucket that holds one minute's worth.</summary>
    public int RequestsPerMinute { get; init; }

    /// <summary>Tokens of prompt and answer a minute: taken by the worst case (at most a full bucket), corrected by what was used.</summary>
    public int TokensPerMinute { get; init; }

    /// <summary>Calls in progress.</summary>
    public int Concurrency { get; init; }
}

/// <summary>Config section <c>limits</c>: what one principal, and all together, may ask for.</summary>
public sealed record LimitsOptions
{
    /// <summary>At most 1,000: a caller's rules are looked up once and remembered.</summary>
    public IReadOnlyList<LimitRule> Rules { get; init; } = [];

    /// <summary>
    /// Calls a minute for each principal without a rule of scope <c>key</c>, spent from a bucket that holds one minute's worth; 0 is no limit. Default 0:
    /// budgets bound cost.
    /// </summary>
    public int CallsPerMinute { get; init; }

    /// <summary>Calls in progress for each principal without a rule of scope <c>key</c>; 0 is no limit. Default 256: a fan-out of an agent, not a runaway loop.</summary>
    public int CallsInProgress { get; init; } = 256;

    /// <summary>
    /// Calls in progress in all; default 4,096, each holding about 40 KB of buffers (160 MB). 1 to 100,000. The lane <c>batch</c> is refused from half of it on,
    /// <c>agent</c> from three quarters on, so that people are served to the end.
    /// </summary>
    public int CallsInProgressTotal { get; init; } = 4_096;

    /// <summary>
    /// Per cent of the memory that the box lets the daemon have from which on interactive calls are refused; default 98, 0 turns it off. Lane <c>agent</c> is
    /// refused from 2 below it on, <c>batch</c> from 5 below it on.
    /// </summary>
    public int MemoryPercentMax { get; init; } = 98;

    /// <summary>Longest answer that may be asked for, in tokens; default 131,072, the longest that providers offer.</summary>
    public int MaxOutputTokens { get; init; } = 131_072;

    /// <summary>Answers to one prompt; default 8: each costs a sequence of the engine.</summary>
    public int Choices { get; init; } = 8;

    /// <summary>Turns of a conversation; default 4,096.</summary>
    public int Turns { get; init; } = 4_096;

    /// <summary>Principals and names remembered at once; default 65,536 at about 200 B. The idle ones are forgotten first.</summary>
    public int Principals { get; init; } = 65_536;
}
