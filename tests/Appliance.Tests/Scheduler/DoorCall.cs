using Jesus.Appliance.Scheduler;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Scheduler;

/// <summary>A call at a door that notes how it is held.</summary>
internal sealed class DoorCall : IHoldable
{
    private readonly DoorTime _time;
    private readonly CallHold _hold = new();
    private Ticket _ticket;
    private Task<TicketResult>? _waiting;
    private long _heldSinceMs;

    public DoorCall(DoorTime time, Lane lane, bool canStandStill = true)
    {
        (_time, Lane) = (time, lane);
        if (canStandStill)
        {
            Attach();
        }
    }

    public bool CanStandStill { get; private set; }

    /// <summary>It never waited at the door.</summary>
    public bool CameAtOnce { get; private set; }

    public Lane Lane { get; }
    public int TokensHeld { get; init; } = 100;
    public bool IsInside { get; private set; }
    public bool IsHeld { get; private set; }
    public bool Computes => IsInside && !IsHeld;
    public int TimesHeld { get; private set; }
    public long LongestHeldMs { get; private set; }
    public long EnteredMs { get; private set; }

    public void Hold(bool isHeld)
    {
        Assert.NotEqual(IsHeld, isHeld);
        IsHeld = isHeld;
        TimesHeld += isHeld ? 1 : 0;
        LongestHeldMs = isHeld ? LongestHeldMs : Math.Max(LongestHeldMs, _time.NowMs - _heldSinceMs);
        _heldSinceMs = _time.NowMs;
    }

    /// <summary>From now on it can be reached.</summary>
    public void Attach()
    {
        CanStandStill = true;
        _hold.Attach(this);
    }

    /// <summary>Enters, or waits.</summary>
    public void Arrive(TicketScheduler scheduler, int slots, int tokens = 0, int free = 0)
    {
        var need = new CallNeed(_hold, tokens, free);
        CameAtOnce = IsInside = scheduler.TryEnter("local/m", slots, Lane, out _ticket, need);
        if (!IsInside)
        {
            _waiting = scheduler.WaitAsync("local/m", Lane, "f", 100, CancellationToken.None, need).AsTask();
        }

        EnteredMs = IsInside ? _time.NowMs : 0;
        Look();
    }

    /// <summary>Takes a ticket that has been granted meanwhile.</summary>
    /// <param name="isDue">It must have been: the door grants under its lock, and the waiter goes on elsewhere, some time.</param>
    public async Task LookAsync(bool isDue = false)
    {
        for (var i = 0; i < (isDue ? 5_000 : 3) && !IsInside && !_waiting!.IsCompleted; i++)
        {
            await (isDue ? Task.Delay(1) : Task.CompletedTask);
            await Task.Yield();
        }

        Look();
    }

    public void Leave()
    {
        _hold.Detach();
        LongestHeldMs = IsHeld ? Math.Max(LongestHeldMs, _time.NowMs - _heldSinceMs) : LongestHeldMs;
        (IsInside, IsHeld) = (false, false);
        _ticket.Dispose();
    }

    private void Look()
    {
        if (!IsInside && _waiting!.IsCompletedSuccessfully)
        {
            var result = _waiting.Result;
            Assert.Equal(TicketVerdict.Granted, result.Verdict);
            (_ticket, IsInside, EnteredMs) = (result.Ticket, true, _time.NowMs);
        }
    }
}
