namespace Jesus.Inference.Engine.Hosting;

/// <summary>Why a model left the memory.</summary>
public enum UnloadReason : byte
{
    /// <summary>Somebody asked for it.</summary>
    Asked,

    /// <summary>Another needed the memory, and this one was unused for longest.</summary>
    Memory,

    /// <summary>Nobody called it for as long as <see cref="ModelHostOptions.KeepAlive"/>.</summary>
    Idle,
}

/// <summary>What a host did so far.</summary>
/// <param name="Loads">Models taken into memory.</param>
/// <param name="LoadFailures">Loads that ended with an error, refusals for want of memory among them.</param>
/// <param name="LoadSeconds">That the successful loads took together.</param>
public readonly record struct HostCounts(long Loads, long LoadFailures, double LoadSeconds)
{
    public long UnloadsAsked { get; init; }
    public long UnloadsMemory { get; init; }
    public long UnloadsIdle { get; init; }
}

/// <summary>The memory of all models together, in bytes.</summary>
/// <param name="Cap">What they may take now: the option's cap, or what the box could give where that is less or none is set.</param>
/// <param name="Used">Reserved by those in memory and those being loaded.</param>
public readonly record struct HostMemory(long Cap, long Used);

/// <summary>How an order to unload ended.</summary>
public enum UnloadOutcome : byte
{
    Unloaded,
    NotLoaded,

    /// <summary>It is being loaded: it can be unloaded once it is there.</summary>
    BeingLoaded,
}

/// <param name="Outcome">What became of it.</param>
/// <param name="CallsEnded">Calls that were not done when the time to finish was over; they ended as draining.</param>
public readonly record struct UnloadResult(UnloadOutcome Outcome, int CallsEnded = 0);
