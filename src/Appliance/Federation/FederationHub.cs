using Jesus.Appliance.Federation.Membership;
using Jesus.Appliance.Federation.Totals;
using Jesus.Transport.Nats;
using Jesus.Transport.Timing;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Federation;

/// <summary>
/// This box in its federation: owns the connection, hears and tells who is there, and starts and stops the parts that use both. Nothing waits for NATS: while it is down the
/// box serves alone, says so, and joins again by itself.
/// </summary>
public sealed class FederationHub : IAsyncDisposable
{
    /// <summary>How often time is looked at: a quarter of the smallest interval after which anything happens.</summary>
    private const int LookMs = 250;

    /// <summary>A loop that failed begins again after so many milliseconds, so that a fault that stays does not fill the log.</summary>
    private const int AgainMs = 1_000;

    /// <summary>A server that is not there this long after the start is worth a line in the log.</summary>
    private const int ComplainAfterMs = 5_000;

    private readonly FederationSetup _setup;
    private readonly NatsWatch _watch;
    private readonly StatusAnnouncer _announcer;
    private readonly StatusListener _listener;
    private readonly FleetTotals _totals;
    private readonly List<IFederationPart> _parts = [];
    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;
    private Task _goodbye = Task.CompletedTask;
    private bool _isComplained;
    private int _isDisposed;
    private bool _isJoined;
    private long _startedMs;
    private volatile string _detail = "connecting";

    public FederationHub(FederationSetup setup)
    {
        _setup = setup;
        Self = setup.Options.PeerOn(setup.Host);
        var incarnation = setup.Dice();
        Peers = new PeerTable(Self, incarnation == 0 ? 1 : incarnation, setup.Options.PeersMax);
        _watch = new NatsWatch(setup.Log);
        Nats = new NatsConnection(setup.Nats, setup.Network, setup.Time, _watch);
        var subjects = new FederationSubjects(Cluster, Self);
        _announcer = new StatusAnnouncer(setup, subjects, Nats, Peers);
        _listener = new StatusListener(setup, subjects, Nats, Peers, _announcer);
        _totals = new FleetTotals(setup, subjects, Nats, Peers);
    }

    public string Cluster => _setup.Options.Cluster;

    /// <summary>This box's id.</summary>
    public string Self { get; }

    /// <summary>For the parts; the hub starts and ends it.</summary>
    public NatsConnection Nats { get; }
    public PeerTable Peers { get; }
    public FederationOptions Options => _setup.Options;

    /// <summary>This box's own models as last announced.</summary>
    public IReadOnlyList<PeerModelView> OwnModels => _announcer.Models;

    /// <summary>Milliseconds between two statuses of this box.</summary>
    public int IntervalMs => _announcer.IntervalMs;
    public bool IsConnected => Nats.State == Transport.Nats.NatsState.Connected;

    /// <summary>How the federation is, in words.</summary>
    public string Detail => _detail;
    internal FleetTotals Totals => _totals;
    internal long NowMs => _setup.Time.NowMs();

    internal string NatsState => Nats.State switch
    {
        Transport.Nats.NatsState.Connected => "connected",
        Transport.Nats.NatsState.Reconnecting => "reconnecting",
        Transport.Nats.NatsState.Draining => "draining",
        Transport.Nats.NatsState.Closed => "closed",
        _ => "connecting",
    };

    /// <summary>Adds a part; before <see cref="Start"/>.</summary>
    public void Add(IFederationPart part) => _parts.Add(part);

    /// <summary>Begins all of it and returns at once.</summary>
    public void Start()
    {
        FederationMetrics.Watch(this);
        _startedMs = NowMs;
        Nats.Start();
        foreach (var part in _parts)
        {
            part.Start();
        }

        _running = Task.WhenAll(KeepAsync(_listener.RunAsync), KeepAsync(_totals.RunAsync), KeepAsync(TickAsync));
    }

    /// <summary>Says to all, at once, that this box takes nothing new.</summary>
    public void Drain()
    {
        foreach (var part in _parts)
        {
            part.Drain();
        }

        _goodbye = SayGoodbyeAsync();
    }

    /// <summary>Ends the parts, in time or not at all, then the connection.</summary>
    public async Task StopAsync(CancellationToken deadline)
    {
        await Task.WhenAll(_parts.Select(part => part.StopAsync(deadline))).WaitAsync(deadline).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _goodbye.WaitAsync(deadline).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        if (IsConnected)
        {
            await Nats.DrainAsync(deadline).AsTask().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Ends it at once, any number of times.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_running, _goodbye).ConfigureAwait(false);
        await Nats.DisposeAsync().ConfigureAwait(false);
        FederationMetrics.Unwatch(this);
        _announcer.Dispose();
        _totals.Dispose();
        _stop.Dispose();
    }

    private async Task TickAsync(CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(Math.Clamp(_setup.Pace.IntervalMs / 4, 5, LookMs)), _setup.Time);
        do
        {
            var now = NowMs;
            Peers.Look(now, IsConnected);
            await _announcer.TickAsync(now, cancel).ConfigureAwait(false);
            await _totals.TickAsync(now, cancel).ConfigureAwait(false);
            Report(now);
        }
        while (await timer.WaitForNextTickAsync(cancel).ConfigureAwait(false));
    }

    /// <summary>Tells how it is where that changed: readiness in words, the log once an episode.</summary>
    private void Report(long nowMs)
    {
        var connected = IsConnected;
        var detail = connected ? Connected() : Alone();
        if (detail != _detail)
        {
            _detail = detail;
            _setup.Detail(detail);
        }

        if (connected && !_isJoined)
        {
            _setup.Log.LogInformation("in the federation {Cluster} as {Peer}", Cluster, Self);
            (_isJoined, _isComplained) = (true, false);
        }
        else if (!connected && !_isComplained && (_isJoined || nowMs - _startedMs > ComplainAfterMs))
        {
            _setup.Log.LogWarning("{Detail}", detail);
            (_isJoined, _isComplained) = (false, true);
        }
    }

    private string Alone() => _watch.Reason.Length > 0
        ? $"NATS is not reachable ({_watch.Reason}): this box serves alone and joins again by itself"
        : "NATS is not reachable: this box serves alone and joins again by itself";

    private string Connected()
    {
        var (alive, known) = (0, 0);
        foreach (var peer in Peers.Current)
        {
            known++;
            alive += peer.State == PeerState.Alive ? 1 : 0;
        }

        var twice = Peers.OwnIdTaken(NowMs) ? "; another box has the same id, so no peer sends anything here" : "";
        return $"connected as {Cluster}/{Self}, {alive} of {known} peers alive{twice}";
    }

    /// <summary>A fault of one loop ends neither the others nor itself: it is logged whole, since it is a fault of this program, and the loop begins again.</summary>
    private async Task KeepAsync(Func<CancellationToken, Task> loop)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await loop(_stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                _setup.Log.LogError(e, "a loop of the federation failed; it begins again");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(AgainMs), _setup.Time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>The farewell; without a connection nobody hears it.</summary>
    private async Task SayGoodbyeAsync()
    {
        try
        {
            await _announcer.DrainAsync(_stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The hub stops meanwhile.
        }
    }
}
