using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Jesus.Inference.Contract;
using Jesus.Transport.Pooling;

namespace Jesus.Appliance.Scheduler;

/// <summary>
/// The door of one candidate: so many may be inside, the others wait in a <see cref="FairQueue"/>, and who would wait too long is told so at once, and let in when it comes
/// back as told. A person's call that finds no place, or too little memory, has a batch's set aside (<see cref="Preemption"/>). Thread-safe; monotonic milliseconds are an
/// argument.
/// </summary>
/// <param name="time">Brings back who is set aside when its time is up; null leaves that to the next call that comes or goes.</param>
internal sealed class Door(SchedulerOptions options, Func<long> nowMs, TimeProvider? time)
{
    /// <summary>
    /// How soon a person who waits is looked after again while a batch's call is inside that could not be reached yet: adapters attach a call once its prompt is rendered,
    /// which is sooner, or once its model is loaded, which is not told.
    /// </summary>
    private const int LookAgainMs = 50;

    private readonly Lock _gate = new();
    private readonly FairQueue _queue = new(options);
    private readonly ConcurrentQueue<TicketWaiter> _spare = new();
    private readonly QueueForecast _forecast = new(options);
    private readonly Preemption _preemption = new(options);
    private readonly Stack<Place> _sparePlaces = [];
    private ITimer? _timer;
    private int _inside;
    private int _slots = 1;

    /// <summary>Enters at once, or not at all.</summary>
    public Place? TryEnter(int slots, Lane lane, in CallNeed need)
    {
        lock (_gate)
        {
            _slots = slots;
            if (_inside >= slots || _queue.Count > 0)
            {
                return null;
            }

            _forecast.BookOf(lane).Came(need.Caller);
            var place = Enter(lane, need.Hold, isKept: false);
            FindMemory(place, need);
            return place;
        }
    }

    /// <summary>Read without the lock: a call that misses what happens at the same moment leaves a claim that ends by itself.</summary>
    public bool HasClaims(Lane lane) => !_forecast.BookOf(lane).IsEmpty;

    /// <summary>Milliseconds that a call of a lane would wait for a place; 0 when one is free, or another makes way.</summary>
    public long ForeseenMs(Lane lane)
    {
        lock (_gate)
        {
            return (_inside < _slots && _queue.Count == 0) || MakesWay(lane) ? 0 : _forecast.WaitMs(_queue, lane, _slots, nowMs());
        }
    }

    /// <summary>Waits for a place.</summary>
    /// <returns>Full (with the time after which to come back), left (when <paramref name="cancel"/> came first) or granted.</returns>
    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder<>))]
    public async ValueTask<DoorResult> WaitAsync(Lane lane, string flow, int cost, CallNeed need, CancellationToken cancel)
    {
        var waiter = _spare.TryDequeue(out var spare) ? spare : new TicketWaiter();
        (waiter.Door, waiter.Need) = (this, need);
        if (!TryJoin(waiter, lane, flow, cost, out var foreseenMs))
        {
            waiter.Clear();
            _spare.Enqueue(waiter);
            SchedulerMetrics.TurnedAway(lane);
            return new DoorResult(TicketVerdict.Full, foreseenMs, null);
        }

        SchedulerMetrics.Waits(lane, 1);
        Place? place;
        await using (cancel.UnsafeRegister(static waiter => GiveUp((TicketWaiter)waiter!), waiter).ConfigureAwait(false))
        {
            place = await waiter.Task.ConfigureAwait(false);
        }

        SchedulerMetrics.Waits(lane, -1);
        waiter.Reset();
        _spare.Enqueue(waiter);
        return new DoorResult(place is null ? TicketVerdict.Left : TicketVerdict.Granted, nowMs(), place);
    }

    public void Leave(Place place)
    {
        lock (_gate)
        {
            var now = nowMs();
            _forecast.Held(place.HeldMs(now));
            _inside -= place.IsAside ? 0 : 1;
            if (place.IsAside)
            {
                SchedulerMetrics.WasAside((now - place.AsideSinceMs) / 1e3);
            }

            place.Hold?.Release();
            _preemption.Left(place);
            _sparePlaces.Push(place);
            Admit();
        }
    }

    private bool TryJoin(TicketWaiter waiter, Lane lane, string flow, int cost, out long foreseenMs)
    {
        lock (_gate)
        {
            var now = nowMs();
            var (book, caller) = (_forecast.BookOf(lane), waiter.Need.Caller);
            var isBack = book.IsBack(caller, now);
            foreseenMs = _forecast.WaitMs(_queue, lane, _slots, now);
            if (!MakesWay(lane) && !(isBack ? _forecast.HasRoom(_queue, lane) : _forecast.MayJoin(_queue, lane, foreseenMs)))
            {
                foreseenMs = book.Tell(caller, foreseenMs, now);
                return false;
            }

            book.Came(caller);
            _queue.Add(waiter, lane, flow, cost, isBack);
            Admit();
            if (lane == Lane.Interactive)
            {
                FindPlaces();
                Arm();
            }

            return true;
        }
    }

    private bool MakesWay(Lane lane) => lane == Lane.Interactive && _preemption.Choose() is not null;

    private void Admit()
    {
        var now = nowMs();
        while (_preemption.Due(now) is { } due)
        {
            TakeBack(due, now);
        }

        while (_inside < _slots)
        {
            if (_preemption.Next(_queue.CountOf(Lane.Interactive)) is { } back)
            {
                TakeBack(back, now);
            }
            else if (_queue.Take() is TicketWaiter next)
            {
                Grant(next);
            }
            else
            {
                return;
            }
        }
    }

    /// <summary>People who wait have batches' calls set aside, the first of them first.</summary>
    private void FindPlaces(int timesAsideMax = int.MaxValue)
    {
        while (_inside >= _slots && _queue.CountOf(Lane.Interactive) > 0 && _preemption.Choose()?.TimesAside <= timesAsideMax && TrySetAside(null))
        {
            // Who is over its time may be inside beyond the slots: then its place is none to give away.
            _inside--;
            if (_inside < _slots)
            {
                Grant((TicketWaiter)_queue.Take(Lane.Interactive)!);
            }
        }
    }

    /// <summary>A person's call that has its place but whose prompt finds no memory has as many set aside as it takes, and no more than there are.</summary>
    private void FindMemory(Place place, in CallNeed need)
    {
        var missing = place.Lane == Lane.Interactive && need.FreeTokens > 0 ? need.Tokens - need.FreeTokens : 0;
        while (missing > 0 && _preemption.Choose() is { } chosen)
        {
            var held = chosen.Hold!.TokensHeld;
            _inside -= TrySetAside(place) ? 1 : 0;
            missing -= Math.Max(1, held);
        }
    }

    /// <summary>False when nobody may be set aside any more.</summary>
    private bool TrySetAside(Place? forMemoryOf)
    {
        while (_preemption.Choose() is { } chosen)
        {
            // Over in this moment: it leaves by itself, and cannot be chosen again.
            if (!chosen.Hold!.TryHold())
            {
                continue;
            }

            _preemption.SetAside(chosen, forMemoryOf, nowMs());
            SchedulerMetrics.SetAside(forMemoryOf is not null);
            Arm();
            return true;
        }

        return false;
    }

    private void TakeBack(Place place, long now)
    {
        SchedulerMetrics.WasAside((now - place.AsideSinceMs) / 1e3);
        _preemption.TakeBack(place, now);
        _inside++;
        place.Hold!.Release();
    }

    private void Grant(TicketWaiter next)
    {
        // What a batch gets while people wait is its lane's share of the places.
        var place = Enter(next.Lane, next.Need.Hold, isKept: next.Lane == Lane.Batch && _queue.CountOf(Lane.Interactive) > 0);
        next.Complete(place);
    }

    private Place Enter(Lane lane, CallHold? hold, bool isKept)
    {
        var place = _sparePlaces.TryPop(out var spare) ? spare : new Place();
        var now = nowMs();
        place.Begin(lane, hold, isKept, now);
        _forecast.Entered(lane, _slots, now);
        _preemption.Entered(place);
        _inside++;
        return place;
    }

    private void Arm()
    {
        var now = nowMs();
        var look = _queue.CountOf(Lane.Interactive) > 0 && _preemption.MayComeInReach ? now + LookAgainMs : long.MaxValue;
        if (time is not null && Math.Min(look, _preemption.DueMs) is < long.MaxValue and var next)
        {
            _timer ??= time.CreateTimer(static door => ((Door)door!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _ = _timer.Change(TimeSpan.FromMilliseconds(Math.Max(1, next - now)), Timeout.InfiniteTimeSpan);
        }
    }

    private void OnTimer()
    {
        lock (_gate)
        {
            Admit();

            // Who has just come back is not sent away again: only another person's arrival does that.
            FindPlaces(timesAsideMax: 0);
            Arm();
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
                waiter.Complete(null);
            }
        }
    }
}

/// <param name="Ms">When it was granted, or, when the queue is full, after how long to come back.</param>
internal readonly record struct DoorResult(TicketVerdict Verdict, long Ms, Place? Place);
