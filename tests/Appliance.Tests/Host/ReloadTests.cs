using System.Collections;
using System.Text;
using Jesus.Appliance.Config;
using Jesus.Appliance.Host;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Telemetry;
using Jesus.Appliance.Tests.Pipeline;
using Jesus.Tests.Faults;
using Microsoft.Extensions.Logging.Abstractions;

namespace Jesus.Appliance.Tests.Host;

/// <summary>The rooms of a real daemon over a provider's API of ours.</summary>
public sealed class ReloadTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly LogHub _log = new(new LogOptions { Format = LogFormat.Text }, Stream.Null, isTerminal: false, TimeProvider.System);

    [Fact]
    public async Task Thousands_of_calls_through_many_reloads_all_get_their_answer()
    {
        await using var server = FaultServer.Saying(new OpenAiChatApi(), "hello");
        var first = Load(Config(server.Port, slots: 100));
        await using var rooms = Rooms.Open(new ServeSettings(null, _folder.Path, null, null), first.Config, _log, "test");
        var reloads = 0;
        var reloader = new Reloader(rooms, () => Load(Config(server.Port, slots: 100 + (++reloads % 7))), first.Config, NullLogger.Instance);
        var steady = rooms.Routes.Current.Candidates.Single(c => c.Provider == "steady");
        var callers = Enumerable.Range(0, 8).Select(_ => Task.Run(() => CallAsync(rooms.Pipeline, 250))).ToArray();
        while (!Task.WhenAll(callers).IsCompleted)
        {
            Assert.True(reloader.Reload());
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }

        Assert.Equal(2_000, (await Task.WhenAll(callers)).Sum());
        Assert.True(reloads > 3, $"{reloads} reloads");
        TestContext.Current.TestOutputHelper?.WriteLine($"{reloads} reloads");

        // What did not change is the same, with its connections and its health.
        Assert.Same(steady, rooms.Routes.Current.Candidates.Single(c => c.Provider == "steady"));
        Assert.True(steady.Health.Speed.Samples > 0);
        Assert.Equal(0, rooms.Routes.Current.Calls);
    }

    [Fact]
    public async Task A_configuration_with_errors_changes_nothing()
    {
        await using var server = FaultServer.Saying(new OpenAiChatApi(), "hello");
        var first = Load(Config(server.Port, slots: 100));
        await using var rooms = Rooms.Open(new ServeSettings(null, _folder.Path, null, null), first.Config, _log, "test");
        var before = (rooms.Routes.Current, rooms.Providers, rooms.Prices.Current);
        string[] wrong =
        [
            "{ \"routes\": 5 }",
            Config(server.Port, 100).Replace("\"steady\", \"model\": \"m\"", "\"steady\", \"model\": \"none\"", StringComparison.Ordinal),
            "{ not json",
        ];
        foreach (var text in wrong)
        {
            Assert.False(new Reloader(rooms, () => Load(text), first.Config, NullLogger.Instance).Reload());
            Assert.Equal(before, (rooms.Routes.Current, rooms.Providers, rooms.Prices.Current));
        }

        Assert.Equal(3, await CallAsync(rooms.Pipeline, 3));
    }

    [Fact]
    public async Task Prices_limits_and_the_directory_are_those_of_the_new_configuration()
    {
        await using var server = FaultServer.Saying(new OpenAiChatApi(), "hello");
        var first = Load(Config(server.Port, slots: 100));
        await using var rooms = Rooms.Open(new ServeSettings(null, _folder.Path, null, null), first.Config, _log, "test");
        var more = """
            , "prices": [ { "provider": "a", "model": "*", "inputPerMillionTokens": 1 } ], "limits": { "choices": 3 },
              "directory": { "teams": { "lab": {} }, "users": { "ann": { "team": "lab" } } } }
            """;
        var next = Load(Config(server.Port, 100).TrimEnd()[..^1] + more);
        Assert.Empty(next.Errors);
        Assert.True(new Reloader(rooms, () => next, first.Config, NullLogger.Instance).Reload());
        Assert.False(rooms.Prices.Current.Find("a/m", "a", true, DateTimeOffset.UnixEpoch).IsUnknown);
        Assert.Equal(3, rooms.Admission.Limits.Choices);
    }

    public void Dispose()
    {
        _log.Dispose();
        _folder.Dispose();
    }

    private static async Task<int> CallAsync(ModelPipeline pipeline, int times)
    {
        var answered = 0;
        for (var i = 0; i < times; i++)
        {
            var sink = new CollectingSink();
            var outcome = await pipeline.RunAsync(TestPipeline.Call(), sink, CancellationToken.None);
            Assert.True(outcome.Succeeded, outcome.Error.Message);
            answered += sink.Text == "hello" ? 1 : 0;
        }

        return answered;
    }

    /// <summary>One provider whose entry changes with each reload and one that stays.</summary>
    private static string Config(int port, int slots) => $$"""
        {
          "providers": {
            "a": { "url": "http://127.0.0.1:{{port}}/v1", "models": [ { "name": "m" } ], "slots": {{slots}} },
            "steady": { "url": "http://127.0.0.1:{{port}}/v1", "models": [ { "name": "m" } ], "slots": 100 }
          },
          "routes": { "r": { "policy": "weighted", "candidates": [ { "provider": "a", "model": "m" }, { "provider": "steady", "model": "m" } ],
            "firstTokenTimeoutMs": 120000, "stallTimeoutMs": 120000 } }
        }
        """;

    private static LoadedConfig Load(string json) => ConfigLoader.Parse(Encoding.UTF8.GetBytes(json), "test.json", new Hashtable());
}
