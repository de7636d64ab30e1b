namespace Jesus.Transport.Nats.Connecting;

/// <summary>Counts PINGs out and PONGs in, which come in order: who flushes waits for the PONG of its own PING.</summary>
internal sealed class Pongs
{
    private readonly Lock _gate = new();
    private readonly Queue<(long Number, TaskCompletionSource<NatsResult> Waiter)> _waiting = new();
    private long _sent;
    private long _received;

    /// <summary>Sends a PING and waits for its PONG.</summary>
    /// <param name="ping">Appends the PING; false when not connected.</param>
    public async ValueTask<NatsResult> PingAsync(Func<bool> ping, CancellationToken cancel)
    {
        var waiter = new TaskCompletionSource<NatsResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (!ping())
            {
                return NatsResult.Disconnected;
            }

            _waiting.Enqueue((++_sent, waiter));
        }

        using var cancelled = cancel.UnsafeRegister(static waiter => ((TaskCompletionSource<NatsResult>)waiter!).TrySetResult(NatsResult.Cancelled), waiter);
        return await waiter.Task.ConfigureAwait(false);
    }

    /// <summary>Sends a PING that nobody waits for.</summary>
    public void Ping(Func<bool> ping)
    {
        lock (_gate)
        {
            _sent += ping() ? 1 : 0;
        }
    }

    public void OnPong()
    {
        lock (_gate)
        {
            _received++;
            while (_waiting.TryPeek(out var first) && first.Number <= _received)
            {
                _waiting.Dequeue().Waiter.TrySetResult(NatsResult.Ok);
            }
        }
    }

    public void Disconnect()
    {
        lock (_gate)
        {
            (_sent, _received) = (0, 0);
            while (_waiting.TryDequeue(out var first))
            {
                first.Waiter.TrySetResult(NatsResult.Disconnected);
            }
        }
    }
}
