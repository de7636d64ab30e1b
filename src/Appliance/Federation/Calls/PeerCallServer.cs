using System.Text;
using Jesus.Appliance.Federation.Messages;
using Jesus.Transport.Nats;
using Jesus.Transport.Timing;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Federation.Calls;

/// <summary>
/// Answers the calls of peers. 1: who asks is the last token of the subject, which the server vouches for. 2: is it within its rate and the limits of size? 3: may it, has
/// this box the model, is there room, is it no circle (<see cref="InboundDoor"/>)? 4: then it is made like a call of this box's own, as the principal that the caller stands for.
/// </summary>
public sealed class PeerCallServer : IFederationPart, IDisposable
{
    /// <summary>A thousand calls at once, or the pieces of a few large ones; more are dropped by the subscription, which counts them.</summary>
    internal static readonly NatsSubscriptionOptions Pending = new() { PendingMessagesMax = 4_096, PendingBytesMax = 64 << 20 };

    private readonly CallSetup _setup;
    private readonly FederationHub _hub;
    private readonly CallSubjects _subjects;
    private readonly InboundCalls _calls;
    private readonly InboundDoor _door;
    private readonly CancellationTokenSource _stop = new();
    private readonly CallGroups _groups;
    private Task _running = Task.CompletedTask;
    private volatile bool _isDraining;

    public PeerCallServer(CallSetup setup, FederationHub hub)
    {
        (_setup, _hub) = (setup, hub);
        _subjects = new CallSubjects(hub.Cluster, hub.Self);
        _calls = new InboundCalls(setup);
        _door = new InboundDoor(setup, hub.Options, hub.Self);
        _groups = new CallGroups(hub, _subjects, (group, subject) => KeepAsync(() => ReadAsync(group, subject, HeardGroupCall), untilEnded: true));
    }

    /// <summary>Calls of peers under way here.</summary>
    public int Calls => _calls.Count;

    public void Start() => _running = Task.WhenAll(
        KeepAsync(() => ReadAsync(_subjects.Calls, HeardCall)),
        KeepAsync(() => ReadAsync(_subjects.Credits, HeardCredit)),
        KeepAsync(() => ReadAsync(_subjects.Cancels, HeardCancel)),
        KeepAsync(LookAsync));

    public void Drain() => _isDraining = true;

    /// <summary>Calls under way may end by themselves until the deadline.</summary>
    public async Task StopAsync(CancellationToken deadline)
    {
        _isDraining = true;
        await _calls.WhenOverAsync(deadline).ConfigureAwait(false);
        await _stop.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
    }

    public void Dispose() => _stop.Dispose();

    private async Task ReadAsync(string subject, Action<NatsMessage, ReadOnlyMemory<byte>> heard)
    {
        await using var subscription = _hub.Nats.Subscribe(NatsSubject.Parse(subject), "", Pending);
        await ReadAsync(subscription, subject, heard).ConfigureAwait(false);
    }

    /// <summary>Until the subscription ends.</summary>
    private async Task ReadAsync(NatsSubscription subscription, string subject, Action<NatsMessage, ReadOnlyMemory<byte>> heard)
    {
        var before = Encoding.UTF8.GetBytes(subject[..^1]);
        while (await subscription.WaitToReadAsync(_stop.Token).ConfigureAwait(false))
        {
            while (subscription.TryRead(out var message))
            {
                using (message)
                {
                    var caller = CallSubjects.CallerOf(message.Subject.Span, before);
                    if (caller.Length > 0)
                    {
                        heard(message, message.Subject[^caller.Length..]);
                    }
                }
            }
        }
    }

    private void HeardCredit(NatsMessage message, ReadOnlyMemory<byte> caller)
    {
        var credit = new StreamCredit();
        if (StreamCredit.TryRead(message.Payload.Span, credit, out _))
        {
            _calls.Find(caller.Span, credit.Stream)?.Credit(credit.UpTo);
        }
    }

    private void HeardCancel(NatsMessage message, ReadOnlyMemory<byte> caller)
    {
        var cancel = new StreamCancel();
        if (StreamCancel.TryRead(message.Payload.Span, cancel, out _))
        {
            _calls.Drop(caller.Span, cancel.Stream);
        }
    }

    private void HeardCall(NatsMessage message, ReadOnlyMemory<byte> caller) => HeardCall(message, caller, null);

    private void HeardGroupCall(NatsMessage message, ReadOnlyMemory<byte> caller) => HeardCall(message, caller, _groups.AnswererOf);

    /// <param name="says">Headers of the first event.</param>
    private void HeardCall(NatsMessage message, ReadOnlyMemory<byte> caller, NatsHeaders? says)
    {
        // A reply subject outside the caller's inboxes would have this box publish what only it may.
        if (!CallSubjects.IsInboxOf(caller.Span, message.ReplyTo.Span))
        {
            _calls.Complain(caller.Span, RefusalReason.NotAllowed, "its reply subject is not below its own inbox");
            return;
        }

        var request = new InferRequest();
        var refusal = _calls.Admit(caller.Span, _setup.Time.NowMs());
        if (refusal == RefusalReason.None)
        {
            refusal = Read(message, caller.Span, request, out var isWhole);
            if (refusal == RefusalReason.None && !isWhole)
            {
                request.Dispose();
                return;
            }
        }

        var call = new InboundCall(request, Encoding.ASCII.GetString(caller.Span), message.ReplyTo.ToArray(), _hub.Nats, _setup.Time, _setup.Limits) { Says = says };
        var (verdict, words) = refusal == RefusalReason.None ? Judge(call, message.Headers) : (refusal, "");
        if (verdict == RefusalReason.None && !_calls.TryAdd(call))
        {
            (verdict, words) = (RefusalReason.Busy, "as many calls of peers are under way as may be");
        }

        call.Running = verdict == RefusalReason.None ? RunAsync(call) : RefuseAsync(call, verdict, words);
    }

    private RefusalReason Read(in NatsMessage message, ReadOnlySpan<byte> caller, InferRequest request, out bool isWhole)
    {
        isWhole = true;
        if (!InferRequest.TryRead(message.Payload.Span, request, out _))
        {
            return RefusalReason.Malformed;
        }

        return request.ChunkCount == 0 ? RefusalReason.None : _calls.TakePiece(caller, request, _setup.Time.NowMs(), out isWhole);
    }

    private (RefusalReason Reason, string Words) Judge(InboundCall call, NatsHeadersView headers)
    {
        if (_isDraining)
        {
            return (RefusalReason.Draining, "");
        }

        var hops = headers.TryGet("Jesus-Hops"u8, out var value) ? CallSubjects.NumberOf(value.Span) : 0;
        return _door.Judge(call, (int)Math.Clamp(hops, 0, int.MaxValue));
    }

    private async Task RefuseAsync(InboundCall call, RefusalReason reason, string words)
    {
        _calls.Complain(Encoding.ASCII.GetBytes(call.Caller), reason, words);
        using (call)
        {
            await call.RefuseAsync(reason, words).ConfigureAwait(false);
        }
    }

    /// <summary>A fault here costs this call, which its caller then misses, and no other.</summary>
    private async Task RunAsync(InboundCall call)
    {
        await Task.Yield();
        try
        {
            await call.RunAsync(_setup.CallModel).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _setup.Log.LogError(e, "a call of the peer {Peer} failed", call.Caller);
        }
        finally
        {
            _calls.Remove(call);
            call.Dispose();
        }
    }

    private async Task LookAsync()
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(_setup.Limits.LookMs), _setup.Time);
        do
        {
            await _calls.LookAsync(_setup.Time.NowMs()).ConfigureAwait(false);
            await _groups.LookAsync(_isDraining).ConfigureAwait(false);
        }
        while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false));
    }

    /// <param name="untilEnded">The loop ends by itself; else it does so only when something is wrong, and begins again.</param>
    private async Task KeepAsync(Func<Task> loop, bool untilEnded = false)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await loop().ConfigureAwait(false);
                if (untilEnded)
                {
                    return;
                }
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                _setup.Log.LogError(e, "a loop over calls of peers failed; it begins again");
            }

            await Task.Delay(TimeSpan.FromSeconds(1), _setup.Time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
