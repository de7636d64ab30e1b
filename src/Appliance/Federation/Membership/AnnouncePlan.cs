namespace Jesus.Appliance.Federation.Membership;

/// <summary>When this box says how it is: to all at the fleet's pace and a phase of its own, and to each that is new a little after it came. Pure; one caller at a time.</summary>
internal sealed class AnnouncePlan(StatusPace pace)
{
    /// <summary>Boxes that wait for a greeting; what they miss then, the next status tells them.</summary>
    public const int GreetingsMax = 64;

    /// <summary>Greetings that a new box is sent a second, by all others together.</summary>
    public const int GreetingsPerSecond = 200;

    private readonly List<Greeting> _greetings = [];
    private long _dueMs = long.MinValue;

    /// <summary>Milliseconds from one status to the next, as last announced.</summary>
    public int IntervalMs { get; private set; } = pace.For(1);

    /// <summary>Whether it is time for a status to all; the interval to announce in it is then in <see cref="IntervalMs"/>.</summary>
    public bool IsDue(long nowMs, int boxes, ulong dice)
    {
        if (_dueMs == long.MinValue)
        {
            _dueMs = nowMs + (long)(dice % (uint)IntervalMs);
        }

        if (nowMs < _dueMs)
        {
            return false;
        }

        IntervalMs = pace.For(boxes);

        // One that is late does not make up for it: the phase stays where the next one still lies ahead, else it begins anew.
        _dueMs = _dueMs + IntervalMs > nowMs ? _dueMs + IntervalMs : nowMs + IntervalMs;
        return true;
    }

    /// <summary>A box is new. It is not answered by all of a thousand at once, so each waits a time of its own.</summary>
    public void Greet(string peer, long nowMs, int boxes, ulong dice)
    {
        var withinMs = 1 + (ulong)(boxes * 1_000L / GreetingsPerSecond);
        if (_greetings.Count < GreetingsMax)
        {
            _greetings.Add(new Greeting(peer, nowMs + (long)(dice % withinMs)));
        }
    }

    /// <summary>Who is to be greeted now, one after the other.</summary>
    public bool TryTakeGreeting(long nowMs, out string peer)
    {
        for (var i = 0; i < _greetings.Count; i++)
        {
            if (_greetings[i].DueMs <= nowMs)
            {
                peer = _greetings[i].Peer;
                _greetings.RemoveAt(i);
                return true;
            }
        }

        peer = "";
        return false;
    }

    private readonly record struct Greeting(string Peer, long DueMs);
}
