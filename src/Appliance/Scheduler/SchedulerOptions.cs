namespace Jesus.Appliance.Scheduler;

/// <summary>Config section <c>scheduler</c>.</summary>
public sealed record SchedulerOptions
{
    /// <summary>
    /// Calls waiting at one candidate's door, 1 to 100,000; 1,024 by default: at 1 s an answer the last would wait minutes already. The lane <c>agent</c> joins
    /// while less than 60 % are taken, <c>batch</c> while less than 30 %.
    /// </summary>
    public int QueueDepthMax { get; init; } = 1_024;

    /// <summary>Milliseconds that a call waits at the last candidate's door, 1 to 3,600,000; a minute by default, after which clients give up.</summary>
    public int QueueWaitMs { get; init; } = 60_000;

    /// <summary>
    /// A call that would wait longer than this, by how long calls take at that door, is refused at once instead of after the wait: 1 to 3,600,000 ms a lane. Ten
    /// seconds for a person, half a minute for a step of a run, a minute for a batch.
    /// </summary>
    public int InteractiveWaitMs { get; init; } = 10_000;
    public int AgentWaitMs { get; init; } = 30_000;
    public int BatchWaitMs { get; init; } = 60_000;

    /// <summary>Calls in progress at a candidate that states no limit, 1 to 10,000; 64 by default.</summary>
    public int DefaultSlots { get; init; } = 64;

    /// <summary>Shares of the lanes while all of them wait, 1 to 1,000 each. None starves: the smallest still gets its share.</summary>
    public int InteractiveWeight { get; init; } = 16;
    public int AgentWeight { get; init; } = 4;
    public int BatchWeight { get; init; } = 1;

    /// <summary>
    /// How often one call of the lane <c>batch</c> on the box's own models may be set aside for a person's that finds no place or no memory; 0 to 100, 0 turns it off. Twice by
    /// default: each time costs at most what it had computed, so that a batch takes at worst three times its work.
    /// </summary>
    public int PreemptionsMax { get; init; } = 2;

    /// <summary>
    /// Milliseconds after which a call that was set aside comes back whoever waits, 1 to 600,000; half a minute by default, below the minute after which whoever reads a
    /// silent answer takes it for lost.
    /// </summary>
    public int PreemptedMs { get; init; } = 30_000;
}
