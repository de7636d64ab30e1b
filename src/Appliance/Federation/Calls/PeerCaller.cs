using System.Collections.Concurrent;
using Jesus.Appliance.Federation.Membership;
using Jesus.Inference.Contract;
using Jesus.Transport.Nats;
using Jesus.Transport.Timing;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Federation.Calls;

/// <summary>This box's calls to peers. One loop looks at all that are under way: who is silent, who is gone, who must hear that their caller is still there. Thread-safe.</summary>
public sealed class PeerCaller : IFederationPart, IDisposable
{
    /// <summary>Calls to peers under way: more than this box's doors let in.</summary>
    private const int CallsMax = 4_096;

    private readonly CallSetup _setup;
    private readonly FederationHub _hub;
    private readonly ConcurrentDictionary<ulong, OutboundCall> _calls = new();
    private readonly CancellationTokenSource _stop = new();
    private ulong _last;
    private Task _looking = Task.CompletedTask;

    public PeerCaller(CallSetup setup, FederationHub hub)
    {
        (_setup, _hub, _last) = (setup, hub, setup.Dice());
        Subjects = new CallSubjects(hub.Cluster, hub.Self);
    }

    public CallLimits Limits => _setup.Limits;

    /// <summary>Calls under way.</summary>
    public int Calls => _calls.Count;
    internal CallSubjects Subjects { get; }
    internal NatsConnection Nats => _hub.Nats;
    internal TimeProvider Time => _setup.Time;
    internal string Self => _hub.Self;

    public void Start() => _looking = LookAsync();

    /// <summary>Calls under way go on to their end.</summary>
    public void Drain()
    {
    }

    public async Task StopAsync(CancellationToken deadline)
    {
        foreach (var call in _calls.Values)
        {
            call.Lose("this box stops");
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        await _looking.WaitAsync(deadline).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Dispose() => _stop.Dispose();

    internal PeerView? FindPeer(PeerLink link) => _hub.Peers.Find(link.Peer);

    internal PeerModelView? Find(PeerLink link) => FindPeer(link)?.Find(link.Model);

    internal async ValueTask<CallResult> CallAsync(PeerLink link, ModelRequest request, IAnswerSink sink, CancellationToken cancel)
    {
        if (Nats.State != NatsState.Connected)
        {
            return CallResult.Failed(ErrorCause.ConnectFailed, $"'{link.Peer}' cannot be asked: this box is not connected to NATS.");
        }

        var number = Interlocked.Increment(ref _last);
        await using var call = new OutboundCall(this, link, number);
        if (_calls.Count >= CallsMax || !_calls.TryAdd(number, call))
        {
            return CallResult.Failed(ErrorCause.Overloaded, $"This box has {CallsMax} calls to peers under way; try again shortly.");
        }

        try
        {
            return await call.RunAsync(request, sink, cancel).ConfigureAwait(false);
        }
        finally
        {
            _ = _calls.TryRemove(number, out _);
        }
    }

    private async Task LookAsync()
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(_setup.Limits.LookMs), _setup.Time);
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false);
                foreach (var (_, call) in _calls)
                {
                    await call.LookAsync(_setup.Time.NowMs(), Nats.State == NatsState.Connected, FindPeer(call.Link)).ConfigureAwait(false);
                }
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e)
            {
                _setup.Log.LogError(e, "the loop over calls to peers failed; it goes on");
            }
        }
    }
}
