using System.Security.Cryptography;
using Jesus.Appliance.Admission;
using Jesus.Appliance.Artifacts;
using Jesus.Appliance.Audit;
using Jesus.Appliance.Budgets;
using Jesus.Appliance.Config;
using Jesus.Appliance.Federation;
using Jesus.Appliance.Federation.Budgets;
using Jesus.Appliance.Federation.Totals;
using Jesus.Appliance.Gateway;
using Jesus.Appliance.Gateway.Anthropic.Batches;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Responses;
using Jesus.Appliance.Router;
using Jesus.Appliance.Runner;
using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Security;
using Jesus.Appliance.Security.Keys;
using Jesus.Appliance.Security.Redaction;
using Jesus.Appliance.Security.Secrets;
using Jesus.Appliance.Storage;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Storage.Projection;
using Jesus.Appliance.Telemetry;
using Jesus.Appliance.Tools;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine;
using Jesus.Transport.Http;
using Jesus.Transport.Timing;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Host;

/// <summary>The composition root: makes every room once, in the order in which they stand on each other, and ends them in reverse.</summary>
public sealed class Rooms : IAsyncDisposable
{
    private readonly ApplianceConfig _config;
    private readonly IRunService _runs;
    private BoxCounter? _counter;
    private ArtifactSweeper? _sweeper;

    private Rooms(ServeSettings settings, ApplianceConfig config, LogHub log, string version)
    {
        _config = config;
        Log = log;
        Version = version;
        Disk = new PosixDisk();
        State = new StateFolder(settings.StateFolder, Disk);
        State.Create();
        Metrics = new MetricsText(Time, version);
        Journal = Storage.Journal.Journal.Open(Disk, State.Journal, new JournalOptions(), Time);
        Alerts = new BudgetAlerts(Journal, log.CreateLogger("Budgets"));
        Budgets = new BudgetKeeper(config.Budgets, CapTable.Build(config.Budgets, [], Self(config)), Journal, Time) { Alerts = Alerts };
        BudgetMetrics.Watch(Budgets);
        Keys = new KeyStore(Journal, Time);
        BatchDeletions = new BatchDeletions(Journal);
        Artifacts = ArtifactStore.Open(Disk, State.Artifacts, config.Artifacts, Time);
        Responses = new ResponseStore(Journal, Artifacts, config.Responses, Time);
        Restore();
        Routes = new RouteTableHolder(RouteTable.Empty);
        var engine = ModelShelf.HostOptions(config.Engine, State.Models, State.ModelHashes);
        Engine = new ModelHost(engine, Time);
        Secrets = new SecretReader(Disk, Environment.GetEnvironmentVariable);
        Providers = BuildProviders(config, ProviderSet.Empty);
        EngineMetrics.Watch(Engine);
        Models = new ModelShelf(Engine, engine.ModelsFolder!, Providers.Candidates, Routes, config, Time, log.CreateLogger("Models"));
        foreach (var error in Models.Refresh())
        {
            log.CreateLogger("Models").LogWarning("routes: {Error}", error);
        }

        Readiness.Set("models", true, Models.Summary());
        Admission = new AdmissionGate(config.Limits);
        Prices = new PriceTableHolder(PriceTable.Build(config.Prices, []));
        var directory = new UserDirectory(config.Directory);
        Principals = new PrincipalResolver(Keys, directory, config.Security, new LocalUsers(Disk));
        var scheduler = new TicketScheduler(config.Scheduler, Time.NowMs, Time);
        var own = new OwnModels(Engine, Routes, scheduler, Prices, config.Federation, Time);
        Federation = OpenFederation(config.Federation, own);
        var calls = Federation is null ? null : new PeerCalls(Federation, own, directory, CallModel, Time, Roll, log.CreateLogger("Federation"));
        Models.OfPeers = calls is null ? static () => [] : calls.Listings;
        Pipeline = new ModelPipeline(new PipelineRooms
        {
            Admission = Admission,
            Routes = Routes,
            Prices = Prices,
            Budgets = Budgets,
            Scheduler = scheduler,
            Journal = Journal,
            Time = Time,
            Dice = ThreadDice.Roll,
            Peers = calls?.Candidates,
            Redactor = config.Security.Redaction ? new Redactor() : null,
        });
        Projection = new SqliteProjection(State.Database, Journal, [new RunsTable(), new AuditTable()], new ProjectionOptions(), log.CreateLogger("Projection"));
        var runner = RunnerRooms(config);
        Runs = new RunService(runner, config.Runner);
        Federation?.Add(new SharedBudgetsPart(Federation, Budgets, Time, log.CreateLogger("Budgets")));
        _runs = new DurableRoom(Runs, Journal, runner.Blobs, runner.Tools, Routes, Principals).Join(Federation, Readiness, Time, log.CreateLogger("Durable"));
        Gateway = new GatewayApp(Parts(config), log.CreateLogger("Gateway"));
    }

    public TimeProvider Time => TimeProvider.System;
    public string Version { get; }
    public LogHub Log { get; }
    public IDisk Disk { get; }
    public StateFolder State { get; }
    public Journal Journal { get; }
    public BudgetKeeper Budgets { get; }
    public BudgetAlerts Alerts { get; }
    public KeyStore Keys { get; }
    public RouteTableHolder Routes { get; }
    public AdmissionGate Admission { get; }
    public PriceTableHolder Prices { get; }
    public PrincipalResolver Principals { get; }

    /// <summary>Replaced by a reload.</summary>
    internal ProviderSet Providers { get; set; }
    private SecretReader Secrets { get; }
    public ModelHost Engine { get; }
    public ModelShelf Models { get; }
    public ModelPipeline Pipeline { get; }
    public SqliteProjection Projection { get; }
    public ArtifactStore Artifacts { get; }
    public ResponseStore Responses { get; }
    public RunService Runs { get; }
    public BatchDeletions BatchDeletions { get; }

    /// <summary>Null where the configuration names no NATS servers, or their secrets cannot be read.</summary>
    public FederationHub? Federation { get; }
    public MetricsText Metrics { get; }
    public Readiness Readiness { get; } = new();
    public GatewayApp Gateway { get; }

    /// <exception cref="IOException">The state folder cannot be used, or another daemon uses it.</exception>
    /// <exception cref="JournalCorruptException">The journal is damaged in its middle.</exception>
    public static Rooms Open(ServeSettings settings, ApplianceConfig config, LogHub log, string version) => new(settings, config, log, version);

    /// <summary>The providers of a configuration; those that did not change are the same as before.</summary>
    internal ProviderSet BuildProviders(ApplianceConfig config, ProviderSet before) => ProviderSet.Build(
        config, before, Secrets, one => new Providers(one, Secrets, TcpNetwork.Instance, Time, Log.CreateLogger("Providers")));

    /// <summary>What must run before the first request.</summary>
    public void Start()
    {
        Projection.Start();
        Alerts.Start([.. AlertOutlets.Of(_config.Budgets.Webhook, Disk, Time, Log.CreateLogger("Budgets")), .. AlertOutlets.Of(Federation)]);
        Readiness.Set("runner", false, "looking for interrupted runs");
    }

    /// <summary>What begins when the doors are open. Nothing of it waits.</summary>
    public void Join() => Federation?.Start();

    /// <summary>Others are told at once that nothing new is taken here.</summary>
    public void Drain() => Federation?.Drain();

    /// <summary>What works by itself from then on: runs that a crash interrupted go on, models are loaded.</summary>
    public async Task ResumeAsync(CancellationToken cancel)
    {
        _sweeper = Sweeper();
        var taken = await Runs.RecoverAsync(cancel);
        Readiness.Set("runner", true, taken == 0 ? "no run was interrupted" : $"{taken} interrupted runs go on");
        await Models.PreloadAsync(Readiness);
    }

    /// <summary>Ends it: runs finish their steps or are parked, in time or not at all.</summary>
    /// <param name="doors">Ends when the last request from outside has its answer: until then other boxes may be needed for it.</param>
    public async Task StopAsync(CancellationToken deadline, Task? doors = null)
    {
        var responses = Gateway.StopAsync(deadline);
        await Runs.StopAsync().WaitAsync(deadline).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await responses;
        await (doors ?? Task.CompletedTask);
        await (Federation?.StopAsync(deadline) ?? Task.CompletedTask);
        await Budgets.StopAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await (Federation?.DisposeAsync() ?? ValueTask.CompletedTask);
        _counter?.Dispose();
        _sweeper?.Dispose();
        Runs.Dispose();
        await Projection.DisposeAsync();
        Engine.Dispose();
        Providers.Dispose();
        await Alerts.DisposeAsync();
        Budgets.Dispose();
        Journal.Dispose();
        Metrics.Dispose();
    }

    private ArtifactSweeper Sweeper()
    {
        var runs = new RunArtifacts(Projection, Journal, new ArtifactBlobs(Artifacts), _config.Artifacts.Retention, BatchDeletions.Contains, Time);
        return new ArtifactSweeper(Artifacts, [runs, Responses], Time, Log.CreateLogger("Artifacts"));
    }

    private ValueTask<Outcome> CallModel(ModelCall call, IAnswerSink sink, CancellationToken cancel) => Pipeline.RunAsync(call, sink, cancel);

    private void Restore()
    {
        Log.CreateLogger("Storage").LogInformation("{Report}", Journal.OpenReport);
        _ = JournalReplay.Run(Journal, Keys, new BudgetFold(Budgets), BatchDeletions, Responses);
        Responses.Trim();

        Readiness.Set("journal", true, Journal.OpenReport.ToString());
    }

    private RunnerRooms RunnerRooms(ApplianceConfig config) => new()
    {
        Journal = Journal,
        Blobs = new ArtifactBlobs(Artifacts),
        FilesKept = config.Artifacts.Retention,
        Tools = ToolSet.BuiltIn.With(new BatchTool(Pipeline.RunAsync, new ArtifactBlobs(Artifacts), config.Listen, Time)),
        History = new ProjectionHistory(Projection, Journal),
        CallModel = Pipeline.RunAsync,
        Time = Time,
        Log = Log.CreateLogger("Runner"),
        Notes = new RunNotes(Disk, State.Runs),
        RunEnded = Budgets.ForgetRun,
    };

    /// <summary>The federation, not yet begun. What it cannot have leaves the box alone, said in the log and in readiness, which it does not fail.</summary>
    private FederationHub? OpenFederation(FederationOptions options, OwnModels models)
    {
        if (!options.IsOn)
        {
            return null;
        }

        var log = Log.CreateLogger("Federation");
        var (nats, error) = FederationRoom.NatsOf(options, options.PeerOn(Environment.MachineName), Secrets, log);
        if (nats is null)
        {
            log.LogError("{Error}; this box serves alone until it starts again", error);
            Readiness.Set("federation", true, $"this box serves alone: {error}");
            return null;
        }

        _counter = new BoxCounter();
        return new FederationHub(new FederationSetup
        {
            Options = options,
            Nats = nats,
            Network = TcpNetwork.Instance,
            Time = Time,
            Log = log,
            Version = Version,
            Host = Environment.MachineName,
            Models = models.Describe,
            Dice = Roll,
            Counts = () => _counter.Now,
            Detail = detail => Readiness.Set("federation", true, detail),
        });
    }

    /// <summary>This box's id where it is in a federation.</summary>
    internal static string Self(ApplianceConfig config) => config.Federation.IsOn ? config.Federation.PeerOn(Environment.MachineName) : "";

    private GatewayParts Parts(ApplianceConfig config) => new()
    {
        Options = config.Listen,
        Doorkeeper = new Doorkeeper(Principals),
        Models = Pipeline.RunAsync,
        ModelDirectory = Models,
        Explain = Pipeline.Explain,
        Runs = _runs,
        Batches = new MessageBatches(Runs, new ArtifactBlobs(Artifacts), BatchDeletions, Time),
        Responses = Responses,
        Keys = Keys,
        Budgets = Budgets.Admin,
        Metrics = Metrics,
        Readiness = Readiness,
        Federation = Federation,
        Time = Time,
        Version = Version,
    };

    private static ulong Roll()
    {
        Span<byte> bytes = stackalloc byte[8];
        RandomNumberGenerator.Fill(bytes);
        return BitConverter.ToUInt64(bytes);
    }

    /// <summary>Budgets as a fold of the journal.</summary>
    private sealed class BudgetFold(BudgetKeeper budgets) : IJournalFold
    {
        public ReadOnlySpan<JournalKind> Kinds => [JournalKind.BudgetLease, JournalKind.Admin];

        public void Apply(in JournalRecord record) => budgets.Restore(record);
    }
}
