using Jesus.Appliance.Scheduler;

namespace Jesus.Appliance.Tests.Scheduler;

/// <summary>Callers in simulated time, some of whom come back when they are told and go on doing so. One seed is one history.</summary>
internal abstract class SimulatedCrowd
{
    private readonly PriorityQueue<Action, long> _events = new();
    private readonly int _seconds;

    protected SimulatedCrowd(int seed, int seconds)
    {
#pragma warning disable RS0030 // The seed is the argument.
        Random = new Random(seed);
#pragma warning restore RS0030
        _seconds = seconds;
    }

    /// <summary>Of the callers with a claim that came back as told: let in, or not.</summary>
    public int LetIn { get; private set; }
    public int TurnedAwayAgain { get; private set; }

    /// <summary>From a refusal with a claim to the entry, over what was told.</summary>
    public List<double> Ratios { get; } = [];

    protected Random Random { get; }
    protected long Now { get; private set; }

    /// <summary>A new caller comes, and plans the next one.</summary>
    protected abstract void Come();

    protected void PlayOut()
    {
        Plan(0, Come);
        while (_events.TryDequeue(out var next, out var at) && at < _seconds * 1_000)
        {
            Now = at;
            next();
        }
    }

    protected void Plan(double inMs, Action what) => _events.Enqueue(what, Now + Math.Max(0, (long)Math.Round(inMs)));

    /// <summary>Half know milliseconds, half whole seconds.</summary>
    protected void PlanReturn(long toldMs, bool isExact, Action ask) => Plan(isExact ? toldMs + Random.Next(60) : (long)Math.Ceiling(toldMs / 1e3) * 1_000, ask);

    /// <summary>A caller is told when to come back, and does if it is one of those.</summary>
    protected void Tell(SimulatedCaller caller, long toldMs, bool isExact, Action ask)
    {
        (caller.ToldMs, caller.AskedMs) = (toldMs < ReturnBook.ToldMsMax ? toldMs : 0, Now);
        if (caller.Obeys)
        {
            PlanReturn(toldMs, isExact, ask);
        }
    }

    /// <summary>A caller with a claim has what it came for.</summary>
    protected void NoteRatio(SimulatedCaller caller)
    {
        if (caller.ToldMs > 0)
        {
            Ratios.Add((Now - caller.AskedMs) / (double)caller.ToldMs);
        }
    }

    protected void Note(bool hasClaim, bool isIn)
    {
        LetIn += hasClaim && isIn ? 1 : 0;
        TurnedAwayAgain += hasClaim && !isIn ? 1 : 0;
    }
}

/// <summary>One of them.</summary>
/// <param name="obeys">It comes back when it is told; others never do.</param>
internal abstract class SimulatedCaller(bool obeys)
{
    public bool Obeys => obeys;

    /// <summary>What it was told last; 0 without a claim.</summary>
    public long ToldMs { get; set; }
    public long AskedMs { get; set; }
}
