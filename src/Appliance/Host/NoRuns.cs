using Jesus.Appliance.Runner;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Security;

namespace Jesus.Appliance.Host;

/// <summary>Answers that runs are not here.</summary>
internal sealed class NoRuns : IRunService
{
    public ValueTask<SubmitResult> SubmitAsync(RunSubmission submission, Principal principal, CancellationToken cancel) =>
        new(SubmitResult.Refused(SubmitRefusal.Stopping, "Runs are not implemented in this version."));

    public ValueTask<RunView?> GetAsync(string runId, Principal principal, CancellationToken cancel) => new((RunView?)null);

    public ValueTask<RunPage> ListAsync(RunFilter filter, Principal principal, CancellationToken cancel) => new(new RunPage([], ""));

    public ValueTask<IAsyncEnumerable<RunEventView>?> WatchAsync(string runId, long afterSequence, Principal principal, CancellationToken cancel) => new((IAsyncEnumerable<RunEventView>?)null);

    public ValueTask<RunReply> CancelAsync(string runId, Principal principal, CancellationToken cancel) => NotFound();

    public ValueTask<RunReply> RetryAsync(string runId, Principal principal, CancellationToken cancel) => NotFound();

    public ValueTask<RunReply> ApproveAsync(string runId, string stepPath, bool approved, string note, Principal principal, CancellationToken cancel) => NotFound();

    public ValueTask<RunExplanation?> ExplainAsync(string runId, Principal principal, CancellationToken cancel) => new((RunExplanation?)null);

    public ValueTask<IReadOnlyList<ArtifactView>?> ArtifactsAsync(string runId, Principal principal, CancellationToken cancel) => new((IReadOnlyList<ArtifactView>?)null);

    public ValueTask<ArtifactContent?> OpenArtifactAsync(string runId, string name, Principal principal, CancellationToken cancel) => new((ArtifactContent?)null);

    private static ValueTask<RunReply> NotFound() => new(new RunReply(RunReplyCode.NotFound, "", null));
}
