using System.Globalization;
using System.Text;
using Jesus.Appliance.Federation.Membership;
using Jesus.Appliance.Federation.Messages;
using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;
using Jesus.Transport.Nats;
using Jesus.Transport.Timing;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Federation.Calls;

/// <summary>
/// One call of a peer, seen by its caller: asks, then reads numbered events from an inbox of its own until the last. A number that is missing, a peer that is silent or gone and
/// a connection that broke all end it as cut; whatever ends it early, the peer is told at once.
/// </summary>
internal sealed class OutboundCall(PeerCaller caller, PeerLink link, ulong number) : IAsyncDisposable
{
    /// <summary>Around a piece in its message, and the headers.</summary>
    private const int PieceOverhead = 4_096;

    private readonly CancellationTokenSource _end = new();
    private readonly StreamCredit _credit = new();
    private readonly PooledBuffer _creditBytes = new(64);
    private readonly SemaphoreSlim _crediting = new(1, 1);
    private readonly NatsSubject _creditTo = NatsSubject.Parse(caller.Subjects.CreditTo(link.Peer));
    private readonly NatsSubject _inbox = NatsSubject.Parse(caller.Subjects.InboxFor(link.Peer, number));
    private string _lost = "";
    private long _askedMs = long.MaxValue;
    private long _endsMs = long.MaxValue;
    private long _heardMs;
    private long _gaveMs;
    private long _saidMs;
    private long _granted;
    private long _received;
    private long _tokens;
    private long _textBytes;
    private NumericsProfile _numerics;
    private volatile bool _isAccepted;
    private volatile bool _inReader;
    private volatile bool _isLate;

    /// <summary>The peer itself has said the last word, or nobody listens any more.</summary>
    private volatile bool _isOver;

    public PeerLink Link => link;

    /// <summary>The peer or the way to it is lost.</summary>
    public void Lose(string why)
    {
        if (Interlocked.CompareExchange(ref _lost, why, "") == "")
        {
            _end.Cancel();
        }
    }

    /// <summary>Looks at the time: whether the peer is lost, and whether it must hear of this box.</summary>
    public async ValueTask LookAsync(long nowMs, bool isConnected, PeerView? view)
    {
        var asked = Volatile.Read(ref _askedMs);
        if (asked == long.MaxValue || _end.IsCancellationRequested)
        {
            return;
        }

        if (nowMs > Volatile.Read(ref _endsMs))
        {
            _isLate = true;
            Lose("the call's deadline passed");
        }
        else if (!isConnected)
        {
            Lose("the connection to NATS broke");
        }
        else if (_isAccepted && view is { State: PeerState.Gone })
        {
            Lose("it is gone");
        }
        else if (!_isAccepted && nowMs - asked > caller.Limits.AcceptMs)
        {
            Lose($"it did not say within {caller.Limits.AcceptMs} ms whether it takes the call");
        }
        else if (_isAccepted && !_inReader && nowMs - Volatile.Read(ref _heardMs) > caller.Limits.SilentMs)
        {
            Lose($"it was silent for {caller.Limits.SilentMs} ms");
        }
        else if (nowMs - Volatile.Read(ref _saidMs) >= caller.Limits.BeatMs && _isAccepted)
        {
            await SayCreditAsync(_granted).ConfigureAwait(false);
        }
    }

    public async ValueTask<CallResult> RunAsync(ModelRequest request, IAnswerSink sink, CancellationToken cancel)
    {
        var options = new NatsSubscriptionOptions { PendingMessagesMax = (caller.Limits.Window * 2) + 64, PendingBytesMax = 32L << 20 };
        await using var answers = caller.Nats.Subscribe(_inbox, options: options);
        await using var registration = cancel.UnsafeRegister(static end => ((CancellationTokenSource)end!).Cancel(), _end);
        try
        {
            return await AskAsync(request).ConfigureAwait(false) is { IsNone: false } error
                ? new CallResult { Error = error, Reason = FinishReason.Error }
                : await ReadAsync(answers, sink, cancel).ConfigureAwait(false);
        }
        finally
        {
            if (_askedMs != long.MaxValue && !_isOver)
            {
                await CancelAsync(_isLate ? CancelReason.DeadlinePassed : cancel.IsCancellationRequested ? CancelReason.CallerLeft : CancelReason.Gap).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Waits for a word that is being said: its bytes go back to the pool.</summary>
    public async ValueTask DisposeAsync()
    {
        await _crediting.WaitAsync().ConfigureAwait(false);
        _isOver = true;
        _creditBytes.Dispose();
        _ = _crediting.Release();
    }

    private async ValueTask<ModelError> AskAsync(ModelRequest request)
    {
        using var ask = new InferRequest();
        var left = Fill(ask, request);
        if (left == 0)
        {
            return new ModelError(ErrorCause.Cancelled, "The call's deadline passed before the peer was asked.");
        }

        using var bytes = new PooledBuffer(4_096);
        var writer = new WireWriter(bytes);
        ask.Write(ref writer);
        if (!writer.Complete() || bytes.Length > caller.Limits.RequestBytesMax)
        {
            return new ModelError(
                ErrorCause.ContextTooSmall, $"The request has {bytes.Length} bytes, more than goes to a peer ({caller.Limits.RequestBytesMax}); use another candidate.");
        }

        var to = NatsSubject.Parse(caller.Subjects.CallTo(link.Peer));
        var headers = HeadersOf(request, left);
        Volatile.Write(ref _endsMs, left == long.MaxValue ? left : caller.Time.NowMs() + left);
        Volatile.Write(ref _askedMs, caller.Time.NowMs());
        var pieceMax = Math.Max(1_024, (caller.Nats.Server?.MaxPayload ?? NatsServerInfo.DefaultMaxPayload) - PieceOverhead);
        var sent = bytes.Length <= pieceMax
            ? await caller.Nats.PublishAsync(to, bytes.Memory, headers, _inbox, _end.Token).ConfigureAwait(false)
            : await SendPiecesAsync(to, headers, bytes.Memory, pieceMax).ConfigureAwait(false);
        return sent == NatsResult.Ok || _end.IsCancellationRequested ? default
            : new ModelError(ErrorCause.ConnectFailed, $"'{link.Peer}' could not be asked over NATS: {sent}.");
    }

    private long Fill(InferRequest ask, ModelRequest request)
    {
        var left = request.Deadline.Remaining(caller.Time);
        ask.Borrow(request);
        ask.Stream = number;
        ask.User = request.Ids.Principal;
        ask.Lane = (Lane)Math.Clamp(request.Priority, 0, (int)Lane.Batch);
        ask.DataClass = (DataClass)Math.Clamp(request.DataClass, 0, (int)DataClass.Restricted);
        ask.RemainingMs = left == Timeout.InfiniteTimeSpan ? 0 : Math.Max(1, (long)left.TotalMilliseconds);
        ask.Hops = request.Visited.Count + 1;
        ask.Visited.AddRange(request.Visited);
        ask.Visited.Add(new Utf8Slice(Encoding.ASCII.GetBytes(caller.Self)));
        ask.Numerics = request.ShownNumerics;
        ask.Credit = _granted = caller.Limits.Window;
        return left == TimeSpan.Zero ? 0 : ask.RemainingMs == 0 ? long.MaxValue : ask.RemainingMs;
    }

    private static NatsHeaders HeadersOf(ModelRequest request, long leftMs)
    {
        var headers = new NatsHeaders();
        Span<byte> number = stackalloc byte[20];
        _ = request.Ids.TraceParent.IsEmpty || headers.TryAdd("traceparent"u8, request.Ids.TraceParent.Span);
        _ = request.Ids.Correlation.IsEmpty || headers.TryAdd("Jesus-Correlation-Id"u8, request.Ids.Correlation.Span);
        if (leftMs != long.MaxValue && leftMs.TryFormat(number, out var written, default, CultureInfo.InvariantCulture))
        {
            _ = headers.TryAdd("Jesus-Remaining-Ms"u8, number[..written]);
        }

        if ((request.Visited.Count + 1).TryFormat(number, out written, default, CultureInfo.InvariantCulture))
        {
            _ = headers.TryAdd("Jesus-Hops"u8, number[..written]);
        }

        return headers;
    }

    private async ValueTask<NatsResult> SendPiecesAsync(NatsSubject to, NatsHeaders headers, ReadOnlyMemory<byte> whole, int pieceMax)
    {
        using var piece = new InferRequest();
        using var bytes = new PooledBuffer(pieceMax + PieceOverhead);
        var count = (whole.Length + pieceMax - 1) / pieceMax;
        for (var i = 0; i < count; i++)
        {
            piece.Reset();
            (piece.Stream, piece.ChunkIndex, piece.ChunkCount) = (number, i, count);
            piece.Piece = whole.Slice(i * pieceMax, Math.Min(pieceMax, whole.Length - (i * pieceMax)));
            bytes.Reset();
            var writer = new WireWriter(bytes);
            piece.Write(ref writer);
            _ = writer.Complete();
            var sent = await caller.Nats.PublishAsync(to, bytes.Memory, headers, _inbox, _end.Token).ConfigureAwait(false);
            if (sent != NatsResult.Ok)
            {
                return sent;
            }
        }

        return NatsResult.Ok;
    }

    private async ValueTask<CallResult> ReadAsync(NatsSubscription answers, IAnswerSink sink, CancellationToken cancel)
    {
        using var item = new InferEvent();
        try
        {
            while (await answers.WaitToReadAsync(_end.Token).ConfigureAwait(false))
            {
                while (answers.TryRead(out var message))
                {
                    ModelError error;
                    using (message)
                    {
                        error = Take(message, item);
                    }

                    if (!error.IsNone)
                    {
                        return Lost(error);
                    }

                    if (item.Kind is InferEventKind.Ended or InferEventKind.Refused)
                    {
                        return EndedBy(item);
                    }

                    if (item.Kind == InferEventKind.Item)
                    {
                        await GiveAsync(item, sink).ConfigureAwait(false);
                        _end.Token.ThrowIfCancellationRequested();
                    }
                    else if (_received > 1 && caller.Time.NowMs() - _gaveMs <= caller.Limits.WorkingMs)
                    {
                        // A beat: a peer that reads a long prompt has nothing to show, and is not lost.
                        await sink.WriteAsync(new ModelEvent { Kind = EventKind.Working }).ConfigureAwait(false);
                    }

                    await GrantAsync().ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
        }

        return _isLate || (cancel.IsCancellationRequested && _lost.Length == 0)
            ? Lost(new ModelError(ErrorCause.Cancelled, _isLate ? "The call's deadline passed." : "The caller cancelled the call."))
            : Lost(LostError(_lost.Length > 0 ? _lost : "the connection to NATS was closed"));
    }

    /// <summary>Checks a message and counts it.</summary>
    private ModelError Take(in NatsMessage message, InferEvent item)
    {
        if (message.IsNoResponders)
        {
            return LostError("nobody listens there: the box has stopped or left");
        }

        if (!InferEvent.TryRead(message.Payload.Span, item, out var wrong))
        {
            return new ModelError(ErrorCause.Malformed, $"'{link.Peer}' sent an event that cannot be read: {wrong}.");
        }

        if (item.Stream != number || item.Sequence != _received + 1)
        {
            return LostError($"event {item.Sequence} came where {_received + 1} was due: some were lost on the way");
        }

        _received++;
        _numerics = item.Numerics.IsUnknown ? _numerics : item.Numerics;
        Volatile.Write(ref _heardMs, caller.Time.NowMs());
        _gaveMs = _isAccepted && item.Kind == InferEventKind.Accepted ? _gaveMs : _heardMs;
        if (!_isAccepted && item.Kind == InferEventKind.Accepted)
        {
            link.Accepted(TimeSpan.FromMilliseconds(Math.Max(0.01, caller.Time.NowMs() - _askedMs)));
        }

        _isAccepted = true;
        return default;
    }

    /// <summary>Hands an event to the reader.</summary>
    private async ValueTask GiveAsync(InferEvent item, IAnswerSink sink)
    {
        _tokens += item.Tokens.Ids.Length;
        _textBytes += item.Utf8.Length;
        _inReader = true;
        try
        {
            await sink.WriteAsync(item.ToModelEvent()).ConfigureAwait(false);
        }
        finally
        {
            Volatile.Write(ref _heardMs, caller.Time.NowMs());
            _inReader = false;
        }
    }

    /// <summary>Lets the peer send on when half of the window is used, be it by events or by beats.</summary>
    private async ValueTask GrantAsync()
    {
        if (_granted - _received <= caller.Limits.Window / 2)
        {
            _granted = _received + caller.Limits.Window;
            await SayCreditAsync(_granted).ConfigureAwait(false);
        }
    }

    /// <summary>With a reply subject: where the peer is dead, the server answers at once that nobody listens.</summary>
    private async ValueTask SayCreditAsync(long upTo)
    {
        await _crediting.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_isOver)
            {
                return;
            }

            Volatile.Write(ref _saidMs, caller.Time.NowMs());
            (_credit.Stream, _credit.UpTo) = (number, upTo);
            _creditBytes.Reset();
            var writer = new WireWriter(_creditBytes);
            _credit.Write(ref writer);
            _ = writer.Complete();
            _ = await caller.Nats.PublishAsync(_creditTo, _creditBytes.Memory, replyTo: _inbox, cancel: _end.Token).ConfigureAwait(false);
        }
        finally
        {
            _ = _crediting.Release();
        }
    }

    private async ValueTask CancelAsync(CancelReason reason)
    {
        using var bytes = new PooledBuffer(64);
        var writer = new WireWriter(bytes);
        new StreamCancel { Stream = number, Reason = reason }.Write(ref writer);
        if (writer.Complete())
        {
            _ = await caller.Nats.PublishAsync(NatsSubject.Parse(caller.Subjects.CancelTo(link.Peer)), bytes.Memory).ConfigureAwait(false);
        }
    }

    private CallResult EndedBy(InferEvent item)
    {
        _isOver = true;
        if (item.Refusal == RefusalReason.None)
        {
            return item.ToResult();
        }

        var error = PeerErrors.Of(link, item.Refusal, item.Error);
        return new CallResult { Error = error, Reason = FinishReason.Error };
    }

    /// <summary>What came of the answer is what is charged: the peer stops when nobody reads. With the arithmetic that it named, others can go on.</summary>
    private CallResult Lost(in ModelError error) => new()
    {
        Error = error,
        Reason = error.Cause == ErrorCause.Cancelled ? FinishReason.Cancelled : FinishReason.Error,
        Quality = UsageQuality.Estimated,
        Numerics = _numerics,
        Usage = new Usage { OutputTokens = (int)Math.Min(int.MaxValue, Math.Max(_tokens, _textBytes / PromptDigests.BytesPerToken)) },
    };

    private ModelError LostError(string why) => new(
        _isAccepted ? ErrorCause.Cut : ErrorCause.ConnectFailed,
        _isAccepted ? $"The answer of '{link.Peer}' broke off: {why}." : $"'{link.Peer}' could not be reached: {why}.");
}
