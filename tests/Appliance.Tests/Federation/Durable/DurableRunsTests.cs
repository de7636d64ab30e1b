using System.Collections.Concurrent;
using System.Text;
using Jesus.Appliance.Federation.Durable;
using Jesus.Appliance.Runner;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Tests.Runner;
using Jesus.Appliance.Tools;
using Jesus.Tests.Nats;
using Jesus.Transport.Http;
using Jesus.Transport.Nats;

namespace Jesus.Appliance.Tests.Federation.Durable;

/// <summary>One nats-server with JetStream for the tests of a class; each test has a cluster of its own in it.</summary>
public sealed class JetStreamFixture : IAsyncLifetime
{
    private int _clusters;

    internal NatsServer? Server { get; private set; }

    public async ValueTask InitializeAsync() => Server = NatsServer.WhyMissing is null ? await NatsServer.StartAsync(new Jesus.Tests.Nats.NatsServerOptions { JetStream = true }) : null;

    public async ValueTask DisposeAsync()
    {
        if (Server is not null)
        {
            await Server.DisposeAsync();
        }
    }

    internal string NewCluster() => $"c{Interlocked.Increment(ref _clusters)}";
}

public sealed class DurableRunsTests(JetStreamFixture fixture) : IClassFixture<JetStreamFixture>, IAsyncLifetime
{
    private const string Two = """
        name: two
        inputs:
          text: {type: string, default: "hello"}
        steps:
          one:
            prompt: {user: "say ${inputs.text}"}
          last:
            needs: one
            tool: {name: hold, arguments: {key: last}}
            artifact: last.json
        outputs:
          said: ${steps.one.output}
          last: ${steps.last.output}
        """;

    private readonly List<DurableBox> _boxes = [];
    private readonly ConcurrentDictionary<string, int> _calls = new();
    private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly string _cluster = fixture.NewCluster();

    public ValueTask InitializeAsync()
    {
        NatsServer.SkipIfMissing();
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var box in _boxes)
        {
            await box.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_run_submitted_at_one_box_is_carried_by_another_and_followed_and_shown_from_the_first()
    {
        var a = await BoxAsync("a", options: DurableBox.Quick with { RunsAtOnce = 0 }); // has no room itself
        var b = await BoxAsync("b");
        _open.SetResult();
        var id = await a.SubmitAsync(Two, ("text", "hi"));
        var (view, events) = await a.EndAsync(id);

        Assert.Equal((RunStateName.Succeeded, "b"), (view.State, view.Box));
        Assert.Equal("an answer", view.Outputs!.Value.GetProperty("said").GetString());
        Assert.Equal(["run.submitted", "step.finished", "step.finished", "run.finished"], events.Select(item => item.Type));
        Assert.Equal([1L, 2L, 3L, 4L], events.Select(item => item.Sequence));
        Assert.Equal(RunStateName.Succeeded, Assert.Single((await a.Runs.ListAsync(new RunFilter(), RunnerRig.Alice, CancellationToken.None)).Runs).State);
        Assert.Equal("b", Assert.Single((await b.Runs.ListAsync(new RunFilter(), RunnerRig.Alice, CancellationToken.None)).Runs).Box);
        var artifact = await a.Runs.OpenArtifactAsync(id, "last.json", RunnerRig.Alice, CancellationToken.None);
        Assert.Equal("true", Encoding.UTF8.GetString(artifact!.Bytes.Span).Trim());

        // Whose run it is holds at every box.
        Assert.Null(await a.Runs.GetAsync(id, RunnerRig.Bob, CancellationToken.None));
        Assert.Null(await a.Runs.WatchAsync(id, 0, RunnerRig.Bob, CancellationToken.None));
        Assert.Equal(RunReplyCode.NotFound, (await a.Runs.CancelAsync(id, RunnerRig.Bob, CancellationToken.None)).Code);
    }

    [Fact]
    public async Task The_next_box_goes_on_after_the_last_completed_step_when_the_owner_dies()
    {
        var a = await BoxAsync("a");
        var id = await a.SubmitAsync(Two);
        _ = await a.UntilAsync(id, run => run.Steps?[1].State == StepStateName.Running);
        var b = await BoxAsync("b");
        await a.KillAsync();
        _open.SetResult();
        var (view, _) = await b.EndAsync(id);

        Assert.Equal((RunStateName.Succeeded, "b"), (view.State, view.Box));
        AssertOnce(await b.LogOfAsync(id));
        Assert.Equal(1, _calls["a:model"]);
        Assert.False(_calls.ContainsKey("b:model"), "a step that was committed ran again");

        // The box that died comes back, and sees how its run went on without it.
        await a.StartAsync();
        _ = await a.UntilAsync(id, run => run.State == RunStateName.Succeeded && run.Box == "b");
        Assert.Equal(a.JournalOf(id).Count, a.JournalOf(id).Zip(await b.LogOfAsync(id)).Count(pair => pair.First.Type == pair.Second.Type && pair.First.At == pair.Second.At));
    }

    [Fact]
    public async Task A_box_that_stops_gives_its_runs_back_at_once()
    {
        var a = await BoxAsync("a", options: DurableBox.Quick with { Lease = new LeaseTerms { LeaseMs = 600_000, StopMs = 500_000 } });
        var id = await a.SubmitAsync(Two);
        _ = await a.UntilAsync(id, run => run.Steps?[1].State == StepStateName.Running);
        var b = await BoxAsync("b", options: a.Options);
        await a.StopAsync();
        _open.SetResult();
        Assert.Equal("b", (await b.EndAsync(id)).View.Box);
        AssertOnce(await b.LogOfAsync(id));
    }

    [Fact]
    public async Task A_cancel_given_at_another_box_reaches_the_owner()
    {
        var a = await BoxAsync("a");
        var id = await a.SubmitAsync(Two);
        _ = await a.UntilAsync(id, run => run.Steps?[1].State == StepStateName.Running);
        var b = await BoxAsync("b", options: DurableBox.Quick with { RunsAtOnce = 0 });
        _ = await b.UntilAsync(id, _ => true);
        Assert.Equal(RunReplyCode.Done, (await b.Runs.CancelAsync(id, RunnerRig.Alice, CancellationToken.None)).Code);
        Assert.Equal(RunStateName.Cancelled, (await b.EndAsync(id)).View.State);
        Assert.Equal(RunReplyCode.WrongState, (await b.Runs.CancelAsync(id, RunnerRig.Alice, CancellationToken.None)).Code);
    }

    [Fact]
    public async Task An_approval_given_at_another_box_reaches_the_owner()
    {
        const string yaml = """
            name: asks
            steps:
              ask:
                approve: {message: "may I?"}
            outputs:
              by: ${steps.ask.output.by}
            """;
        var a = await BoxAsync("a");
        var id = await a.SubmitAsync(yaml);
        _ = await a.UntilAsync(id, run => run.State == RunStateName.Waiting);
        var b = await BoxAsync("b", options: DurableBox.Quick with { RunsAtOnce = 0 });
        _ = await b.UntilAsync(id, run => run.State == RunStateName.Waiting && run.Steps?[0].State == StepStateName.Waiting);
        Assert.Equal(RunReplyCode.WrongState, (await b.Runs.ApproveAsync(id, "nothing", true, "", RunnerRig.Alice, CancellationToken.None)).Code);
        Assert.Equal(RunReplyCode.Done, (await b.Runs.ApproveAsync(id, "", true, "yes", RunnerRig.Alice, CancellationToken.None)).Code);
        Assert.Equal("local:alice", (await b.EndAsync(id)).View.Outputs!.Value.GetProperty("by").GetString());
    }

    [Fact]
    public async Task A_failed_run_is_retried_from_any_box_and_what_is_done_stays_done()
    {
        var a = await BoxAsync("a", fails: true);
        var id = await a.SubmitAsync(Two);
        Assert.Equal(RunStateName.Failed, (await a.EndAsync(id)).View.State);
        var b = await BoxAsync("b");
        _ = await b.UntilAsync(id, run => run.State == RunStateName.Failed);
        _open.SetResult();
        var reply = await b.Runs.RetryAsync(id, RunnerRig.Alice, CancellationToken.None);
        Assert.True(reply.Code == RunReplyCode.Done, reply.Message);
        _ = await a.UntilAsync(id, run => run.State == RunStateName.Succeeded && run.Box == "b");
        Assert.False(_calls.ContainsKey("b:model"));
        Assert.Equal(1, (await b.LogOfAsync(id)).Count(item => item.Type == RunEventType.Retried));
    }

    [Fact]
    public async Task A_run_whose_user_no_box_knows_ends_and_says_what_to_do()
    {
        var a = await BoxAsync("a", options: DurableBox.Quick with { RunsAtOnce = 0 });
        var b = await BoxAsync("b");
        b.Users.Remove("alice");
        var id = await a.SubmitAsync(Two);
        var (view, _) = await a.EndAsync(id);
        Assert.Equal(RunStateName.Failed, view.State);
        Assert.Contains("does not know the user 'alice'", view.Error!, StringComparison.Ordinal);
        Assert.Contains("directory.users", view.Error!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_box_takes_only_runs_whose_tools_it_has()
    {
        const string yaml = """
            name: special
            steps:
              one:
                tool: {name: special, arguments: {}}
            """;
        var a = await BoxAsync("a", options: DurableBox.Quick with { RunsAtOnce = 0 }, more: [Special()]);
        _ = await BoxAsync("plain");
        var b = await BoxAsync("b", more: [Special()], options: DurableBox.Quick with { RefusalsMax = 1_000 });
        var id = await a.SubmitAsync(yaml);
        Assert.Equal("b", (await a.EndAsync(id)).View.Box);
        Assert.True(b.JournalOf(id).Count > 0);

        static ITool Special() => new FakeTool("special", ToolPurity.ReadOnly, (_, _) => ValueTask.FromResult(ToolResult.Of(JsonValues.True)));
    }

    [Fact]
    public async Task A_run_that_no_living_box_can_go_on_with_says_so_and_goes_on_when_one_can()
    {
        var a = await BoxAsync("a");
        var id = await a.SubmitAsync(Two);
        _ = await a.UntilAsync(id, run => run.Steps?[1].State == StepStateName.Running);
        var b = await BoxAsync("b");
        b.Users.Remove("alice");
        await a.KillAsync();
        await Until.TrueAsync(() => b.Log.At(Microsoft.Extensions.Logging.LogLevel.Warning).Any(line => line.Contains("does not know the user 'alice'", StringComparison.Ordinal)), () => "no word of it");
        var why = await b.Runs.ExplainAsync(id, RunnerRig.Alice, CancellationToken.None);
        Assert.Contains("does not know the user 'alice'", Assert.Single(why!.Causes).Detail, StringComparison.Ordinal);
        b.Users.Add("alice");
        _open.SetResult();
        Assert.Equal((RunStateName.Succeeded, "b"), ((await b.EndAsync(id)).View.State, (await b.EndAsync(id)).View.Box));
    }

    [Fact]
    public async Task Each_owner_carries_a_run_as_its_own_directory_places_the_user()
    {
        var a = await BoxAsync("a");
        var id = await a.SubmitAsync(Two);
        _ = await a.UntilAsync(id, run => run.Steps?[1].State == StepStateName.Running);
        var b = await BoxAsync("b");
        await a.KillAsync();
        _open.SetResult();
        _ = await b.EndAsync(id);

        // The log keeps who submitted it; whom a box charges is its own matter.
        Assert.Equal("", (await b.LogOfAsync(id))[0].Submitted!.Principal.Team);
        Assert.Contains("of-a", _calls.Keys.Single(key => key.StartsWith("a:team:", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Contains("of-b", _calls.Keys.Single(key => key.StartsWith("b:team:", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Large_inputs_and_outputs_travel_as_objects()
    {
        const string yaml = """
            name: large
            inputs:
              text: file
            steps:
              one:
                prompt: {user: "repeat ${inputs.text}"}
              last:
                needs: one
                tool: {name: hold, arguments: {key: last}}
            outputs:
              text: ${steps.one.output}
            """;
        var text = new string('x', 300_000);
        var a = await BoxAsync("a", answer: text);
        var id = await a.SubmitAsync(yaml, ("text", Encoding.UTF8.GetBytes(text)));
        _ = await a.UntilAsync(id, run => run.Steps?[1].State == StepStateName.Running);
        var b = await BoxAsync("b");
        await a.KillAsync();
        _open.SetResult();
        Assert.Equal(text, (await b.EndAsync(id)).View.Outputs!.Value.GetProperty("text").GetString());
    }

    [Fact]
    public async Task An_artifact_or_log_beyond_its_limit_fails_the_step_with_the_reason()
    {
        _open.SetResult();
        var a = await BoxAsync("a", options: DurableBox.Quick with { ArtifactBytesMax = 3 });
        Assert.Contains("'last.json' has 4 bytes", (await a.EndAsync(await a.SubmitAsync(Two))).View.Error!, StringComparison.Ordinal);
        var b = await BoxAsync("b", cluster: fixture.NewCluster(), options: DurableBox.Quick with { LogBytesMax = 1_500 }, answer: new string('y', 2_000));
        Assert.Contains("may be replicated", (await b.EndAsync(await b.SubmitAsync(Two))).View.Error!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_that_nobody_has_taken_yet_is_shown_and_can_be_cancelled()
    {
        var a = await BoxAsync("a", options: DurableBox.Quick with { RunsAtOnce = 0 });
        var id = await a.SubmitAsync(Two);
        var view = await a.Runs.GetAsync(id, RunnerRig.Alice, CancellationToken.None);
        Assert.Equal((RunStateName.Queued, ""), (view!.State, view.Box));
        Assert.Contains("waits for a box", (await a.Runs.ExplainAsync(id, RunnerRig.Alice, CancellationToken.None))!.Summary, StringComparison.Ordinal);
        Assert.Equal(RunReplyCode.Done, (await a.Runs.CancelAsync(id, RunnerRig.Alice, CancellationToken.None)).Code);
        var b = await BoxAsync("b");
        Assert.Equal(RunStateName.Cancelled, (await b.UntilAsync(id, run => run.IsFinished)).State);
        Assert.Empty(b.JournalOf(id));
    }

    [Fact]
    public async Task Without_JetStream_submissions_are_refused_with_the_remedy_and_the_log_says_it_once()
    {
        await using var server = await NatsServer.StartAsync();
        await using var box = new DurableBox("a", () => Connection(server.Url, "a"), "plain", DurableBox.Quick);
        await box.StartAsync();
        await Until.TrueAsync(() => box.Durable.Trouble.Contains("JetStream", StringComparison.Ordinal), () => box.Durable.Trouble);
        var result = await box.TrySubmitAsync(Two);
        Assert.Equal(SubmitRefusal.Unreachable, result.Refusal);
        Assert.Contains("enable JetStream on the NATS servers", result.Message, StringComparison.Ordinal);
        Assert.Single(box.Log.At(Microsoft.Extensions.Logging.LogLevel.Error));
        Assert.Contains(box.Details, detail => detail.Contains("federation.durable", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_a_federation_a_run_that_shall_run_anywhere_is_refused_with_the_remedy()
    {
        using var rig = new RunnerRig();
        var result = await rig.Service.SubmitAsync(new RunSubmission { Workflow = "x"u8.ToArray(), Anywhere = true }, RunnerRig.Alice, CancellationToken.None);
        Assert.Equal(SubmitRefusal.NotFederated, result.Refusal);
        Assert.Contains("federation.nats.urls", result.Message, StringComparison.Ordinal);
    }

    internal static NatsConnection Connection(string url, string name) => new(
        new NatsOptions { Urls = [url], Name = name, InboxPrefix = "_INBOX." + name, ReconnectDelayMaxMs = 300, PingIntervalMs = 1_000 }, TcpNetwork.Instance, TimeProvider.System);

    /// <summary>Each step finished once, and nothing after the end.</summary>
    internal static void AssertOnce(IReadOnlyList<RunEvent> log)
    {
        Assert.Equal(RunEventType.Submitted, log[0].Type);
        Assert.Single(log, item => item.Type == RunEventType.Submitted);
        Assert.Equal(RunEventType.Finished, log[^1].Type);
        Assert.Single(log, item => item.Type == RunEventType.Finished);
        var finished = log.Where(item => item.Type == RunEventType.StepFinished).Select(item => item.Step).ToList();
        Assert.Equal(finished.Distinct().Count(), finished.Count);
    }

    private async Task<DurableBox> BoxAsync(
        string name, DurableOptions? options = null, IEnumerable<ITool>? more = null, bool fails = false, string answer = "an answer", string? cluster = null)
    {
        var hold = new HoldTool(async (team, cancel) =>
        {
            _calls[$"{name}:team:{team}"] = 1;
            if (fails)
            {
                return ToolResult.Failed("not here");
            }

            await _open.Task.WaitAsync(cancel);
            return ToolResult.Of(JsonValues.True);
        });
        var box = new DurableBox(
            name,
            () => Connection(fixture.Server!.Url, name),
            cluster ?? _cluster,
            options ?? DurableBox.Quick,
            () => [hold, .. more ?? []],
            request =>
            {
                _calls.AddOrUpdate(name + ":model", 1, (_, count) => count + 1);
                return new FakeAnswer(answer);
            });
        _boxes.Add(box);
        await box.StartAsync();
        return await box.ReadyAsync();
    }

    /// <summary>Ends when the test lets it, and tells as whom it is called.</summary>
    private sealed class HoldTool(Func<string, CancellationToken, ValueTask<ToolResult>> call) : ITool
    {
        public ToolDescription Description { get; } = new("hold", "hold", JsonValues.Parse("{\"type\":\"object\"}"u8), JsonValues.Parse("{}"u8), ToolPurity.ReadOnly);

        public ValueTask<ToolResult> CallAsync(System.Text.Json.JsonElement arguments, ToolContext context, CancellationToken cancel) => call(context.Principal.Team, cancel);
    }
}
