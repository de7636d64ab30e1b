using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace Jesus.Appliance.Scheduler;

/// <summary>The door of one candidate: so many may be inside, the others wait in a <see cref="FairQueue"/>. Thread-safe.</summary>
internal sealed class Door(SchedulerOptions options)
{
    private readonly Lock _gate = new();
    private readonly FairQueue _queue = new(options);
    private readonly ConcurrentQueue<TicketWaiter> _spare = new();
    private int _inside;
    private int _slots = 1;

    /// <summary>Enters at once, or not at all.</summary>
    public bool TryEnter(int slots)
    {
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

    /// <summary>Waits for a place.</summary>
    /// <returns>Full, left (when <paramref name="cancel"/> came first) or granted.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<TicketVerdict> WaitAsync(Lane lane, string flow, int cost, CancellationToken cancel)
    {
        var waiter = _spare.TryDequeue(out var spare) ? spare : new TicketWaiter();
        waiter.Door = this;
        if (!TryJoin(waiter, lane, flow, cost))
        {
            _spare.Enqueue(waiter);
            return TicketVerdict.Full;
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
        return granted ? TicketVerdict.Granted : TicketVerdict.Left;
    }

    public void Leave()
    {
        lock (_gate)
        {
            _inside--;
            Admit();
        }
    }

    private bool TryJoin(TicketWaiter waiter, Lane lane, string flow, int cost)
    {
        lock (_gate)
        {
            if (_queue.Count >= options.QueueDepthMax)
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
