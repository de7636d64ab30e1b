using System.Runtime.CompilerServices;
using Jesus.Appliance.Runner;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Security;

namespace Jesus.Appliance.Tests.Gateway;

/// <summary>One run called <c>r1</c> with three events.</summary>
internal sealed class FakeRuns : IRunService
{
    public RunSubmission? Submitted { get; private set; }
    public SubmitResult SubmitAnswer { get; set; } = SubmitResult.Of("r1");
    public RunReplyCode OrderAnswer { get; set; } = RunReplyCode.Done;
    public (string Step, bool Approved, string Note) Approval { get; private set; }

    /// <summary>When set, the events after the first wait for it.</summary>
    public Task? Gate { get; set; }

    public ValueTask<SubmitResult> SubmitAsync(RunSubmission submission, Principal principal, CancellationToken cancel)
    {
        Submitted = submission;
        return new(SubmitAnswer);
    }

    public ValueTask<RunView?> GetAsync(string runId, Principal principal, CancellationToken cancel) => new(runId == "r1" ? View : null);

    public ValueTask<RunPage> ListAsync(RunFilter filter, Principal principal, CancellationToken cancel) =>
        new(new RunPage(filter.State is null or RunStateName.Running ? [View] : [], ""));

    public ValueTask<IAsyncEnumerable<RunEventView>?> WatchAsync(string runId, long afterSequence, Principal principal, CancellationToken cancel) =>
        new(runId == "r1" ? Events(afterSequence, cancel) : null);

    public ValueTask<RunReply> CancelAsync(string runId, Principal principal, CancellationToken cancel) => Reply(runId);

    public ValueTask<RunReply> RetryAsync(string runId, Principal principal, CancellationToken cancel) => Reply(runId);

    public ValueTask<RunReply> ApproveAsync(string runId, string stepPath, bool approved, string note, Principal principal, CancellationToken cancel)
    {
        Approval = (stepPath, approved, note);
        return Reply(runId);
    }

    public ValueTask<RunExplanation?> ExplainAsync(string runId, Principal principal, CancellationToken cancel) =>
        new(runId == "r1" ? new RunExplanation("r1", RunStateName.Waiting, "It waits for a person.", []) : null);

    public ValueTask<RunItems?> ItemsAsync(string runId, string mapStep, Principal principal, CancellationToken cancel) => new((RunItems?)null);

    public ValueTask<IReadOnlyList<ArtifactView>?> ArtifactsAsync(string runId, Principal principal, CancellationToken cancel) => new((IReadOnlyList<ArtifactView>?)[Report]);

    public ValueTask<ArtifactContent?> OpenArtifactAsync(string runId, string name, Principal principal, CancellationToken cancel) =>
        new(name == Report.Name ? new ArtifactContent(Report, "all well"u8.ToArray()) : null);

    private static ArtifactView Report { get; } = new() { Name = "out/report.txt", Sha256 = new string('a', 64), Bytes = 8, MediaType = "text/plain" };

    private static RunView View { get; } = new() { Id = "r1", Workflow = "w", State = RunStateName.Running };

    private async IAsyncEnumerable<RunEventView> Events(long after, [EnumeratorCancellation] CancellationToken cancel)
    {
        for (var i = after + 1; i <= 3; i++)
        {
            if (i > 1 && Gate is { } gate)
            {
                await gate.WaitAsync(cancel);
            }

            yield return new RunEventView
            {
                RunId = "r1",
                Sequence = i,
                Type = i == 3 ? "run.finished" : "step.finished",
                RunState = i == 3 ? RunStateName.Succeeded : RunStateName.Running,
            };
        }
    }

    private ValueTask<RunReply> Reply(string runId) => new(runId != "r1" ? new RunReply(RunReplyCode.NotFound, "", null)
        : new RunReply(OrderAnswer, "it has ended", OrderAnswer == RunReplyCode.Done ? View : null));
}
