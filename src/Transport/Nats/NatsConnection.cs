using System.Runtime.CompilerServices;
using System.Text;
using Jesus.Transport.Http;
using Jesus.Transport.Nats.Connecting;
using Jesus.Transport.Nats.Protocol;
using Jesus.Transport.Nats.Requests;
using Jesus.Transport.Nats.Sending;
using Jesus.Transport.Nats.Subscribing;

namespace Jesus.Transport.Nats;

/// <summary>
/// A client's connection to a NATS system, which it keeps up by itself: a server that is down, now or later, is no error but a state. Subscriptions outlive connections;
/// what was published meanwhile waits within a limit; requests under way end with <see cref="NatsReplyStatus.Disconnected"/>. Any thread may call anything.
/// </summary>
public sealed class NatsConnection : IAsyncDisposable
{
    private readonly NatsOptions _options;
    private readonly TimeProvider _time;
    private readonly Outbox _outbox;
    private readonly RequestTable _requests;
    private readonly SubscriptionTable _subscriptions;
    private readonly DeadlineTimer _deadlines;
    private readonly Pongs _pongs = new();
    private readonly NatsEvents _events;
    private readonly Reconnector _reconnector;
    private readonly string _inbox;
    private readonly Func<bool> _ping;
    private int _isDraining;

    /// <param name="network">How to reach a server; TLS is this client's own affair, so it is always asked for a plain connection.</param>
    /// <exception cref="ArgumentException">The options contradict themselves; the message says where.</exception>
    public NatsConnection(NatsOptions options, INetwork network, TimeProvider time, INatsObserver? observer = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        var dice = new Dice(options.Seed != 0 ? options.Seed : RandomSeed());
        _options = options;
        _time = time;
        _events = new NatsEvents(observer);
        _inbox = $"{options.InboxPrefix}.{ReplyToken.ToString(dice.Next())}";
        _outbox = new Outbox(options.PendingBytesMax, options.PublishWaitersMax);
        _deadlines = new DeadlineTimer(time, OnTick);
        _requests = new RequestTable(_inbox, options.RequestsMax, _deadlines.NowMs);
        _subscriptions = new SubscriptionTable(_outbox, _requests, options.SubscriptionsMax, OnSlow, FlushCoreAsync);
        _ping = () => _outbox.Control("PING\r\n"u8);
        _reconnector = new Reconnector(options, network, time, dice, _events, new SessionParts(_outbox, _subscriptions, _requests, _pongs, _ping));
    }

    public NatsState State => _reconnector.IsClosed ? NatsState.Closed
        : Volatile.Read(ref _isDraining) != 0 ? NatsState.Draining
        : _reconnector.IsConnected ? NatsState.Connected
        : _reconnector.Connects > 0 ? NatsState.Reconnecting : NatsState.Connecting;

    /// <summary>What the connected server said of itself; the last one's while there is none.</summary>
    public NatsServerInfo? Server => _reconnector.Info;

    public NatsStatistics Statistics => new()
    {
        MessagesIn = _reconnector.MessagesIn,
        BytesIn = _reconnector.BytesIn,
        Oversized = _reconnector.Oversized,
        MessagesOut = _outbox.MessagesOut,
        BytesOut = _outbox.BytesOut,
        PublishesLost = _outbox.Lost,
        PendingBytes = _outbox.PendingBytes,
        Connects = _reconnector.Connects,
        ConnectFailures = _reconnector.Failures,
        Dropped = _subscriptions.Dropped,
        Subscriptions = _subscriptions.Count,
        RequestsOpen = _requests.Open,
        RequestsTimedOut = _requests.TimedOut,
    };

    /// <summary>Connects in the background, and again for ever.</summary>
    public void Start() => _reconnector.Start();

    /// <summary>Whether the connection came to stand within the time.</summary>
    public ValueTask<bool> WaitConnectedAsync(TimeSpan within, CancellationToken cancel) => _reconnector.WaitConnectedAsync(within, cancel);

    /// <summary>
    /// Publishes. Ends at once where there is room in the buffer; else when there is, or after <see cref="NatsOptions.PublishTimeoutMs"/>. Subject, headers and payload stay
    /// the caller's, and unchanged, until it has ended.
    /// </summary>
    public ValueTask<NatsResult> PublishAsync(
        NatsSubject subject,
        ReadOnlyMemory<byte> payload,
        NatsHeaders? headers = null,
        NatsSubject? replyTo = null,
        CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(subject);
        if (subject.HasWildcards || replyTo is { HasWildcards: true })
        {
            return new ValueTask<NatsResult>(NatsResult.InvalidSubject);
        }

        return PublishCore(subject.FrameStart, replyTo is null ? default : replyTo.Memory, headers, payload, cancel);
    }

    /// <summary>The same to a subject that came with a message, its <see cref="NatsMessage.ReplyTo"/>.</summary>
    [SkipLocalsInit]
    public ValueTask<NatsResult> PublishAsync(
        ReadOnlyMemory<byte> subject,
        ReadOnlyMemory<byte> payload,
        NatsHeaders? headers = null,
        ReadOnlyMemory<byte> replyTo = default,
        CancellationToken cancel = default)
    {
        if (!NatsSubject.IsPublishable(subject.Span) || (replyTo.Length > 0 && !NatsSubject.IsPublishable(replyTo.Span)))
        {
            return new ValueTask<NatsResult>(NatsResult.InvalidSubject);
        }

        Span<byte> start = stackalloc byte[NatsLimits.SubjectBytesMax + 5];
        return PublishCore(start[..FrameWriter.Start(start, subject.Span)], replyTo, headers, payload, cancel);
    }

    /// <summary>Subscribes, now and on every later connection. Where <see cref="NatsOptions.SubscriptionsMax"/> exist or the connection is closed, it has ended already.</summary>
    /// <exception cref="ArgumentException">The queue group holds a space or control byte.</exception>
    public NatsSubscription Subscribe(NatsSubject subject, string queueGroup = "", NatsSubscriptionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(subject);
        var group = Encoding.UTF8.GetBytes(queueGroup);
        if (group.Length > 0 && !NatsSubject.IsPublishable(group))
        {
            throw new ArgumentException($"a queue group has 1 to {NatsLimits.SubjectBytesMax} bytes and no space or control byte", nameof(queueGroup));
        }

        var subscription = new NatsSubscription(_subscriptions, subject, group, options ?? NatsSubscriptionOptions.Default);
        if (_isDraining != 0 || !_subscriptions.TryAdd(subscription))
        {
            subscription.Failure = NatsResult.Closed;
            subscription.End();
        }

        return subscription;
    }

    /// <summary>
    /// Asks and waits for one answer. Nothing is sent while disconnected: whoever asks has somebody else to ask. The payload stays the caller's, and unchanged, until it has
    /// ended; the reply is to be disposed. The time limit is kept to within 20 ms.
    /// </summary>
    [SkipLocalsInit]
    public ValueTask<NatsReply> RequestAsync(
        NatsSubject subject,
        ReadOnlyMemory<byte> payload,
        TimeSpan within,
        NatsHeaders? headers = null,
        CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(subject);
        var refused = subject.HasWildcards ? NatsResult.InvalidSubject : Refused(headers, payload.Length);
        if (refused != NatsResult.Ok || cancel.IsCancellationRequested)
        {
            return NotSent(refused != NatsResult.Ok ? refused : NatsResult.Cancelled);
        }

        var dueMs = _deadlines.NowMs + Math.Clamp(within.Ticks / TimeSpan.TicksPerMillisecond, 1, int.MaxValue);
        if (_requests.Rent(dueMs, out var token) is not { } request)
        {
            return NotSent(NatsResult.BufferFull);
        }

        Span<byte> reply = stackalloc byte[NatsLimits.SubjectBytesMax];
        _requests.WriteReply(reply, token);
        var task = request.Task;
        request.Watch(cancel);
        var result = _outbox.Publish(subject.FrameStart, reply[.._requests.ReplyBytes], headers is null ? default : headers.Block.Span, payload.Span, onlyConnected: true);
        _deadlines.Arm();
        if (result == NatsResult.Ok || !request.TryClaim(token))
        {
            return task;
        }

        request.Abandon();
        return NotSent(result);
    }

    /// <summary>
    /// Asks and takes every answer that comes until the subscription is disposed, or <paramref name="messagesMax"/> came. Nobody listening is a message of its own:
    /// <see cref="NatsMessage.IsNoResponders"/>. If it could not be sent, it has ended and <see cref="NatsSubscription.Failure"/> says why.
    /// </summary>
    public NatsSubscription RequestMany(
        NatsSubject subject,
        ReadOnlyMemory<byte> payload,
        int messagesMax = 0,
        NatsHeaders? headers = null,
        NatsSubscriptionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(subject);
        var inbox = NewInbox();
        var answers = Subscribe(inbox, "", (options ?? NatsSubscriptionOptions.Default) with { MessagesMax = messagesMax });
        var refused = subject.HasWildcards ? NatsResult.InvalidSubject : Refused(headers, payload.Length);
        if (refused == NatsResult.Ok && answers.Failure == NatsResult.Ok)
        {
            refused = _outbox.Publish(subject.FrameStart, inbox.Span, headers is null ? default : headers.Block.Span, payload.Span, onlyConnected: true);
        }

        if (refused != NatsResult.Ok)
        {
            answers.Failure = refused;
            _subscriptions.Remove(answers, tellServer: true);
        }

        return answers;
    }

    /// <summary>
    /// A subject of this connection's own, below its inbox prefix, that nobody has had and nobody can guess from another one: whoever was asked once knows where it was to answer,
    /// and nothing of where others answer.
    /// </summary>
    /// <param name="answerer">A token that stands in it before the rest, so that permissions can give it to one publisher alone; empty for none.</param>
    public NatsSubject NewInbox(string answerer = "") =>
        NatsSubject.Parse($"{_options.InboxPrefix}.{answerer}{(answerer.Length > 0 ? "." : "")}{RandomSeed():x16}");

    /// <summary>Ends when the server has taken everything that was published before.</summary>
    public ValueTask<NatsResult> FlushAsync(CancellationToken cancel = default) => FlushCoreAsync(cancel);

    /// <summary>
    /// The orderly end: the server sends nothing more, subscribers read and dispose what has arrived, requests under way get their answers, all that was published goes out;
    /// then the connection closes. After <see cref="NatsOptions.DrainTimeoutMs"/> it closes anyway.
    /// </summary>
    public async ValueTask DrainAsync(CancellationToken cancel = default)
    {
        if (Interlocked.Exchange(ref _isDraining, 1) != 0)
        {
            return;
        }

        using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(_options.DrainTimeoutMs), _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            var all = _subscriptions.All();
            _subscriptions.UnsubscribeAll();
            await FlushCoreAsync(either.Token).ConfigureAwait(false);
            Array.ForEach(all, subscription => _subscriptions.Remove(subscription, tellServer: false));
            while (_reconnector.IsConnected && (_requests.Open > 0 || Array.Exists(all, subscription => !subscription.IsDrained)))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(5), _time, either.Token).ConfigureAwait(false);
            }

            await FlushCoreAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Its time is over: what is left is lost, as it would be without a drain.
        }

        await DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Closes at once. Requests end as disconnected, subscriptions end. Any number of times.</summary>
    public async ValueTask DisposeAsync()
    {
        await _reconnector.DisposeAsync().ConfigureAwait(false);
        _subscriptions.Close();
        _outbox.Close();
        _requests.Disconnect();
        _deadlines.Dispose();
    }

    private static ulong RandomSeed()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        System.Security.Cryptography.RandomNumberGenerator.Fill(bytes);
        return BitConverter.ToUInt64(bytes);
    }

    private static ValueTask<NatsReply> NotSent(NatsResult result) => new(result switch
    {
        NatsResult.Disconnected or NatsResult.Closed => new NatsReply(NatsReplyStatus.Disconnected, result),
        NatsResult.Cancelled => new NatsReply(NatsReplyStatus.Cancelled, result),
        _ => new NatsReply(NatsReplyStatus.NotSent, result),
    });

    private ValueTask<NatsResult> PublishCore(ReadOnlySpan<byte> start, ReadOnlyMemory<byte> reply, NatsHeaders? headers, ReadOnlyMemory<byte> payload, CancellationToken cancel)
    {
        var result = Refused(headers, payload.Length);
        if (result == NatsResult.Ok)
        {
            result = _outbox.Publish(start, reply.Span, headers is null ? default : headers.Block.Span, payload.Span, onlyConnected: false);
        }

        return result == NatsResult.BufferFull ? WaitForRoom(start, reply, headers, payload, cancel) : new ValueTask<NatsResult>(result);
    }

    private ValueTask<NatsResult> WaitForRoom(ReadOnlySpan<byte> start, ReadOnlyMemory<byte> reply, NatsHeaders? headers, ReadOnlyMemory<byte> payload, CancellationToken cancel)
    {
        if (cancel.IsCancellationRequested)
        {
            return new ValueTask<NatsResult>(NatsResult.Cancelled);
        }

        var waiter = PublishWaiter.Rent(start, reply, headers is null ? default : headers.Block, payload, _deadlines.NowMs + _options.PublishTimeoutMs);
        var task = waiter.Task;
        waiter.Watch(cancel);
        if (!_outbox.Join(waiter))
        {
            waiter.Execute();
        }

        _deadlines.Arm();
        return task;
    }

    /// <summary>What no server would take. Before the first INFO the limits are the protocol's defaults.</summary>
    private NatsResult Refused(NatsHeaders? headers, int payload)
    {
        var info = _reconnector.Info;
        if (headers is not null && info is { Headers: false })
        {
            return NatsResult.HeadersUnsupported;
        }

        return payload + (headers?.Block.Length ?? 0) > (info?.MaxPayload ?? NatsServerInfo.DefaultMaxPayload) ? NatsResult.TooLarge : NatsResult.Ok;
    }

    private ValueTask<NatsResult> FlushCoreAsync(CancellationToken cancel) => _pongs.PingAsync(_ping, cancel);

    private bool OnTick(long nowMs)
    {
        _requests.Expire(nowMs);
        _outbox.Expire(nowMs);
        return _requests.Open > 0 || _outbox.HasWaiters;
    }

    private void OnSlow(NatsSubscription subscription) => _events.Raise(NatsEventKind.SlowConsumer, Server?.Address ?? "", subscription.Subject.ToString(), subscription.Dropped);
}
