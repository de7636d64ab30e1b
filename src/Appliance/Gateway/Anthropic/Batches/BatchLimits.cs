namespace Jesus.Appliance.Gateway.Anthropic.Batches;

/// <summary>What a batch may be at most, and how many are kept. Its bytes are limited as every request's are (<c>listen.maxBodyBytes</c>).</summary>
internal static class BatchLimits
{
    /// <summary>Requests of one batch: what a map walks, about 1 KB of memory each while the batch runs.</summary>
    public const int RequestsMax = Runner.Workflows.WorkflowLimits.MapItems;

    /// <summary>Batches of one user that can still be listed; older ones than 29 days and deleted ones do not count.</summary>
    public const int KeptMax = 1_000;

    /// <summary>Characters of a <c>custom_id</c>, as the API has it.</summary>
    public const int CustomIdMax = 64;

    /// <summary>Bodies of batches at work that are held in memory; of more than these at once, each is read from the disk again.</summary>
    public const int BodiesMax = 4;

    /// <summary>Tries of one request for a passing cause, with pauses of 1 to 30 s in the run's journal: half a minute of an upstream that restarts.</summary>
    public const int TriesMax = 6;
}
