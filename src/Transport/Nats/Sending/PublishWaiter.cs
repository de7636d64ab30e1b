using System.Collections.Concurrent;
using System.Threading.Tasks.Sources;

namespace Jesus.Transport.Nats.Sending;

/// <summary>A publisher that waits for room. Its frame is written by whoever makes the room, in the order of the waiting.</summary>
internal sealed class PublishWaiter : NatsWake, IValueTaskSource<NatsResult>
{
    private const int KeptMax = 256;
    private static readonly ConcurrentQueue<PublishWaiter> Kept = new();

    private ManualResetValueTaskSourceCore<NatsResult> _core;
    private CancellationTokenRegistration _cancel;
    private NatsResult _result;
    private int _ended;

    public ReadOnlyMemory<byte> FrameStart { get; private set; }
    public ReadOnlyMemory<byte> Reply { get; private set; }
    public ReadOnlyMemory<byte> Headers { get; private set; }
    public ReadOnlyMemory<byte> Payload { get; private set; }
    public long DueMs { get; private set; }

    public bool HasEnded => Volatile.Read(ref _ended) != 0;

    public ValueTask<NatsResult> Task => new(this, _core.Version);

    public static PublishWaiter Rent(ReadOnlySpan<byte> frameStart, ReadOnlyMemory<byte> reply, ReadOnlyMemory<byte> headers, ReadOnlyMemory<byte> payload, long dueMs)
    {
        var waiter = Kept.TryDequeue(out var kept) ? kept : new PublishWaiter();
        waiter.FrameStart = frameStart.ToArray();
        waiter.Reply = reply;
        waiter.Headers = headers;
        waiter.Payload = payload;
        waiter.DueMs = dueMs;
        Volatile.Write(ref waiter._ended, 0);
        return waiter;
    }

    public void Watch(CancellationToken cancel) => _cancel = cancel.UnsafeRegister(static self => ((PublishWaiter)self!).End(NatsResult.Cancelled), this);

    /// <summary>Whoever ends it first decides; true for that one, who then runs or queues it.</summary>
    public bool TryEnd(NatsResult result)
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0)
        {
            return false;
        }

        _result = result;
        return true;
    }

    public void End(NatsResult result)
    {
        if (TryEnd(result))
        {
            Queue();
        }
    }

    public override void Execute() => _core.SetResult(_result);

    public NatsResult GetResult(short token)
    {
        _cancel.Dispose();
        var result = _core.GetResult(token);
        (Reply, Headers, Payload) = (default, default, default);

        // One that gave up still stands in the queue of waiters, and is not used again.
        if (result == NatsResult.Ok && Kept.Count < KeptMax)
        {
            _core.Reset();
            Kept.Enqueue(this);
        }

        return result;
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
