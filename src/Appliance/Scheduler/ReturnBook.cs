namespace Jesus.Appliance.Scheduler;

/// <summary>
/// Who was refused and told when to come back: a queue whose members wait at home. Those told later are told a later time, and who comes back as told goes before who was told
/// nothing. Some never come back: how many do is measured, and only so many are reckoned with. Pure and not thread-safe; monotonic milliseconds are an argument.
/// </summary>
/// <param name="share">Of those told, how many come back, until it is measured.</param>
public sealed class ReturnBook(double share = 0.5)
{
    /// <summary>The longest time that is told: official clients heed no longer one. Who would have to wait longer is told this much, and has no claim.</summary>
    public const long ToldMsMax = 60_000;

    /// <summary>How long after its time a claim holds: clients that know only whole seconds come up to one late, the rest is their way and our own jitter.</summary>
    public const long GraceMs = 2_500;

    /// <summary>How much before its time one comes back as told: two clocks, and a time that was cut to milliseconds.</summary>
    private const long EarlyMs = 10;

    /// <summary>Claims at once; 20 bytes each (80 KB), looked through in a microsecond at each return. Who comes after so many is told the longest time.</summary>
    private const int ClaimsMax = 4_096;
    private const int KeptForAgain = 256;
    private const double ReckonedMore = 0.1;

    /// <summary>Weight of the newest claim in the share of those that come back: about the last twenty count.</summary>
    private const double Newest = 0.05;

    private ulong[] _callers = new ulong[16];
    private long[] _dueMs = new long[16];
    private int[] _amounts = new int[16];
    private int _first;
    private int _length;
    private int _claims;

    /// <summary>The first so many of them are due.</summary>
    private int _due;
    private long _amountDue;

    /// <summary>Claims of callers that will come back, as many as usually do.</summary>
    public double Awaited => _claims * Share;

    /// <summary>It holds as many as it may: a newcomer that is refused now has no claim. Room is left for those that come as told and are told again.</summary>
    public bool IsFull => _length >= ClaimsMax - KeptForAgain;

    /// <summary>Nobody has a claim.</summary>
    public bool IsEmpty => _claims == 0;

    /// <summary>Of the callers that were told, how many come back: 0 to 1.</summary>
    public double Share { get; private set; } = share;

    /// <summary>What all together have a claim to.</summary>
    public long Amount { get; private set; }

    /// <summary>Nobody has a claim at this moment.</summary>
    public bool IsEmptyAt(long nowMs)
    {
        Forget(nowMs);
        return IsEmpty;
    }

    /// <summary>The part of all claims to reckon with where too few would break promises: so many times as many as come back, and a tenth.</summary>
    public double Reckoned(double times) => Math.Min(1, (times * Share) + ReckonedMore);

    /// <summary>When the last of them is due; only where there is one.</summary>
    public long LastDueMs => _dueMs[At(_length - 1)];

    /// <summary>What those have a claim to whose time has come, and who are not here yet.</summary>
    public long AmountDue(long nowMs)
    {
        Forget(nowMs);
        for (; _due < _length && _dueMs[At(_due)] - EarlyMs <= nowMs; _due++)
        {
            _amountDue += _amounts[At(_due)];
        }

        return _amountDue;
    }

    /// <summary>Of claims to one each: how many are due by a moment to come, those whose time is there already included.</summary>
    public long CountDueBy(long nowMs, long untilMs)
    {
        var due = AmountDue(nowMs);
        var (from, to) = (_due, _length);
        while (from < to)
        {
            var middle = (from + to) / 2;
            (from, to) = _dueMs[At(middle)] <= untilMs ? (middle + 1, to) : (from, middle);
        }

        return due + from - _due;
    }

    /// <summary>What a caller has a claim to; 0 without one.</summary>
    public int AmountOf(ulong caller) => Find(caller) is >= 0 and var i ? _amounts[At(i)] : 0;

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
            Drop(i);
            Share += (1 - Share) * Newest;
        }
    }

    /// <summary>A caller is refused.</summary>
    /// <param name="caller">What it will be known by; 0 is unknown, and has no claim.</param>
    /// <param name="waitMs">Until its turn, all with an earlier claim (<see cref="Awaited"/>) counted; 0 is unknown.</param>
    /// <param name="nowMs">The moment.</param>
    /// <param name="amount">What it asks for, where claims are not of one place each.</param>
    /// <returns>Milliseconds after which it should come back, at most <see cref="ToldMsMax"/>; 0 is unknown.</returns>
    public long Tell(ulong caller, long waitMs, long nowMs, int amount = 1)
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

            Insert(caller, nowMs + waitMs, amount);
        }

        return waitMs;
    }

    /// <summary>In the order of their times; nearly always the last.</summary>
    private void Insert(ulong caller, long dueMs, int amount)
    {
        Grow();
        var i = _length++;
        for (; i > 0 && _dueMs[At(i - 1)] > dueMs; i--)
        {
            (_callers[At(i)], _dueMs[At(i)], _amounts[At(i)]) = (_callers[At(i - 1)], _dueMs[At(i - 1)], _amounts[At(i - 1)]);
        }

        (_callers[At(i)], _dueMs[At(i)], _amounts[At(i)]) = (caller, dueMs, amount);
        _claims++;
        Amount += amount;
        if (i < _due)
        {
            _due++;
            _amountDue += amount;
        }
    }

    /// <summary>A claim is met or lost; its line stays until those before it are gone.</summary>
    private void Drop(int i)
    {
        var amount = _amounts[At(i)];
        _amountDue -= i < _due ? amount : 0;
        Amount -= amount;
        _claims--;
        (_callers[At(i)], _amounts[At(i)]) = (0, 0);
    }

    private void Forget(long nowMs)
    {
        while (_length > 0 && (_callers[_first] == 0 || _dueMs[_first] + GraceMs < nowMs))
        {
            if (_callers[_first] != 0)
            {
                Drop(0);
                Share -= Share * Newest;
            }

            _first = At(1);
            _length--;
            _due = Math.Max(0, _due - 1);
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
        var amounts = new int[callers.Length];
        for (var i = 0; i < _length; i++)
        {
            (callers[i], dueMs[i], amounts[i]) = (_callers[At(i)], _dueMs[At(i)], _amounts[At(i)]);
        }

        (_callers, _dueMs, _amounts, _first) = (callers, dueMs, amounts, 0);
    }
}
