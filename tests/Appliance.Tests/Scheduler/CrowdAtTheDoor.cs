using Jesus.Appliance.Scheduler;

namespace Jesus.Appliance.Tests.Scheduler;

/// <summary>
/// Callers at one candidate's door in simulated time, four times as many as it can take, of whom some come back when they are told and go on doing so. One seed is one history.
/// </summary>
internal sealed class CrowdAtTheDoor : SimulatedCrowd
{
    private const int Seconds = 90;
    private readonly int _slots;
    private readonly int _meanMs;
    private readonly double _obeying;
    private readonly TicketScheduler _scheduler;
    private readonly List<(Task<TicketResult> Task, Caller Caller)> _waiting = [];
    private long _busyMs;
    private ulong _callers;

    /// <param name="obeying">Share of the callers that come back as told; the others never do.</param>
    public CrowdAtTheDoor(int seed, double obeying)
        : base(seed, Seconds)
    {
        _obeying = obeying;
        _slots = 1 + Random.Next(8);
        _meanMs = 400 + Random.Next(1_200);
        _scheduler = new TicketScheduler(new SchedulerOptions { InteractiveWaitMs = 1 + Random.Next(3 * _meanMs) }, () => Now);
    }

    /// <summary>Refusals told the longest time, which gives no claim.</summary>
    public int ToldTheLongest { get; private set; }

    /// <summary>Part of the time in which places were taken, after the first tenth.</summary>
    public double Used => _busyMs / (double)(_slots * Seconds * 900L);

    public CrowdAtTheDoor Play()
    {
        PlayOut();
        return this;
    }

    protected override void Come()
    {
        Ask(new Caller(++_callers, Random.NextDouble() < _obeying));
        Plan(-Math.Log(1 - Random.NextDouble()) * _meanMs / (4.0 * _slots), Come);
    }

    private void Ask(Caller caller)
    {
        var need = new CallNeed(null, Caller: caller.Key);
        if (_scheduler.TryEnter("a/m", _slots, Lane.Interactive, out var ticket, need))
        {
            Note(caller.ToldMs > 0, isIn: true);
            Run(ticket, caller);
            return;
        }

        var asked = _scheduler.WaitAsync("a/m", Lane.Interactive, "flow", 100, CancellationToken.None, need).AsTask();
        if (!asked.IsCompleted)
        {
            Note(caller.ToldMs > 0, isIn: true);
            _waiting.Add((asked, caller));
            return;
        }

        Note(caller.ToldMs > 0, isIn: false);
        Assert.Equal(TicketVerdict.Full, asked.Result.Verdict);
        var told = asked.Result.ForeseenMs;
        if (told == 0)
        {
            return; // Before any call has ended nothing can be told.
        }

        ToldTheLongest += told == ReturnBook.ToldMsMax ? 1 : 0;
        Tell(caller, told, isExact: caller.Key % 2 == 0, () => Ask(caller));
    }

    private void Run(Ticket ticket, Caller caller)
    {
        NoteRatio(caller);

        // A half to one and a half of the mean.
        var takes = (_meanMs / 2) + Random.Next(_meanMs);
        _busyMs += Now >= Seconds * 100 ? Math.Min(takes, (Seconds * 1_000) - Now) : 0;
        Plan(takes, () =>
        {
            ticket.Dispose();
            if (_waiting.Count > 0)
            {
                TakeGranted();
            }
        });
    }

    /// <summary>The place went to one who waits, and is on its way there.</summary>
    private void TakeGranted()
    {
        while (true)
        {
            if (_waiting.FindIndex(entry => entry.Task.IsCompleted) is >= 0 and var place)
            {
                var (task, caller) = _waiting[place];
                _waiting.RemoveAt(place);
                Run(task.Result.Ticket, caller);
                return;
            }

            Thread.Yield();
        }
    }

    private sealed class Caller(ulong key, bool obeys) : SimulatedCaller(obeys)
    {
        public ulong Key => key;
    }
}
