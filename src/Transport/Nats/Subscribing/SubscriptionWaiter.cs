using System.Threading.Tasks.Sources;

namespace Jesus.Transport.Nats.Subscribing;

/// <summary>A subscriber that waits for its next message: one for each subscription, used again for each wait.</summary>
internal sealed class SubscriptionWaiter(NatsSubscription subscription) : NatsWake, IValueTaskSource<bool>
{
    private const int Idle = 0;
    private const int Waiting = 1;
    private const int Signalled = 2;

    private ManualResetValueTaskSourceCore<bool> _core;
    private CancellationTokenRegistration _cancel;
    private CancellationToken _token;
    private int _state;

    public ValueTask<bool> WaitAsync(CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        if (Interlocked.CompareExchange(ref _state, Waiting, Idle) != Idle)
        {
            throw new InvalidOperationException($"the subscription to '{subscription.Subject}' has a reader that waits already");
        }

        _token = cancel;
        _cancel = cancel.UnsafeRegister(static self => ((SubscriptionWaiter)self!).Cancel(), this);

        // A message that came before the state was set found nobody waiting.
        if (subscription.HasNews && Interlocked.CompareExchange(ref _state, Idle, Waiting) == Waiting)
        {
            _cancel.Dispose();
            return new ValueTask<bool>(!subscription.IsEmpty);
        }

        return new ValueTask<bool>(this, _core.Version);
    }

    /// <summary>True for the one who must then execute or queue it.</summary>
    public bool TrySignal()
    {
        Interlocked.MemoryBarrier();
        return Volatile.Read(ref _state) == Waiting && Interlocked.CompareExchange(ref _state, Signalled, Waiting) == Waiting;
    }

    public override void Execute()
    {
        do
        {
            if (subscription.HasNews)
            {
                _core.SetResult(!subscription.IsEmpty);
                return;
            }

            if (_token.IsCancellationRequested)
            {
                _core.SetException(new OperationCanceledException(_token));
                return;
            }

            // Woken for a message that had been read, on another thread, before the wait began: it waits on.
            Interlocked.Exchange(ref _state, Waiting);
        }
        while ((subscription.HasNews || _token.IsCancellationRequested) && TrySignal());
    }

    public bool GetResult(short token)
    {
        _cancel.Dispose();
        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            _core.Reset();
            Volatile.Write(ref _state, Idle);
        }
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private void Cancel()
    {
        if (TrySignal())
        {
            Queue();
        }
    }
}
