using Jesus.Appliance.Storage.Journal;

namespace Jesus.Appliance.Federation.Durable;

/// <summary>The run is not this box's (any more): nothing of it can be committed here. Ends the run's steps, not the process.</summary>
internal sealed class RunLostException(string runId)
    : JournalFailedException($"run {runId} is not this box's any more: another goes on with it from its last committed step");

/// <summary>An event is not kept because its run has reached a limit; nothing was written.</summary>
internal sealed class LogFullException(string message) : IOException(message);
