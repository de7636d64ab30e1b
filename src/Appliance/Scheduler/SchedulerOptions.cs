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
}
