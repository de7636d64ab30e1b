using System.Text;
using Jesus.Appliance.Federation;
using Jesus.Appliance.Federation.Calls;
using Jesus.Appliance.Federation.Membership;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Router;
using Jesus.Appliance.Security;
using Jesus.Appliance.Tests.Federation.Membership;
using Jesus.Appliance.Tests.Pipeline;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Federation.Calls;

/// <summary>A box that calls others and is called: a real hub over a real server, a real pipeline over an engine that is a function of the test.</summary>
internal sealed class CallBox : IAsyncDisposable
{
    public const string PeerName = "peer/b/m";

    private CallBox(string peer, string url, IModelAdapter? engine, RouteOptions? route, Func<FederationOptions, FederationOptions>? shape, CallLimits? limits)
    {
        Box = new TestBox(peer, url, shape: shape) { Models = engine is null ? [] : [Statuses.Model("m") with { Numerics = engine.Capacity(new ModelKey("m")).Numerics }] };
        var directory = new UserDirectory(new DirectoryOptions());
        var setup = new CallSetup
        {
            Time = TimeProvider.System,
            Log = Box.Log,
            Dice = () => (ulong)Random.Shared.NextInt64(),
            CallModel = (call, sink, cancel) =>
            {
                Asked.Add((call.Principal, call.RouteName, call.DataClass));
                return Test!.Pipeline.RunAsync(call, sink, cancel);
            },
            PrincipalOf = caller => Box.Hub.Options.CallerOf(caller)?.PrincipalOf(caller, directory),
            Find = name => Box.Models.FirstOrDefault(m => m.Name == name),
            Limits = limits ?? new CallLimits { VanishedMs = 2_000 },
        };
        Caller = new PeerCaller(setup, Box.Hub);
        Server = new PeerCallServer(setup, Box.Hub);
        Candidates = new PeerCandidates(Box.Hub.Peers, Box.Hub.Options, link => new PeerAdapter(link, Caller));
        Box.Hub.Add(Caller);
        Box.Hub.Add(Server);
        Test = new TestPipeline(engine is null ? [] : [engine], route ?? Peers(), peers: Candidates);
    }

    public TestBox Box { get; }
    public TestPipeline Test { get; }
    public PeerCaller Caller { get; }
    public PeerCallServer Server { get; }
    public PeerCandidates Candidates { get; }

    /// <summary>What peers asked.</summary>
    public List<(Principal Who, string Route, DataClass Data)> Asked { get; } = [];

    /// <summary>The route <c>r</c>: any peer, with time enough for a busy machine.</summary>
    public static RouteOptions Peers(params RouteCandidateOptions[] others) => new()
    {
        Candidates = [new RouteCandidateOptions("", "m") { Peer = "*" }, .. others],
        FirstTokenTimeoutMs = 60_000,
        StallTimeoutMs = 60_000,
        Retries = 0,
    };

    public static FakeAdapter Engine(Func<ModelRequest, IAnswerSink, CancellationToken, ValueTask<CallResult>> answer, NumericsProfile numerics = default) =>
        new("local", answer, "local") { Numerics = numerics };

    public static CallBox Start(
        string peer, string url, IModelAdapter? engine = null, RouteOptions? route = null, Func<FederationOptions, FederationOptions>? shape = null, CallLimits? limits = null)
    {
        var box = new CallBox(peer, url, engine, route, shape, limits);
        box.Box.Hub.Start();
        return box;
    }

    /// <summary>Caller <c>a</c> sees callee <c>b</c>.</summary>
    public async Task SeesAsync(params CallBox[] others)
    {
        foreach (var other in others)
        {
            await Box.SeesAsync(other.Box.Hub.Self, view => view.IsEligible);
            await other.Box.SeesAsync(Box.Hub.Self, view => view.State == PeerState.Alive);
        }
    }

    public ValueTask<Outcome> AskAsync(IAnswerSink sink, Action<ModelCall>? shape = null, CancellationToken cancel = default) => Test.RunAsync(sink, shape, cancel);

    public ValueTask DisposeAsync() => Box.DisposeAsync();
}

/// <summary>Keeps each event as text, whole.</summary>
internal sealed class EventLog : IAnswerSink
{
    public List<string> Events { get; } = [];

    public ValueTask WriteAsync(ModelEvent item)
    {
        var probs = string.Join('+', item.LogProbs.ToArray().Select(p => $"{Encoding.UTF8.GetString(p.Text.Span)}:{p.LogProb}:{p.Alternatives}"));
        Events.Add($"{item.Kind} {item.Choice} {item.Index} '{Encoding.UTF8.GetString(item.Utf8.Span)}' {Encoding.UTF8.GetString(item.ToolCallId.Span)} "
            + $"[{string.Join(',', item.Tokens.Ids.ToArray())}] [{string.Join(',', item.Tokens.LogProbs.ToArray())}] {probs} ({string.Join(',', item.Vector.ToArray())}) {item.Reason}");
        return ValueTask.CompletedTask;
    }
}
