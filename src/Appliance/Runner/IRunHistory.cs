using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;

namespace Jesus.Appliance.Runner;

/// <param name="Sequence">Its journal position.</param>
public readonly record struct StoredRunEvent(long Sequence, RunEvent Event);

/// <summary>The runs that are no longer, or not yet, in memory. Thread-safe.</summary>
public interface IRunHistory
{
    /// <summary>Runs that were submitted and have not ended, oldest first; asked once, at the start.</summary>
    IReadOnlyList<string> Unfinished();

    /// <summary>All durable events of a run in order; empty when there is no such run. Large payloads are still hashes.</summary>
    IReadOnlyList<StoredRunEvent> Read(string runId);

    /// <summary>Runs without steps, newest first.</summary>
    /// <param name="user">Only this user's; null for all.</param>
    IReadOnlyList<RunView> List(RunFilter filter, string? user);
}
