using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Tests.Runner;
using Jesus.Appliance.Tools;
using Jesus.Tests.Nats;

namespace Jesus.Appliance.Tests.Federation.Durable;

/// <summary>Three boxes with journals of their own at one real nats-server, each behind a link that is cut, slowed and torn; boxes are killed and come back.</summary>
public sealed class DurableFaultTests
{
    private const int Runs = 8;

    /// <summary>One history a seed; each takes some 20 seconds, most of which is waiting.</summary>
    private const int Faults = 14;

    private const string Workflow = """
        name: long
        inputs:
          names: list
        steps:
          first:
            prompt: {user: "begin"}
          each:
            needs: first
            map:
              over: ${inputs.names}
              as: name
              concurrency: 2
              steps:
                look:
                  tool: {name: look, arguments: {key: "${name}"}}
                say:
                  needs: look
                  prompt: {user: "say ${name}"}
          change:
            needs: each
            tool: {name: change, arguments: {key: change}}
            retry: {attempts: 1, unknown: true}
            artifact: change.json
        outputs:
          count: ${length(steps.each.output)}
        """;

    [Theory]
    [InlineData(1)]
    public async Task Each_step_commits_once_and_every_run_ends_whatever_is_cut_or_killed(int seed)
    {
        await using var server = await NatsServer.StartAsync(new NatsServerOptions { JetStream = true });
#pragma warning disable RS0030 // The seed is the argument.
        var dice = new Random(seed);
#pragma warning restore RS0030
        var boxes = new List<Linked>();
        try
        {
            for (var i = 0; i < 3; i++)
            {
                boxes.Add(await Linked.StartAsync($"box-{i}", server));
            }

            var ids = new List<string>();
            for (var i = 0; i < Runs; i++)
            {
                ids.Add(await boxes[i % 3].Box.SubmitAsync(Workflow, ("names", """["a","b","c","d","e","f"]""")));
            }

            for (var i = 0; i < Faults; i++)
            {
                await FaultAsync(boxes[dice.Next(3)], dice);
                await Task.Delay(dice.Next(100, 1_500));
            }

            foreach (var linked in boxes)
            {
                await linked.MendAsync();
            }

            await AssertAllAsync(boxes, ids, seed);
        }
        finally
        {
            foreach (var linked in boxes)
            {
                await linked.DisposeAsync();
            }
        }
    }

    private static async Task FaultAsync(Linked linked, Random dice)
    {
        switch (dice.Next(6))
        {
            case 0 when linked.Box.IsUp:
                await linked.Box.KillAsync();
                break;
            case 1 when !linked.Box.IsUp:
            case 0:
                await linked.Box.StartAsync();
                break;
            case 2:
                linked.Link.Partition();
                break;
            case 3:
                linked.Link.Cut();
                break;
            case 4:
                linked.Link.Delay = TimeSpan.FromMilliseconds(dice.Next(0, 80));
                break;
            default:
                linked.Link.Heal();
                break;
        }
    }

    private static async Task AssertAllAsync(List<Linked> boxes, List<string> ids, int seed)
    {
        var terms = 0L;
        foreach (var id in ids)
        {
            var view = await boxes[0].Box.UntilAsync(id, run => run.IsFinished);
            Assert.True(view.State == RunStateName.Succeeded, $"seed {seed}: run {id} {view.State}: {view.Error}");
            Assert.Equal(6, view.Outputs!.Value.GetProperty("count").GetInt32());
            var log = await boxes[0].Box.LogOfAsync(id);
            DurableRunsTests.AssertOnce(log);
            terms += (await boxes[0].Box.RecordOfAsync(id)).Epoch;
            foreach (var linked in boxes)
            {
                AssertIsBeginning(linked.Box.JournalOf(id), log, $"seed {seed}: {linked.Box.Name}, run {id}");
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}: {Runs} runs in {terms} terms");
        Assert.True(terms > Runs, $"seed {seed}: no run ever moved");
    }

    /// <summary>What a box's own journal holds of a run is how the replicated log begins: a box that was cut off wrote nothing that the others do not have.</summary>
    private static void AssertIsBeginning(IReadOnlyList<RunEvent> own, IReadOnlyList<RunEvent> log, string what)
    {
        Assert.True(own.Count <= log.Count, $"{what}: {own.Count} events in its journal, {log.Count} in the log");
        for (var i = 0; i < own.Count; i++)
        {
            Assert.True((own[i].Type, own[i].Step, own[i].At) == (log[i].Type, log[i].Step, log[i].At), $"{what}: event {i + 1} differs: {own[i].Type} {own[i].Step}, {log[i].Type} {log[i].Step}");
        }
    }

    /// <summary>A box and its link.</summary>
    private sealed class Linked : IAsyncDisposable
    {
        private Linked(DurableBox box, FaultProxy link) => (Box, Link) = (box, link);

        public DurableBox Box { get; }
        public FaultProxy Link { get; }

        public static async Task<Linked> StartAsync(string name, NatsServer server)
        {
            var link = FaultProxy.To(server.Port);
            var box = new DurableBox(name, () => DurableRunsTests.Connection(server.UrlOf(link.Port), name), "faults", DurableBox.Quick with { OwnersMax = 10_000 }, Tools);
            await box.StartAsync();
            _ = await box.ReadyAsync();
            return new Linked(box, link);
        }

        public async Task MendAsync()
        {
            Link.Heal();
            Link.Delay = TimeSpan.Zero;
            if (!Box.IsUp)
            {
                await Box.StartAsync();
            }
        }

        public async ValueTask DisposeAsync()
        {
            Link.Heal();
            await Box.DisposeAsync();
            await Link.DisposeAsync();
        }

        /// <summary>Each call takes a while, so that faults meet steps under way.</summary>
        private static IEnumerable<ITool> Tools() =>
        [
            new FakeTool("look", ToolPurity.ReadOnly, SlowAsync),
            new FakeTool("change", ToolPurity.SideEffect, SlowAsync),
        ];

        private static async ValueTask<ToolResult> SlowAsync(System.Text.Json.JsonElement arguments, CancellationToken cancel)
        {
            await Task.Delay(1_000, cancel);
            return ToolResult.Of(JsonValues.True);
        }
    }
}
