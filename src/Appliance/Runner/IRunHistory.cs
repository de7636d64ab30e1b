using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;

namespace Jesus.Appliance.Runner;

/// <param name="Sequence">Its journal position.</param>
public readonly record struct StoredRunEvent(long Sequence, RunEvent Event);

/// <summary>The runs that are no longer, or not yet, in memory. Thread-safe.</summary>
public interface IRunHistory
{
    /// <summary>Runs that were submitted and have not ended, oldest first; asked once, at the start.</summary>
    ValueTask<IReadOnlyList<string>> UnfinishedAsync(CancellationToken cancel);

    /// <summary>All durable events of a run in order; empty when there is no such run. Large payloads are still hashes.</summary>
    ValueTask<IReadOnlyList<StoredRunEvent>> ReadAsync(string runId, CancellationToken cancel);

    /// <summary>Runs without steps, newest first.</summary>
    /// <param name="user">Only this user's; null for all.</param>
    ValueTask<IReadOnlyList<RunView>> ListAsync(RunFilter filter, string? user, CancellationToken cancel);
}
