using System.Buffers;
using System.Text;
using System.Text.Json;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Tools;
using Jesus.Inference.Contract;
using Jesus.Tests.Clocks;

namespace Jesus.Appliance.Tests.Runner;

/// <summary>A run says how often and how long its answers stood still for people.</summary>
public sealed class AsideTests
{
    [Fact]
    public async Task An_explanation_says_that_an_answer_stands_still_and_later_that_it_did()
    {
        var goes = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var called = new TaskCompletionSource<PauseTally>(TaskCreationOptions.RunContinuationsAsynchronously);
        var tool = new FakeTool("ask", ToolPurity.ReadOnly, async (_, _) =>
        {
            await goes.Task;
            return ToolResult.Of(JsonValues.Null);
        })
        {
            Called = context => called.SetResult(context.Pauses!),
        };
        using var rig = new RunnerRig(tools: [tool]);
        var id = await rig.SubmitAsync("name: batch\nsteps:\n  one: {tool: {name: ask, arguments: {}}}\n");
        var (pauses, time) = (await called.Task, new ManualTime());
        Assert.Equal("the tool ask", Assert.Single((await ExplainAsync(rig, id)).Causes).Detail);

        pauses.Change(isHeld: true, time);
        time.Advance(TimeSpan.FromMilliseconds(300));
        Assert.Equal("the tool ask, set aside once, 0.3 s, for the interactive lane, and stands still now", Assert.Single((await ExplainAsync(rig, id)).Causes).Detail);
        pauses.Change(isHeld: false, time);
        pauses.Change(isHeld: true, time);
        time.Advance(TimeSpan.FromSeconds(1));
        pauses.Change(isHeld: false, time);
        time.Advance(TimeSpan.FromSeconds(9));
        var cause = Assert.Single((await ExplainAsync(rig, id)).Causes);
        Assert.Equal(("the tool ask, set aside 2 times, 1.3 s, for the interactive lane", 2, 1.3), (cause.Detail, cause.TimesAside, cause.AsideSeconds));
        AssertShown((await rig.Service.GetAsync(id, RunnerRig.Alice, TestContext.Current.CancellationToken))!);

        goes.SetResult();
        var finished = await rig.EndAsync(id);
        Assert.Equal(RunStateName.Succeeded, finished.State);
        AssertShown(finished);
        var ended = await ExplainAsync(rig, id);
        Assert.Equal((2, 1.3), (ended.TimesAside, ended.AsideSeconds));
        var record = rig.Journal.Records.Select(record => Encoding.UTF8.GetString(record.Payload)).Single(text => text.Contains("step.finished", StringComparison.Ordinal));
        Assert.Contains("\"aside_times\":2,\"aside_ms\":1300", record, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_step_with_steps_inside_counts_their_pauses_and_a_list_counts_none()
    {
        var tool = new FakeTool("ask", ToolPurity.ReadOnly, (_, _) => ValueTask.FromResult(ToolResult.Of(JsonValues.Null)))
        {
            Called = context =>
            {
                var time = new ManualTime();
                context.Pauses!.Change(isHeld: true, time);
                time.Advance(TimeSpan.FromMilliseconds(400));
                context.Pauses!.Change(isHeld: false, time);
            },
        };
        using var rig = new RunnerRig(tools: [tool]);
        var view = await rig.RunAsync(
            "name: batch\ninputs: {all: list}\nsteps:\n  each: {map: {over: \"${inputs.all}\", step: {tool: {name: ask, arguments: {}}}}}\n", ("all", "[1, 2, 3]"));
        Assert.Equal(RunStateName.Succeeded, view.State);
        var each = Assert.Single(view.Steps!);
        Assert.Equal((3, 1.2, 3, 1.2), (view.TimesAside, view.AsideSeconds, each.TimesAside, each.AsideSeconds));
        Assert.All(each.Children, item => Assert.Equal((1, 0.4), (item.TimesAside, item.AsideSeconds)));
        var listed = Assert.Single((await rig.Service.ListAsync(new RunFilter(), RunnerRig.Alice, TestContext.Current.CancellationToken)).Runs);
        Assert.Equal((null, null), (listed.TimesAside, listed.AsideSeconds));
    }

    [Fact]
    public void A_record_keeps_the_pauses_and_one_without_them_reads_as_none()
    {
        var item = new RunEvent { Type = RunEventType.StepFinished, RunId = "r", At = DateTimeOffset.UnixEpoch, Step = "s", TimesAside = 2, AsideMs = 1_300 };
        Assert.Equal((2, 1_300), Read(item));
        Assert.Equal((0, 0), Read(item with { TimesAside = 0, AsideMs = 0 }));

        static (int Times, long Ms) Read(RunEvent item)
        {
            var buffer = new ArrayBufferWriter<byte>();
            RunEventCodec.Write(buffer, item);
            Assert.Equal(item.TimesAside > 0, Encoding.UTF8.GetString(buffer.WrittenSpan).Contains("aside", StringComparison.Ordinal));
            var read = RunEventCodec.Read(buffer.WrittenSpan);
            return (read.TimesAside, read.AsideMs);
        }
    }

    [Fact]
    public void Two_attempts_that_stand_still_at_once_are_one_pause_in_time()
    {
        var (pauses, time) = (new PauseTally(), new ManualTime());
        pauses.Change(isHeld: true, time);
        time.Advance(TimeSpan.FromSeconds(1));
        pauses.Change(isHeld: true, time);
        pauses.Change(isHeld: false, time);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(new Pauses(2, TimeSpan.FromSeconds(2), IsNow: true), pauses.Sum);
        pauses.Change(isHeld: false, time);
        Assert.Equal(new Pauses(2, TimeSpan.FromSeconds(2), IsNow: false), pauses.Sum);
        pauses.Reset();
        Assert.Equal(default, pauses.Sum);
    }

    /// <summary>In the names that programs read.</summary>
    private static void AssertShown(RunView view)
    {
        var json = JsonSerializer.SerializeToElement(view, RunJson.Default.RunView);
        Assert.All([json, json.GetProperty("steps")[0]], one => Assert.Equal((2, 1.3), (one.GetProperty("times_aside").GetInt32(), one.GetProperty("aside_seconds").GetDouble())));
    }

    private static async Task<RunExplanation> ExplainAsync(RunnerRig rig, string id) => (await rig.Service.ExplainAsync(id, RunnerRig.Alice, CancellationToken.None))!;
}
