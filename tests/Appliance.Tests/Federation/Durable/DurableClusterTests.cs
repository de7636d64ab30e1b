using Jesus.Appliance.Federation.Durable;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Tests.Runner;
using Jesus.Appliance.Tools;
using Jesus.Tests.Nats;
using Jesus.Transport.Http;
using Jesus.Transport.Nats;
using NatsServer = Jesus.Tests.Nats.NatsServer;
using NatsServerOptions = Jesus.Tests.Nats.NatsServerOptions;

namespace Jesus.Appliance.Tests.Federation.Durable;

/// <summary>Runs that run anywhere with <c>replicas: 3</c> on three real servers, one of which is killed in the middle of them.</summary>
public sealed class DurableClusterTests
{
    private const int Runs = 6;

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

    /// <summary>The leases that the daemon has: an election of the servers is no reason for a run to move.</summary>
    private static readonly DurableOptions Options = DurableBox.Quick with { Replicas = 3, Lease = new LeaseTerms() };

    [Fact]
    public async Task Runs_go_on_when_the_server_that_leads_their_bucket_is_killed_and_then_the_box_that_owns_one()
    {
        await using var cluster = await NatsCluster.StartAsync(new NatsServerOptions { JetStream = true, Name = "n" });
        var boxes = Enumerable.Range(0, 3).Select(i => new DurableBox($"box-{i}", () => Connection(cluster, i), "three", Options, Tools)).ToArray();
        try
        {
            foreach (var box in boxes)
            {
                await box.StartAsync();
                _ = await box.ReadyAsync();
            }

            await AssertReplicatedAsync(cluster);
            var ids = new List<string>();
            for (var i = 0; i < Runs; i++)
            {
                ids.Add(await boxes[i % boxes.Length].SubmitAsync(Workflow, ("names", """["a","b","c","d"]""")));
            }

            _ = await boxes[0].UntilAsync(ids[0], run => run.Sequence >= 3);
            await (await LeaderAsync(cluster)).KillAsync();

            // The server's death first, so that the box's runs are taken over by what two servers of three agree on.
            var owner = (await boxes[0].UntilAsync(ids[^1], run => run.Box is { Length: > 0 })).Box;
            await boxes.Single(box => box.Name == owner).KillAsync();
            var watching = boxes.First(box => box.IsUp);
            foreach (var id in ids)
            {
                var view = await watching.UntilAsync(id, run => run.IsFinished);
                Assert.True(view.State == RunStateName.Succeeded, $"run {id} {view.State}: {view.Error}");
                var log = await watching.LogOfAsync(id);
                DurableRunsTests.AssertOnce(log);
                foreach (var box in boxes.Where(box => box.IsUp))
                {
                    var own = box.JournalOf(id);
                    Assert.Equal(own.Select(Described), log.Take(own.Count).Select(Described));
                }
            }
        }
        finally
        {
            foreach (var box in boxes)
            {
                await box.DisposeAsync();
            }
        }
    }

    private static (RunEventType Type, string Step, DateTimeOffset At) Described(RunEvent item) => (item.Type, item.Step, item.At);

    private static async Task AssertReplicatedAsync(NatsCluster cluster)
    {
        foreach (var stream in new[] { "jesus_three_submits", "KV_jesus_three_runs", "OBJ_jesus_three_artifacts" })
        {
            Assert.Equal(3, await ReplicasOfAsync(cluster, stream));
        }
    }

    private static async Task<int> ReplicasOfAsync(NatsCluster cluster, string stream)
    {
        using var page = await cluster.Servers[0].MonitorAsync("/jsz?accounts=true&streams=true&config=true");
        var account = page.RootElement.GetProperty("account_details")[0];
        var found = account.GetProperty("stream_detail").EnumerateArray().Single(s => s.GetProperty("name").ValueEquals(stream));
        return found.GetProperty("config").GetProperty("num_replicas").GetInt32();
    }

    private static async Task<NatsServer> LeaderAsync(NatsCluster cluster)
    {
        using var page = await cluster.Servers[0].MonitorAsync("/jsz?accounts=true&streams=true");
        var account = page.RootElement.GetProperty("account_details")[0];
        var bucket = account.GetProperty("stream_detail").EnumerateArray().Single(s => s.GetProperty("name").ValueEquals("KV_jesus_three_runs"));
        var leader = bucket.GetProperty("cluster").GetProperty("leader").GetString();
        return cluster.Servers.Single(server => server.Options.Name == leader);
    }

    /// <summary>Each begins at a server of its own.</summary>
    private static NatsConnection Connection(NatsCluster cluster, int first)
    {
        var urls = cluster.Urls.Skip(first).Concat(cluster.Urls.Take(first)).ToArray();
        var options = new NatsOptions { Urls = urls, Name = $"box-{first}", InboxPrefix = $"_INBOX.box-{first}", ReconnectDelayMaxMs = 300, PingIntervalMs = 1_000 };
        return new NatsConnection(options, TcpNetwork.Instance, TimeProvider.System);
    }

    private static IEnumerable<ITool> Tools() =>
    [
        new FakeTool("look", ToolPurity.ReadOnly, SlowAsync),
        new FakeTool("change", ToolPurity.SideEffect, SlowAsync),
    ];

    private static async ValueTask<ToolResult> SlowAsync(System.Text.Json.JsonElement arguments, CancellationToken cancel)
    {
        await Task.Delay(500, cancel);
        return ToolResult.Of(JsonValues.True);
    }
}
