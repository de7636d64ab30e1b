using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Security;

namespace Jesus.Appliance.Runner;

/// <summary>
/// Agent runs as the gateway and the command line see them. A principal sees the runs of its own user; an administrator sees all.
/// A run that does not exist and one that may not be seen answer alike. Expected failures are values; an exception means that the
/// journal failed. Thread-safe.
/// </summary>
public interface IRunService
{
    /// <summary>Accepts a run; when this completes with an id, the run is durable and will be carried to its end.</summary>
    ValueTask<SubmitResult> SubmitAsync(RunSubmission submission, Principal principal, CancellationToken cancel);

    /// <returns>Null when there is no such run for this principal.</returns>
    ValueTask<RunView?> GetAsync(string runId, Principal principal, CancellationToken cancel);

    /// <summary>Runs, newest first.</summary>
    ValueTask<RunPage> ListAsync(RunFilter filter, Principal principal, CancellationToken cancel);

    /// <summary>
    /// The events after a sequence number (0: from the first), then live ones; ends after the run's terminal event. An event with
    /// <see cref="RunEventView.Live"/> is shown once and never replayed; its sequence is that of the durable event before it.
    /// </summary>
    /// <returns>Null when there is no such run for this principal.</returns>
    ValueTask<IAsyncEnumerable<RunEventView>?> WatchAsync(string runId, long afterSequence, Principal principal, CancellationToken cancel);

    /// <summary>Stops the run: steps in progress are cancelled, none starts again. Cancelling twice is no error.</summary>
    ValueTask<RunReply> CancelAsync(string runId, Principal principal, CancellationToken cancel);

    /// <summary>Continues a failed or cancelled run: steps that are done stay done, the others get new attempts.</summary>
    ValueTask<RunReply> RetryAsync(string runId, Principal principal, CancellationToken cancel);

    /// <summary>Answers an <c>approve</c> step that waits.</summary>
    /// <param name="stepPath">The step's path, such as <c>release</c> or <c>each[2]/ask</c>; empty when exactly one step waits.</param>
    /// <param name="note">Kept with the answer; empty when there is nothing to say.</param>
    ValueTask<RunReply> ApproveAsync(string runId, string stepPath, bool approved, string note, Principal principal, CancellationToken cancel);

    /// <summary>What the run waits for, cause by cause, and for how long.</summary>
    /// <returns>Null when there is no such run for this principal.</returns>
    ValueTask<RunExplanation?> ExplainAsync(string runId, Principal principal, CancellationToken cancel);

    /// <summary>Every item of the run's map step, however many and large: what a view leaves out.</summary>
    /// <param name="mapStep">Id of the step; its items are of one step each.</param>
    /// <returns>Null when there is no such run for this principal, or no such step in it.</returns>
    ValueTask<RunItems?> ItemsAsync(string runId, string mapStep, Principal principal, CancellationToken cancel);

    /// <returns>Null when there is no such run for this principal.</returns>
    ValueTask<IReadOnlyList<ArtifactView>?> ArtifactsAsync(string runId, Principal principal, CancellationToken cancel);

    /// <returns>Null when there is no such run or artifact for this principal.</returns>
    ValueTask<ArtifactContent?> OpenArtifactAsync(string runId, string name, Principal principal, CancellationToken cancel);
}
