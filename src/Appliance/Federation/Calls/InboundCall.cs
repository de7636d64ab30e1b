using Jesus.Appliance.Federation.Messages;
using Jesus.Appliance.Pipeline;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;
using Jesus.Transport.Nats;
using Jesus.Transport.Timing;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Federation.Calls;

/// <summary>
/// A peer's call under way here: sends the answer as numbered events to the caller's inbox, no further than the caller's credit. Text that is longer than one event goes as
/// several. A caller that leaves, vanishes or cannot be reached cancels the call.
/// </summary>
internal sealed class InboundCall(InferRequest request, string caller, byte[] replyTo, NatsConnection nats, TimeProvider time, CallLimits limits) : IAnswerSink, IDisposable
{
    private readonly CancellationTokenSource _cancel = new();
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly InferEvent _event = new();
    private readonly PooledBuffer _bytes = new(1_024);
    private readonly Lock _gate = new();
    private TaskCompletionSource? _waits;
    private long _sequence;
    private long _credit = request.Credit;
    private long _heardMs = time.NowMs();
    private readonly long _endsMs = request.RemainingMs > 0 ? time.NowMs() + request.RemainingMs : long.MaxValue;
    private long _saidMs;
    private volatile bool _isOver;
    private bool _saidNumerics;

    public InferRequest Request => request;
    public string Caller => caller;
    public ulong Stream => request.Stream;
    public CancellationToken Token => _cancel.Token;
    public Task Running { get; set; } = Task.CompletedTask;

    /// <summary>Headers of the first event, to a caller who does not know which box answers.</summary>
    public NatsHeaders? Says { get; init; }

    /// <summary>Filled and run by the server.</summary>
    public ModelCall Call { get; } = new();

    /// <summary>Its name as text.</summary>
    public string Model { get; set; } = "";

    /// <summary>The arithmetic that answers; unknown while the model is being loaded or its file hashed. The first event that can says it.</summary>
    public NumericsProfile Numerics { get; set; }

    /// <summary>Says that the call is taken, makes it, and says how it ended.</summary>
    public async Task RunAsync(Func<ModelCall, IAnswerSink, CancellationToken, ValueTask<Outcome>> callModel)
    {
        CallMetrics.Taken();
        if (!await SendAsync(InferEventKind.Accepted).ConfigureAwait(false))
        {
            return;
        }

        var outcome = await callModel(Call, this, _cancel.Token).ConfigureAwait(false);
        FindNumerics();
        var result = new CallResult
        {
            Error = outcome.Error,
            Reason = outcome.Reason,
            Usage = outcome.Usage,
            Quality = outcome.Quality,
            Numerics = Numerics,
        };
        await EndAsync(result, RefusalOf(outcome)).ConfigureAwait(false);
    }

    /// <summary>The only event of a call that is not taken.</summary>
    public async ValueTask RefuseAsync(RefusalReason reason, string words)
    {
        _event.Reset();
        _event.Refusal = reason;
        _event.Error = words.Length > 0 ? new ModelError(ErrorCause.Refused, words) : default;
        _ = await PublishAsync(InferEventKind.Refused).ConfigureAwait(false);
    }

    /// <summary>What was refused before anybody was called is the caller's to take elsewhere.</summary>
    private static RefusalReason RefusalOf(in Outcome outcome) => outcome.Succeeded || outcome.Attempts > 0 || outcome.Committed ? RefusalReason.None
        : outcome.RefusedByBudget is not null ? RefusalReason.BudgetExceeded
        : outcome.Error.Cause switch
        {
            ErrorCause.Overloaded => RefusalReason.Busy,
            ErrorCause.RateLimited => RefusalReason.TooOften,
            ErrorCause.Draining => RefusalReason.Draining,
            ErrorCause.Unauthorized => RefusalReason.NotAllowed,
            ErrorCause.ModelNotFound => RefusalReason.NoSuchModel,
            _ => RefusalReason.None,
        };

    /// <summary>The caller is there and allows so much.</summary>
    public void Credit(long upTo)
    {
        lock (_gate)
        {
            _heardMs = time.NowMs();
            _credit = Math.Max(_credit, Math.Min(upTo, _sequence + limits.Window));
            _waits?.TrySetResult();
        }
    }

    /// <summary>Ends the call; the engine lets go of it within a step.</summary>
    public void Cancel()
    {
        if (!_isOver)
        {
            _cancel.Cancel();
        }
    }

    /// <summary>Looks at the time: a caller that is silent has vanished; one that is owed something hears that this box is at it.</summary>
    /// <returns>False: the caller has vanished.</returns>
    public async ValueTask<bool> LookAsync(long nowMs)
    {
        if (nowMs - Volatile.Read(ref _heardMs) > limits.VanishedMs)
        {
            Cancel();
            return false;
        }

        if (nowMs > _endsMs)
        {
            Cancel();
            return true;
        }

        // Whoever is sending now says so by what it sends; without credit it is the caller's reader that is waited for.
        if (HasCredit() && nowMs - Volatile.Read(ref _saidMs) >= limits.BeatMs && await _sending.WaitAsync(0).ConfigureAwait(false))
        {
            try
            {
                _ = _isOver || await SendLockedAsync(InferEventKind.Accepted, default).ConfigureAwait(false);
            }
            finally
            {
                _ = _sending.Release();
            }
        }

        return true;
    }

    /// <summary>A provider's own bytes stay here, and that the engine is at it is what the beats say.</summary>
    public ValueTask WriteAsync(ModelEvent item) => item.Kind is EventKind.Wire or EventKind.Working ? ValueTask.CompletedTask : SendItemAsync(item);

    /// <summary>The last event.</summary>
    public async ValueTask EndAsync(CallResult result, RefusalReason refusal)
    {
        await _sending.WaitAsync().ConfigureAwait(false);
        try
        {
            _event.Reset();
            _event.Take(result);
            _event.Refusal = refusal;
            _ = await PublishAsync(InferEventKind.Ended).ConfigureAwait(false);
            _isOver = true;
        }
        finally
        {
            _ = _sending.Release();
        }
    }

    /// <summary>Waits for an event that is being sent: its bytes go back to the pool.</summary>
    public void Dispose()
    {
        _sending.Wait();
        _isOver = true;
        _event.Dispose();
        _bytes.Dispose();
        request.Dispose();
        Call.Reset();
        _ = _sending.Release();
    }

    private async ValueTask SendItemAsync(ModelEvent item)
    {
        while (item.Utf8.Length > limits.EventTextBytesMax && IsSplittable(item.Kind))
        {
            var cut = CutBefore(item.Utf8.Span, limits.EventTextBytesMax);
            await SendOneAsync(item with { Utf8 = item.Utf8[..cut], Tokens = default, LogProbs = default }).ConfigureAwait(false);
            item = item with { Utf8 = item.Utf8[cut..] };
        }

        await SendOneAsync(item).ConfigureAwait(false);
    }

    private async ValueTask SendOneAsync(ModelEvent item)
    {
        await WaitForCreditAsync().ConfigureAwait(false);
        await _sending.WaitAsync(_cancel.Token).ConfigureAwait(false);
        try
        {
            if (!await SendLockedAsync(InferEventKind.Item, item).ConfigureAwait(false))
            {
                throw new IOException($"the caller '{caller}' cannot be reached over NATS");
            }
        }
        finally
        {
            _ = _sending.Release();
        }
    }

    private bool HasCredit()
    {
        lock (_gate)
        {
            return _sequence < _credit;
        }
    }

    private async ValueTask WaitForCreditAsync()
    {
        while (true)
        {
            Task waits;
            lock (_gate)
            {
                _cancel.Token.ThrowIfCancellationRequested();
                if (_sequence < _credit)
                {
                    return;
                }

                _waits = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                waits = _waits.Task;
            }

            await waits.WaitAsync(_cancel.Token).ConfigureAwait(false);
        }
    }

    private async ValueTask<bool> SendAsync(InferEventKind kind)
    {
        await _sending.WaitAsync().ConfigureAwait(false);
        try
        {
            return await SendLockedAsync(kind, default).ConfigureAwait(false);
        }
        finally
        {
            _ = _sending.Release();
        }
    }

    private ValueTask<bool> SendLockedAsync(InferEventKind kind, in ModelEvent item)
    {
        _event.Reset();
        if (kind == InferEventKind.Item)
        {
            _event.Take(item);
        }

        // Who was told of no arithmetic could go on with nothing if this box were lost.
        if (!_saidNumerics)
        {
            FindNumerics();
            _event.Numerics = Numerics;
            _saidNumerics = !Numerics.IsUnknown;
        }

        return PublishAsync(kind);
    }

    /// <summary>The adapter that answers knows best, once there is one.</summary>
    private void FindNumerics()
    {
        var numerics = Call.Candidate?.Adapter.Capacity(new ModelKey(Call.Candidate.Model)).Numerics ?? default;
        Numerics = numerics.IsUnknown ? Numerics : numerics;
    }

    private async ValueTask<bool> PublishAsync(InferEventKind kind)
    {
        _event.Kind = kind;
        _event.Stream = Stream;
        lock (_gate)
        {
            _event.Sequence = ++_sequence;
        }

        _bytes.Reset();
        var writer = new WireWriter(_bytes);
        _event.Write(ref writer);
        Volatile.Write(ref _saidMs, time.NowMs());
        var says = _event.Sequence == 1 ? Says : null;
        return writer.Complete() && await nats.PublishAsync(new ReadOnlyMemory<byte>(replyTo), _bytes.Memory, says).ConfigureAwait(false) == NatsResult.Ok;
    }

    private static bool IsSplittable(EventKind kind) => kind is EventKind.Text or EventKind.Reasoning or EventKind.ToolCallArguments or EventKind.Refusal;

    /// <summary>The last place up to <paramref name="max"/> where a character begins.</summary>
    private static int CutBefore(ReadOnlySpan<byte> utf8, int max)
    {
        while (max > 1 && (utf8[max] & 0xC0) == 0x80)
        {
            max--;
        }

        return max;
    }
}
