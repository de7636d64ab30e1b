using System.Diagnostics;
using Jesus.Appliance.Federation;
using Jesus.Appliance.Federation.Calls;
using Jesus.Appliance.Federation.Membership;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;
using Jesus.Transport.Http;
using Jesus.Transport.Nats;
using Microsoft.Extensions.Logging.Abstractions;

namespace Jesus.Bench.Peers;

/// <summary>
/// What the way to another box adds to a call: the same engine, which computes nothing, called in place and through two hubs and a real nats-server; and how soon a refusal is
/// known. One call after another, both boxes in this process.
/// </summary>
internal sealed class CallBench : IAsyncDisposable
{
    private readonly FederationHub _caller;
    private readonly FederationHub _callee;
    private readonly IModelAdapter _remote;
    private bool _isBusy;

    private CallBench(string url)
    {
        (_caller, _callee) = (HubOf(url, "a"), HubOf(url, "b"));
        var calls = new PeerCaller(SetupOf(_caller), _caller);
        _remote = new PeerAdapter(new PeerLink("b", "m"), calls);
        _caller.Add(calls);
        _callee.Add(new PeerCallServer(SetupOf(_callee), _callee));
        _caller.Start();
        _callee.Start();
    }

    public static async Task RunAsync(TextWriter output, string url, bool tiny)
    {
        await using var bench = new CallBench(url);
        while (bench._caller.Peers.Find("b") is null || bench._callee.Peers.Find("a") is null)
        {
            await Task.Delay(20);
        }

        await output.WriteLineAsync("a call of a peer against the same call in place, one after another, p50 and p99 in ms");
        foreach (var tokens in new[] { 1, 100 })
        {
            var (local, remote) = (await MeasureAsync(new Engine(tokens), tokens, tiny), await MeasureAsync(bench._remote, tokens, tiny));
            await output.WriteLineAsync($"  {tokens,3} tokens: in place {local.P50:F3} {local.P99:F3}, at a peer {remote.P50:F3} {remote.P99:F3}, added {remote.P50 - local.P50:F3} {remote.P99 - local.P99:F3}");
        }

        bench._isBusy = true;
        var refused = await MeasureAsync(bench._remote, 1, tiny);
        await output.WriteLineAsync($"  a refusal (busy) is known after {refused.P50:F3} {refused.P99:F3}");
    }

    public async ValueTask DisposeAsync()
    {
        await _caller.DisposeAsync();
        await _callee.DisposeAsync();
    }

    private static async Task<(double P50, double P99)> MeasureAsync(IModelAdapter adapter, int tokens, bool tiny)
    {
        var (warm, count) = tiny ? (5, 20) : (2_000, 5_000);
        var times = new double[count];
        var request = new ModelRequest();
        var sink = new NoSink();
        for (var i = -warm; i < count; i++)
        {
            request.Reset();
            request.MaxOutputTokens = tokens;
            request.Turns.Add(TurnRole.User, request.Text.Copy("What is the way to another box worth?"));
            var began = Stopwatch.GetTimestamp();
            _ = await adapter.CallAsync(request, sink, CancellationToken.None);
            times[Math.Max(0, i)] = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        }

        Array.Sort(times);
        return (times[count / 2], times[count * 99 / 100]);
    }

    private CallSetup SetupOf(FederationHub hub) => new()
    {
        Time = TimeProvider.System,
        Log = NullLogger.Instance,
        Dice = static () => (ulong)Random.Shared.NextInt64(),
        CallModel = static async (call, sink, cancel) =>
        {
            var result = await new Engine(call.Request.MaxOutputTokens).CallAsync(call.Request, sink, cancel);
            return new Outcome { Reason = result.Reason, Usage = result.Usage, Attempts = 1 };
        },
        PrincipalOf = static _ => Principal.System,
        Find = _ => hub.OwnModels[0] with { FreeSlots = _isBusy ? 0 : 1, InteractiveDelayMs = _isBusy ? 60_000 : 0 },

        // One after another is no more than a box may ask, only faster.
        Limits = new CallLimits { CallsPerSecond = 1e6, CallsBurst = 1e6 },
    };

    private static FederationHub HubOf(string url, string peer) => new(new FederationSetup
    {
        Options = new FederationOptions { Cluster = "calls", Peer = peer, Nats = new NatsServerOptions { Urls = [url] } },
        Nats = new NatsOptions { Urls = [url], NoEcho = true, InboxPrefix = "_INBOX.jesus." + peer },
        Network = TcpNetwork.Instance,
        Time = TimeProvider.System,
        Log = NullLogger.Instance,
        Version = "0.1.0",
        Host = "bench",
        Models = static () => [new PeerModelView { Name = "m", NameUtf8 = "m"u8.ToArray(), IsLoaded = true, FreeSlots = 1, TotalSlots = 1 }],
        Dice = static () => (ulong)Random.Shared.NextInt64(),
    });

    private sealed class Engine(int tokens) : IModelAdapter
    {
        private static readonly byte[] Text = "token "u8.ToArray();
        private static readonly int[] Ids = [7];

        public AdapterId Id { get; } = new("local", "local");

        public CapacitySnapshot Capacity(ModelKey model) => new() { Available = true };

        public bool Forwards(ApiShape shape) => false;

        public int CountInputTokens(ModelRequest request) => 1;

        public async ValueTask<CallResult> CallAsync(ModelRequest request, IAnswerSink sink, CancellationToken cancel)
        {
            for (var i = 0; i < tokens; i++)
            {
                await sink.WriteAsync(new ModelEvent { Kind = EventKind.Text, Utf8 = Text, Tokens = new TokenSpan(Ids, default) });
            }

            return new CallResult { Reason = FinishReason.Stop, Usage = new Usage { InputTokens = 1, OutputTokens = tokens } };
        }
    }

    private sealed class NoSink : IAnswerSink
    {
        public ValueTask WriteAsync(ModelEvent item) => ValueTask.CompletedTask;
    }
}
