namespace Jesus.Appliance.Scheduler;

/// <summary>Config section <c>scheduler</c>.</summary>
public sealed record SchedulerOptions
{
    /// <summary>Calls waiting at one candidate's door, 1 to 100,000; 1,024 by default: at 1 s an answer the last would wait minutes already.</summary>
    public int QueueDepthMax { get; init; } = 1_024;

    /// <summary>Milliseconds that a call waits at the last candidate's door, 1 to 3,600,000; a minute by default, after which clients give up.</summary>
    public int QueueWaitMs { get; init; } = 60_000;

    /// <summary>Calls in progress at a candidate that states no limit, 1 to 10,000; 64 by default.</summary>
    public int DefaultSlots { get; init; } = 64;

    /// <summary>Shares of the lanes while all of them wait, 1 to 1,000 each. None starves: the smallest still gets its share.</summary>
    public int InteractiveWeight { get; init; } = 16;
    public int AgentWeight { get; init; } = 4;
    public int BatchWeight { get; init; } = 1;
}
