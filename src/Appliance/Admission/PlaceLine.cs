using Jesus.Appliance.Scheduler;

namespace Jesus.Appliance.Admission;

/// <summary>
/// Who was refused a place among calls in progress and told when to come back. They are told times so far apart that the places come free in between, and go before newcomers.
/// Nobody knows when a call will end: whoever comes as told and finds none is told a short time, and goes before newcomers again. Not thread-safe; monotonic milliseconds are an
/// argument.
/// </summary>
internal sealed class PlaceLine
{
    /// <summary>Part of the places that is promised: with all of them, calls longer than the mean would leave none for those that come back.</summary>
    private const double Promised = 0.8;

    /// <summary>How far ahead newcomers look at who comes back, in mean lengths of a call: as long as theirs may take.</summary>
    private const double Ahead = 1.5;

    /// <summary>
    /// Reckoned with are a quarter more than usually come back, and a tenth: one too many lets a place stand empty, one too few makes one come twice.
    /// </summary>
    private const double ShareTimes = 1.25;

    /// <summary>All come back until it is measured.</summary>
    private readonly ReturnBook _book = new(share: 1);

    /// <summary>Calls in progress that came as told.</summary>
    private int _awaitedInside;

    /// <summary>When the last of those that came as told and found no place is to come again.</summary>
    private long _lastAgainMs;

    /// <summary>Nobody is awaited.</summary>
    public bool IsEmpty(long nowMs) => _book.IsEmptyAt(nowMs);

    /// <summary>Milliseconds until a caller may have a place; 0 is now.</summary>
    /// <param name="line">Null where nobody was refused yet.</param>
    /// <param name="caller">What it is known by; 0 is unknown.</param>
    /// <param name="inside">Calls in progress.</param>
    /// <param name="places">As many as there may be.</param>
    /// <param name="meanMs">How long one takes.</param>
    /// <param name="nowMs">The moment.</param>
    public static long WaitMs(PlaceLine? line, ulong caller, int inside, int places, double meanMs, long nowMs)
    {
        var free = places - inside;
        if (line?._book.IsEmpty == false)
        {
            return line.WaitMs(caller, free, places, meanMs, nowMs);
        }

        return free > 0 ? 0 : AtMost(ToFreeMs(free, places, meanMs));
    }

    /// <summary>A caller is refused, and comes back after so long. Who is told the longest time has no claim.</summary>
    public void Tell(ulong caller, long waitMs, long nowMs)
    {
        if (waitMs < ReturnBook.ToldMsMax)
        {
            _lastAgainMs = _book.IsBack(caller, nowMs) ? Math.Max(_lastAgainMs, nowMs + waitMs) : _lastAgainMs;
            _ = _book.Tell(caller, waitMs, nowMs);
        }
    }

    /// <summary>A caller got in: its claim, if it has one, is met.</summary>
    /// <returns>It came as told: <see cref="Leave"/> when it ends.</returns>
    public bool Enter(ulong caller, long nowMs)
    {
        var isAwaited = _book.IsBack(caller, nowMs);
        _book.Came(caller);
        _awaitedInside += isAwaited ? 1 : 0;
        return isAwaited;
    }

    /// <summary>One that came as told has ended.</summary>
    public void Leave() => _awaitedInside--;

    private long WaitMs(ulong caller, int free, int places, double meanMs, long nowMs)
    {
        var toFreeMs = ToFreeMs(free, places, meanMs);
        if (_book.IsBack(caller, nowMs))
        {
            return free > 0 ? 0 : AtMost(Math.Max(toFreeMs, _lastAgainMs - nowMs + (meanMs / (places * (1 - Promised)))));
        }

        // Newcomers leave as many places as come back while they would be inside, and some for those that come at one moment; unless there is room for all. Those whose time is
        // past and who never come are counted for a while: never more than are told to come.
        var reckoned = _book.Reckoned(ShareTimes);
        var coming = Math.Min(_book.CountDueBy(nowMs, nowMs + (long)(meanMs * Ahead)), places * Promised / reckoned) * _book.Share;
        var newcomers = places - free - _awaitedInside;
        if (free > 0 && (newcomers + 1 <= places - coming - Math.Sqrt(coming) || coming <= free - 0.5))
        {
            return 0;
        }

        return _book.IsFull ? ReturnBook.ToldMsMax : AtMost(Math.Max(toFreeMs, _book.LastDueMs - nowMs + (meanMs / (places * Promised) * reckoned)));
    }

    /// <summary>Of so many calls side by side their square root ends in this time, which evens out that some are long.</summary>
    private static double ToFreeMs(int free, int places, double meanMs) => meanMs * (1 + Math.Max(0, -free)) / Math.Sqrt(places);

    private static long AtMost(double ms) => Math.Clamp((long)Math.Ceiling(ms), 1, ReturnBook.ToldMsMax);
}
