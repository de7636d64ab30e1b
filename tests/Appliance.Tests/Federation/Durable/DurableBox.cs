using System.Text;
using Jesus.Appliance.Federation.Durable;
using Jesus.Appliance.Runner;
using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Security;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Tests.Runner;
using Jesus.Appliance.Tools;
using Jesus.Inference.Contract;
using Jesus.Transport.Nats;

namespace Jesus.Appliance.Tests.Federation.Durable;

/// <summary>A box as far as runs that run anywhere see it: a runner over a journal and a store of its own, and a connection to the real nats-server.</summary>
internal sealed class DurableBox : IAsyncDisposable
{
    private readonly Func<NatsConnection> _connect;
    private readonly Func<IEnumerable<ITool>> _tools;
    private readonly FakeModel _model;
    private NatsConnection? _nats;
    private int _life;

    /// <param name="connect">A new connection, not started.</param>
    public DurableBox(string name, Func<NatsConnection> connect, string cluster, DurableOptions options, Func<IEnumerable<ITool>>? tools = null, Func<ModelRequest, FakeAnswer>? model = null)
    {
        (Name, _connect, Cluster, Options, _tools) = (name, connect, cluster, options, tools ?? (() => []));
        _model = new FakeModel(model ?? (_ => new FakeAnswer("an answer")));
    }

    /// <summary>Leases of a few seconds: tests wait for some to end. A slow machine loses a lease that a quick one keeps, which every test must bear.</summary>
    public static DurableOptions Quick { get; } = new()
    {
        Lease = new LeaseTerms { LeaseMs = 3_000, StopMs = 2_000, RenewMs = 400, SpreadMs = 300, RetryMs = 30 },
        LookEvery = TimeSpan.FromMilliseconds(50),
        RefusalDelay = TimeSpan.FromMilliseconds(200),
        RefusalsMax = 3,
        TryAgainAfter = TimeSpan.FromSeconds(1),
        StopGrace = TimeSpan.FromSeconds(1),
    };

    public string Name { get; }
    public string Cluster { get; }
    public DurableOptions Options { get; }
    public HashSet<string> Users { get; } = ["alice", "bob"];
    public MemoryBlobs Blobs { get; } = new();
    public ListLog Log { get; } = new();
    public MemoryJournal Journal { get; private set; } = new();
    public RunService Own { get; private set; } = null!;
    public FederatedRuns Runs { get; private set; } = null!;
    public DurableRuns Durable { get; private set; } = null!;
    public IRunReplicas Replicas { get; private set; } = null!;
    public bool IsUp { get; private set; }
    public List<string> Details { get; } = [];

    /// <summary>Starts it on what its disk holds.</summary>
    public async Task StartAsync()
    {
        _life++;
        Journal = new MemoryJournal(Journal.Records);
        _nats = _connect();
        Own = new RunService(
            new RunnerRooms
            {
                Journal = Journal,
                Blobs = Blobs,
                History = new JournalHistory(Journal),
                CallModel = _model.CallAsync,
                Time = TimeProvider.System,
                Log = Log,
                Tools = Tools,
            },
            new RunnerOptions { StopGrace = TimeSpan.FromSeconds(1) });
        var rooms = new DurableRooms
        {
            Runs = Own,
            Journal = Journal,
            Blobs = Blobs,
            Self = Name,
            Instance = $"{Name}-{_life}",
            PrincipalOf = by => Users.Contains(by.User) ? new Principal(by.Id, PrincipalKind.Peer, by.User, "of-" + Name, "default", Roles.Runs | Roles.Models) : null,
            Has = need => !need.StartsWith("tool:", StringComparison.Ordinal) || Tools.Find(need[5..]) is not null,
            Time = TimeProvider.System,
            Log = Log,
            Detail = detail =>
            {
                lock (Details)
                {
                    Details.Add(detail);
                }
            },
            IsConnected = () => _nats.State == NatsState.Connected,
        };
        Replicas = new NatsRunReplicas(_nats, Cluster, Name, Options, TimeProvider.System);
        Durable = new DurableRuns(rooms, Replicas, Options);
        Runs = new FederatedRuns(rooms, Durable, Options);
        _nats.Start();
        _ = await Own.RecoverAsync(CancellationToken.None);
        Durable.Start();
        IsUp = true;
    }

    /// <summary>Ends it at once: nothing is said to anybody, and what was under way reaches neither disk nor servers.</summary>
    public async Task KillAsync()
    {
        if (!IsUp)
        {
            return;
        }

        IsUp = false;
        await _nats!.DisposeAsync();
        await Durable.AbandonAsync();
        Own.Dispose();
    }

    /// <summary>Stops it as SIGTERM does.</summary>
    public async Task StopAsync()
    {
        IsUp = false;
        await Own.StopAsync();
        await Durable.StopAsync(CancellationToken.None);
        await _nats!.DisposeAsync();
    }

    /// <summary>Waits until submissions are taken.</summary>
    public async Task<DurableBox> ReadyAsync()
    {
        await Until.TrueAsync(() => Durable.Trouble.Length == 0, () => $"{Name}: {Durable.Trouble}\n{string.Join("\n", Log.Lines)}");
        return this;
    }

    public ValueTask<SubmitResult> TrySubmitAsync(string yaml, Principal? by = null, params (string Name, object Value)[] inputs) => Runs.SubmitAsync(
        new RunSubmission
        {
            Workflow = Encoding.UTF8.GetBytes(yaml),
            FileName = "test.yaml",
            Inputs = inputs.ToDictionary(input => input.Name, input => input.Value is byte[] bytes ? RunInput.FromFile(bytes) : RunInput.FromText((string)input.Value)),
            Anywhere = true,
        },
        by ?? RunnerRig.Alice,
        CancellationToken.None);

    public async Task<string> SubmitAsync(string yaml, params (string Name, object Value)[] inputs)
    {
        var result = await TrySubmitAsync(yaml, null, inputs);
        Assert.True(result.Accepted, string.Join("\n", result.Errors.Select(error => error.ToString()).Append(result.Message)));
        return result.RunId;
    }

    /// <summary>Follows a run to its end from this box.</summary>
    public async Task<(RunView View, IReadOnlyList<RunEventView> Events)> EndAsync(string runId)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        var events = new List<RunEventView>();

        // A box that has just come reads the runs of the others first.
        _ = await UntilAsync(runId, _ => true);
        try
        {
            await foreach (var item in (await Runs.WatchAsync(runId, 0, RunnerRig.Alice, limit.Token))!.WithCancellation(limit.Token))
            {
                events.Add(item);
            }
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"{Name}: the run never ended; seen were {string.Join(", ", events.Select(item => item.Type))}\n{Durable.Find(runId)?.Record}\n{string.Join("\n", Log.Lines)}");
        }

        // The last event is told before the row: which says so a moment later.
        return (await UntilAsync(runId, run => run.IsFinished), events);
    }

    public async Task<RunView> UntilAsync(string runId, Func<RunView, bool> isSo)
    {
        RunView? view = null;
        await Until.TrueAsync(
            async () => (view = await Runs.GetAsync(runId, RunnerRig.Alice, CancellationToken.None)) is not null && isSo(view),
            () => $"{Name}: the run is {view?.State} at {view?.Box}\n{string.Join("\n", Log.Lines)}");
        return view!;
    }

    /// <summary>The replicated log of a run as its record counts it.</summary>
    public async Task<IReadOnlyList<RunEvent>> LogOfAsync(string runId)
    {
        var record = await RecordOfAsync(runId);
        var parts = default(ReplicaAnswer<IReadOnlyList<ReadOnlyMemory<byte>>>);
        await Until.TrueAsync(async () => (parts = await Replicas.ReadPartsAsync(runId, record.Parts, 0, CancellationToken.None)).IsDone, () => parts.Text);
        RunEvent[] events = [.. parts.Value!.SelectMany(LogPart.Decode).Select(bytes => RunEventCodec.Read(bytes.Span))];
        Assert.Equal(record.Events, events.Length);
        return events;
    }

    public async Task<RunRecord> RecordOfAsync(string runId)
    {
        var read = default(ReplicaAnswer<StoredRecord>);
        await Until.TrueAsync(async () => (read = await Replicas.ReadAsync(runId, CancellationToken.None)).IsDone, () => read.Text);
        return RunRecord.Decode(runId, read.Value.Value)!;
    }

    /// <summary>What this box's own journal holds of a run.</summary>
    public IReadOnlyList<RunEvent> JournalOf(string runId) =>
        [.. Journal.Records.Where(record => record.Kind is JournalKind.RunEvent or JournalKind.ToolIntent).Select(record => RunEventCodec.Read(record.Payload)).Where(item => item.RunId == runId)];

    public async ValueTask DisposeAsync() => await KillAsync();

    private ToolSet Tools => new([new CalcTool(), new TextJoinTool(), .. _tools()]);
}

/// <summary>Waits for what must come in the end; the limit only ends a hang.</summary>
internal static class Until
{
    public static Task TrueAsync(Func<bool> isSo, Func<string> why) => TrueAsync(() => Task.FromResult(isSo()), why);

    public static async Task TrueAsync(Func<Task<bool>> isSo, Func<string> why)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!await isSo())
        {
            if (TimeProvider.System.GetElapsedTime(started) > TimeSpan.FromMinutes(3))
            {
                Assert.Fail("it never came to be: " + why());
            }

            await Task.Delay(20);
        }
    }
}
