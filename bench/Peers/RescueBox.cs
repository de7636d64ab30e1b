using Jesus.Appliance.Admission;
using Jesus.Appliance.Budgets;
using Jesus.Appliance.Federation;
using Jesus.Appliance.Federation.Calls;
using Jesus.Appliance.Federation.Membership;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Router;
using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Security;
using Jesus.Appliance.Storage.Journal;
using Jesus.Inference.Adapters.Local;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine;
using Jesus.Inference.Engine.Batching;
using Jesus.Transport.Http;
using Jesus.Transport.Nats;
using Microsoft.Extensions.Logging.Abstractions;

namespace Jesus.Bench.Peers;

/// <summary>
/// A whole box in this process: its own engine over the demonstration model, its own path of a call, its own connection to NATS, answering peers and asking them.
/// </summary>
internal sealed class RescueBox : IAsyncDisposable
{
    public const string Model = "m";

    /// <summary>Every answer at once, so that all are in their middle together.</summary>
    private const int Slots = 128;

    private readonly KillableNetwork _network = new(TcpNetwork.Instance);
    private readonly ModelHost? _host;

    private RescueBox(string id, string url, string[] asks, ModelHost? host)
    {
        _host = host;
        Engine = host is null ? null : new WaitingAdapter(new LocalAdapter(host, TimeProvider.System));
        var options = new FederationOptions { Cluster = "bench", Peer = id, Nats = new NatsServerOptions { Urls = [url] } };
        Hub = new FederationHub(SetupOf(id, url, options));
        var setup = new CallSetup
        {
            Time = TimeProvider.System,
            Log = NullLogger.Instance,
            Dice = static () => (ulong)Random.Shared.NextInt64(),
            CallModel = (call, sink, cancel) => Pipeline!.RunAsync(call, sink, cancel),
            PrincipalOf = static _ => Principal.System,
            Find = name => Describe() is [var own] && own.Name == name ? own : null,
        };
        var caller = new PeerCaller(setup, Hub);
        Hub.Add(caller);
        Hub.Add(new PeerCallServer(setup, Hub));
        Pipeline = PipelineOf(asks, new PeerCandidates(Hub.Peers, options, link => new PeerAdapter(link, caller)));
        Hub.Start();
    }

    public FederationHub Hub { get; }
    public WaitingAdapter? Engine { get; }
    public ModelPipeline Pipeline { get; }

    /// <param name="asks">Boxes that its route <c>r</c> asks, in this order; none: its own engine.</param>
    public static async Task<RescueBox> StartAsync(string id, string url, params string[] asks)
    {
        var host = asks.Length > 0 ? null : await LoadAsync();
        return new RescueBox(id, url, asks, host);
    }

    /// <summary>Gone without a word.</summary>
    public void Kill() => _network.Kill();

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        await Hub.StopAsync(now.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Hub.DisposeAsync();
        _host?.Dispose();
    }

    /// <summary>With the kernels where they are built, else with the plain arithmetic.</summary>
    private static async Task<ModelHost> LoadAsync()
    {
        foreach (var plain in new[] { false, true })
        {
            var host = new ModelHost(
                new ModelHostOptions
                {
                    Paths = new Dictionary<string, ModelPath> { [Model] = new(NanoModel.File) },
                    Threads = 1,
                    KvBytesMax = 512L << 20,
                    Batch = new BatchLimits { SequencesMax = Slots },
                    UseReferenceBackend = plain,
                },
                TimeProvider.System);
            var load = await host.LoadAsync(Model);
            if (load.Succeeded)
            {
                return host;
            }

            host.Dispose();
            if (plain)
            {
                throw new InvalidOperationException(load.Error.Message);
            }
        }

        throw new InvalidOperationException("unreachable");
    }

    private ModelPipeline PipelineOf(string[] asks, ICandidateSource peers)
    {
        var errors = new List<string>();
        var own = Engine is null ? [] : new[] { new Candidate(Engine, Model, new CandidateTraits { LeavesBox = false, Slots = Slots }) };
        var links = asks.Length > 0 ? asks.Select(peer => new RouteCandidateOptions("", Model) { Peer = peer }) : [new RouteCandidateOptions("local", Model)];
        var table = RouteTable.Build(
            new RoutesOptions { Routes = new Dictionary<string, RouteOptions> { ["r"] = new() { Candidates = [.. links], FirstTokenTimeoutMs = 120_000 } } }, own, errors);
        var journal = new NullJournal();
        var rooms = new PipelineRooms
        {
            Admission = new AdmissionGate(new LimitsOptions()),
            Routes = new RouteTableHolder(table),
            Prices = new PriceTableHolder(PriceTable.Build(new PricesOptions(), errors)),
            Budgets = new BudgetKeeper(new BudgetsOptions(), CapTable.Build(new BudgetsOptions(), errors), journal, TimeProvider.System),
            Scheduler = new TicketScheduler(new SchedulerOptions { DefaultSlots = Slots }),
            Journal = journal,
            Time = TimeProvider.System,
            Peers = peers,
            Dice = static () => (ulong)Random.Shared.NextInt64(),
        };
        return errors.Count == 0 ? new ModelPipeline(rooms) : throw new InvalidOperationException(string.Join('\n', errors));
    }

    private FederationSetup SetupOf(string id, string url, FederationOptions options) => new()
    {
        Options = options,
        Nats = new NatsOptions { Urls = [url], InboxPrefix = "_INBOX.jesus." + id, NoEcho = true },
        Network = _network,
        Time = TimeProvider.System,
        Log = NullLogger.Instance,
        Version = "1.0",
        Host = id,
        Models = Describe,
        Dice = static () => (ulong)Random.Shared.NextInt64(),
    };

    private IReadOnlyList<PeerModelView> Describe()
    {
        if (Engine is null)
        {
            return [];
        }

        var capacity = Engine.Capacity(new ModelKey(Model));
        return
        [
            new PeerModelView
            {
                Name = Model,
                NameUtf8 = "m"u8.ToArray(),
                ContextTokens = capacity.ContextTokens,
                Numerics = capacity.Numerics,
                IsLoaded = true,
                FreeSlots = capacity.FreeSlots,
                TotalSlots = Slots,
            },
        ];
    }

    private sealed class NullJournal : IJournal
    {
        private long _position;

        public JournalPosition Durable => new(Volatile.Read(ref _position));

        public ValueTask<JournalPosition> AppendAsync(JournalKind kind, ReadOnlyMemory<byte> payload) => ValueTask.FromResult(Append(kind, payload.Span));

        public JournalPosition Append(JournalKind kind, ReadOnlySpan<byte> payload) => new(Interlocked.Increment(ref _position));

        public IEnumerable<JournalRecord> ReadAfter(JournalPosition position) => [];

        public ValueTask WaitDurableAsync(JournalPosition position, CancellationToken cancel) => ValueTask.CompletedTask;
    }
}
