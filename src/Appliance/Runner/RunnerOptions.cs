namespace Jesus.Appliance.Runner;

/// <summary>Limits of the runner (section <c>runner</c> of the configuration).</summary>
public sealed record RunnerOptions
{
    /// <summary>Runs that progress at once; later ones queue in order. 1,024: a run at work holds about 20 KB, and model calls queue at their own doors. 1 to 100,000.</summary>
    public int RunsAtOnce { get; init; } = 1_024;

    /// <summary>Runs that may wait for their turn; past it a submission is refused as busy. 10,000 hold about 200 MB at worst. 0 to 1,000,000.</summary>
    public int QueueMax { get; init; } = 10_000;

    /// <summary>Steps of one run in progress at once, unless its workflow asks for fewer. 16: enough to fill a model's batch. 1 to 256.</summary>
    public int StepsAtOnce { get; init; } = 16;

    /// <summary>Longest time of one attempt where the step says nothing. 10 minutes: a slow model on a loaded box, and no step hangs for ever.</summary>
    public TimeSpan StepTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Finished runs kept in memory for quick answers; older ones are read back from the disk. 0 to 100,000.</summary>
    public int FinishedKept { get; init; } = 200;

    /// <summary>Bytes of an output or of inputs that a journal record carries itself; larger ones become artifacts. 16 KiB: two and more still fit a record's 64.</summary>
    public int InlineBytes { get; init; } = 16 * 1024;

    /// <summary>How long stopping waits for steps in progress before they are cancelled, to run again after the next start. 5 s.</summary>
    public TimeSpan StopGrace { get; init; } = TimeSpan.FromSeconds(5);
}
