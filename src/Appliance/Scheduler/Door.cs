using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Jesus.Transport.Pooling;

namespace Jesus.Appliance.Scheduler;

/// <summary>
/// The door of one candidate: so many may be inside, the others wait in a <see cref="FairQueue"/>, and who would wait too long is told so at once.
/// Thread-safe; monotonic milliseconds are an argument.
/// </summary>
internal sealed class Door(SchedulerOptions options, Func<long> nowMs)
{
    private readonly Lock _gate = new();
    private readonly FairQueue _queue = new(options);
    private readonly ConcurrentQueue<TicketWaiter> _spare = new();
    private readonly QueueForecast _forecast = new(options);
    private int _inside;
    private int _slots = 1;

    /// <summary>Enters at once, or not at all.</summary>
    /// <param name="enteredMs">When; what <see cref="Leave"/> wants back.</param>
    public bool TryEnter(int slots, out long enteredMs)
    {
        enteredMs = nowMs();
        lock (_gate)
        {
            _slots = slots;
            if (_inside >= slots || _queue.Count > 0)
            {
                return false;
            }

            _inside++;
            return true;
        }
    }

    /// <summary>Milliseconds that a call of a lane would wait for a place; 0 when one is free.</summary>
    public long ForeseenMs(Lane lane)
    {
        lock (_gate)
        {
            return _inside < _slots && _queue.Count == 0 ? 0 : _forecast.WaitMs(_queue, lane, _slots);
        }
    }

    /// <summary>Waits for a place.</summary>
    /// <returns>Full (with the wait that is foreseen), left (when <paramref name="cancel"/> came first) or granted.</returns>
    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder<>))]
    public async ValueTask<DoorResult> WaitAsync(Lane lane, string flow, int cost, CancellationToken cancel)
    {
        var waiter = _spare.TryDequeue(out var spare) ? spare : new TicketWaiter();
        waiter.Door = this;
        if (!TryJoin(waiter, lane, flow, cost, out var foreseenMs))
        {
            waiter.Door = null!;
            _spare.Enqueue(waiter);
            SchedulerMetrics.TurnedAway(lane);
            return new DoorResult(TicketVerdict.Full, foreseenMs);
        }

        SchedulerMetrics.Waits(lane, 1);
        bool granted;
        await using (cancel.UnsafeRegister(static waiter => GiveUp((TicketWaiter)waiter!), waiter).ConfigureAwait(false))
        {
            granted = await waiter.Task.ConfigureAwait(false);
        }

        SchedulerMetrics.Waits(lane, -1);
        waiter.Reset();
        _spare.Enqueue(waiter);
        return new DoorResult(granted ? TicketVerdict.Granted : TicketVerdict.Left, nowMs());
    }

    public void Leave(long enteredMs)
    {
        var heldMs = nowMs() - enteredMs;
        lock (_gate)
        {
            _inside--;
            _forecast.Held(heldMs);
            Admit();
        }
    }

    private bool TryJoin(TicketWaiter waiter, Lane lane, string flow, int cost, out long foreseenMs)
    {
        lock (_gate)
        {
            foreseenMs = _forecast.WaitMs(_queue, lane, _slots);
            if (!_forecast.MayJoin(_queue, lane, foreseenMs))
            {
                return false;
            }

            _queue.Add(waiter, lane, flow, cost);
            Admit();
            return true;
        }
    }

    private void Admit()
    {
        while (_inside < _slots && _queue.Take() is TicketWaiter next)
        {
            _inside++;
            next.Complete(true);
        }
    }

    private static void GiveUp(TicketWaiter waiter)
    {
        var door = waiter.Door;
        lock (door._gate)
        {
            // Out of the queue already: it has its ticket.
            if (waiter.IsQueued)
            {
                door._queue.Remove(waiter);
                waiter.Complete(false);
            }
        }
    }
}

/// <param name="Ms">When it was granted, or, when the queue is full, how long a place would take.</param>
internal readonly record struct DoorResult(TicketVerdict Verdict, long Ms);
