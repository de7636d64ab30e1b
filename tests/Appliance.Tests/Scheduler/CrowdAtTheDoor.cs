using Jesus.Appliance.Scheduler;

namespace Jesus.Appliance.Tests.Scheduler;

/// <summary>
/// Callers at one candidate's door in simulated time, four times as many as it can take, of whom some come back when they are told and go on doing so. One seed is one history.
/// </summary>
internal sealed class CrowdAtTheDoor
{
    private const int Seconds = 90;
    private readonly Random _random;
    private readonly int _slots;
    private readonly int _meanMs;
    private readonly double _obeying;
    private readonly TicketScheduler _scheduler;
    private readonly PriorityQueue<Action, long> _events = new();
    private readonly List<(Task<TicketResult> Task, Caller Caller)> _waiting = [];
    private long _now;
    private long _busyMs;
    private ulong _callers;

    /// <param name="obeying">Share of the callers that come back as told; the others never do.</param>
    public CrowdAtTheDoor(int seed, double obeying)
    {
#pragma warning disable RS0030 // The seed is the argument.
        _random = new Random(seed);
#pragma warning restore RS0030
        _obeying = obeying;
        _slots = 1 + _random.Next(8);
        _meanMs = 400 + _random.Next(1_200);
        _scheduler = new TicketScheduler(new SchedulerOptions { InteractiveWaitMs = 1 + _random.Next(3 * _meanMs) }, () => _now);
    }

    /// <summary>Of the callers with a claim that came back as told: let in, or not.</summary>
    public int LetIn { get; private set; }
    public int TurnedAwayAgain { get; private set; }

    /// <summary>Refusals told the longest time, which gives no claim.</summary>
    public int ToldTheLongest { get; private set; }

    /// <summary>From a refusal with a claim to the place, over what was told.</summary>
    public List<double> Ratios { get; } = [];

    /// <summary>Part of the time in which places were taken, after the first tenth.</summary>
    public double Used => _busyMs / (double)(_slots * Seconds * 900L);

    public CrowdAtTheDoor Play()
    {
        Plan(0, Come);
        while (_events.TryDequeue(out var next, out var at) && at < Seconds * 1_000)
        {
            _now = at;
            next();
        }

        return this;
    }

    private void Plan(double inMs, Action what) => _events.Enqueue(what, _now + Math.Max(0, (long)Math.Round(inMs)));

    private void Come()
    {
        Ask(new Caller(++_callers, _random.NextDouble() < _obeying));
        Plan(-Math.Log(1 - _random.NextDouble()) * _meanMs / (4.0 * _slots), Come);
    }

    private void Ask(Caller caller)
    {
        var need = new CallNeed(null, Caller: caller.Key);
        if (_scheduler.TryEnter("a/m", _slots, Lane.Interactive, out var ticket, need))
        {
            Note(caller, isIn: true);
            Run(ticket, caller);
            return;
        }

        var asked = _scheduler.WaitAsync("a/m", Lane.Interactive, "flow", 100, CancellationToken.None, need).AsTask();
        if (!asked.IsCompleted)
        {
            Note(caller, isIn: true);
            _waiting.Add((asked, caller));
            return;
        }

        Note(caller, isIn: false);
        Assert.Equal(TicketVerdict.Full, asked.Result.Verdict);
        var told = asked.Result.ForeseenMs;
        if (told == 0)
        {
            return; // Before any call has ended nothing can be told.
        }

        ToldTheLongest += told == ReturnBook.ToldMsMax ? 1 : 0;
        caller.ToldMs = told < ReturnBook.ToldMsMax ? told : 0;
        caller.AskedMs = _now;
        if (caller.Obeys)
        {
            // Half know milliseconds, half whole seconds.
            Plan(caller.Key % 2 == 0 ? told + _random.Next(60) : (long)Math.Ceiling(told / 1e3) * 1_000, () => Ask(caller));
        }
    }

    private void Note(Caller caller, bool isIn)
    {
        if (caller.ToldMs > 0)
        {
            LetIn += isIn ? 1 : 0;
            TurnedAwayAgain += isIn ? 0 : 1;
        }
    }

    private void Run(Ticket ticket, Caller caller)
    {
        if (caller.ToldMs > 0)
        {
            Ratios.Add((_now - caller.AskedMs) / (double)caller.ToldMs);
        }

        // A half to one and a half of the mean.
        var takes = (_meanMs / 2) + _random.Next(_meanMs);
        _busyMs += _now >= Seconds * 100 ? Math.Min(takes, (Seconds * 1_000) - _now) : 0;
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

    private sealed class Caller(ulong key, bool obeys)
    {
        public ulong Key => key;
        public bool Obeys => obeys;
        public long ToldMs { get; set; }
        public long AskedMs { get; set; }
    }
}
