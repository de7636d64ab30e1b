namespace Jesus.Appliance.Scheduler;

/// <summary>Priority classes, most urgent first.</summary>
public enum Lane : byte
{
    /// <summary>A person is waiting.</summary>
    Interactive,

    /// <summary>Steps of agent runs.</summary>
    Agent,

    /// <summary>Work that may wait: evals, batches.</summary>
    Batch,
}
