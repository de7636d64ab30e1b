using Jesus.Inference.Contract;

namespace Jesus.Appliance.Scheduler;

/// <summary>One call's place inside a <see cref="Door"/>, or its claim to one while it is set aside. Pooled; the door's.</summary>
internal sealed class Place
{
    public Lane Lane { get; private set; }

    /// <summary>Reaches the call where it is computed; null for a call that cannot be set aside.</summary>
    public CallHold? Hold { get; private set; }

    /// <summary>Nobody takes it: the call has it as its lane's share, from the queue while people waited.</summary>
    public bool IsKept { get; private set; }
    public bool IsAside { get; private set; }

    /// <summary>How often the call was set aside.</summary>
    public int TimesAside { get; private set; }

    /// <summary>When it was set aside last.</summary>
    public long AsideSinceMs { get; private set; }

    /// <summary>The call for whose memory it was set aside, until that is over; null where it was for a place.</summary>
    public Place? For { get; private set; }

    private long _enteredMs;
    private long _asideMs;

    public void Begin(Lane lane, CallHold? hold, bool isKept, long nowMs)
    {
        (Lane, Hold, IsKept, _enteredMs) = (lane, hold, isKept, nowMs);
        (IsAside, TimesAside, AsideSinceMs, For, _asideMs) = (false, 0, 0, null, 0);
    }

    public void SetAside(Place? forMemoryOf, long nowMs)
    {
        (IsAside, For, AsideSinceMs) = (true, forMemoryOf, nowMs);
        TimesAside++;
    }

    /// <summary>The call whose memory it made room for is over.</summary>
    public void Unbind() => For = null;

    public void TakeBack(long nowMs)
    {
        (IsAside, For) = (false, null);
        _asideMs += nowMs - AsideSinceMs;
    }

    /// <summary>How long the call has held a place, without its time aside.</summary>
    public long HeldMs(long nowMs) => nowMs - _enteredMs - _asideMs - (IsAside ? nowMs - AsideSinceMs : 0);
}
