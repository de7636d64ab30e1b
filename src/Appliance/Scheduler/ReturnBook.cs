namespace Jesus.Appliance.Scheduler;

/// <summary>
/// Who was refused and told when to come back: a queue whose members wait at home. Those told later are told a later time, and who comes back as told goes before who was told
/// nothing. Some never come back: how many do is measured, and only so many are reckoned with. Pure and not thread-safe; monotonic milliseconds are an argument.
/// </summary>
public sealed class ReturnBook
{
    /// <summary>The longest time that is told: official clients heed no longer one. Who would have to wait longer is told this much, and has no claim.</summary>
    public const long ToldMsMax = 60_000;

    /// <summary>How long after its time a claim holds: clients that know only whole seconds come up to one late, the rest is their way and our own jitter.</summary>
    public const long GraceMs = 2_500;

    /// <summary>How much before its time one comes back as told: two clocks, and a time that was cut to milliseconds.</summary>
    private const long EarlyMs = 10;

    /// <summary>Claims at once; 16 bytes each (64 KB), looked through in a microsecond at each return. Who comes after so many is told the longest time.</summary>
    private const int ClaimsMax = 4_096;

    /// <summary>Weight of the newest claim in the share of those that come back: about the last twenty count.</summary>
    private const double Newest = 0.05;

    private ulong[] _callers = new ulong[16];
    private long[] _dueMs = new long[16];
    private int _first;
    private int _length;
    private int _claims;
    private double _share = 0.5;

    /// <summary>Claims of callers that will come back, as many as usually do.</summary>
    public double Awaited => _claims * _share;

    /// <summary>Nobody has a claim.</summary>
    public bool IsEmpty => _claims == 0;

    /// <summary>It was told to come back now.</summary>
    public bool IsBack(ulong caller, long nowMs)
    {
        Forget(nowMs);
        return Find(caller) is >= 0 and var i && _dueMs[At(i)] - EarlyMs <= nowMs;
    }

    /// <summary>A caller got in: its claim, if it has one, is met.</summary>
    public void Came(ulong caller)
    {
        if (Find(caller) is >= 0 and var i)
        {
            _callers[At(i)] = 0;
            _claims--;
            _share += (1 - _share) * Newest;
        }
    }

    /// <summary>A caller is refused.</summary>
    /// <param name="caller">What it will be known by; 0 is unknown, and has no claim.</param>
    /// <param name="waitMs">Until its turn, all with an earlier claim (<see cref="Awaited"/>) counted; 0 is unknown.</param>
    /// <param name="nowMs">The moment.</param>
    /// <returns>Milliseconds after which it should come back, at most <see cref="ToldMsMax"/>; 0 is unknown.</returns>
    public long Tell(ulong caller, long waitMs, long nowMs)
    {
        Forget(nowMs);
        if (waitMs > ToldMsMax || _length >= ClaimsMax)
        {
            return ToldMsMax;
        }

        if (caller != 0 && waitMs > 0)
        {
            // It came as told and there was no room all the same: its new claim takes the old one's place.
            if (IsBack(caller, nowMs))
            {
                Came(caller);
            }

            Insert(caller, nowMs + waitMs);
        }

        return waitMs;
    }

    /// <summary>In the order of their times; nearly always the last.</summary>
    private void Insert(ulong caller, long dueMs)
    {
        Grow();
        var i = _length++;
        for (; i > 0 && _dueMs[At(i - 1)] > dueMs; i--)
        {
            (_callers[At(i)], _dueMs[At(i)]) = (_callers[At(i - 1)], _dueMs[At(i - 1)]);
        }

        (_callers[At(i)], _dueMs[At(i)]) = (caller, dueMs);
        _claims++;
    }

    private void Forget(long nowMs)
    {
        while (_length > 0 && (_callers[_first] == 0 || _dueMs[_first] + GraceMs < nowMs))
        {
            if (_callers[_first] != 0)
            {
                _claims--;
                _share -= _share * Newest;
            }

            _first = At(1);
            _length--;
        }
    }

    /// <summary>The caller's first claim, counted from the oldest; negative without one.</summary>
    private int Find(ulong caller)
    {
        if (caller == 0 || _claims == 0)
        {
            return -1;
        }

        var toEnd = Math.Min(_length, _callers.Length - _first);
        var found = _callers.AsSpan(_first, toEnd).IndexOf(caller);
        if (found < 0 && _callers.AsSpan(0, _length - toEnd).IndexOf(caller) is >= 0 and var wrapped)
        {
            found = toEnd + wrapped;
        }

        return found;
    }

    private int At(int i) => (_first + i) & (_callers.Length - 1);

    private void Grow()
    {
        if (_length < _callers.Length)
        {
            return;
        }

        var callers = new ulong[_callers.Length * 2];
        var dueMs = new long[callers.Length];
        for (var i = 0; i < _length; i++)
        {
            (callers[i], dueMs[i]) = (_callers[At(i)], _dueMs[At(i)]);
        }

        (_callers, _dueMs, _first) = (callers, dueMs, 0);
    }
}
