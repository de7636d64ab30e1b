using Jesus.Appliance.Scheduler;

namespace Jesus.Appliance.Admission;

/// <summary>
/// Who was refused by a bucket and told when to come back. A bucket has no queue: what refills is kept for those that were told so, in the order of their times, and newcomers get
/// what is left. Belongs to the <see cref="AdmissionGate"/>, under its lock.
/// </summary>
internal sealed class RefillLine
{
    /// <summary>
    /// Reckoned with are four times as many as usually come back, and a tenth: one too many makes the next wait for a place longer than need be, one too few breaks a promise.
    /// </summary>
    private const double ShareTimes = 4;

    /// <summary>All come back until it is measured.</summary>
    private readonly ReturnBook _book = new(share: 1);

    private double Awaited => _book.Amount * _book.Reckoned(ShareTimes);

    /// <summary>Nobody is awaited.</summary>
    public bool IsEmpty(long nowMs) => _book.IsEmptyAt(nowMs);

    /// <summary>
    /// Milliseconds until a caller may have its amount; 0 is now. Who comes back as told has to wait for others only where the bucket holds less than was foreseen.
    /// </summary>
    /// <param name="caller">What it is known by; 0 is unknown.</param>
    /// <param name="amount">Calls or tokens, at most a full bucket.</param>
    /// <param name="bucket">As it stands now.</param>
    /// <param name="perMinute">Its rate.</param>
    /// <param name="nowMs">The moment.</param>
    public long WaitMs(ulong caller, long amount, in TokenBucket bucket, long perMinute, long nowMs)
    {
        var due = _book.AmountDue(nowMs);
        if (_book.IsBack(caller, nowMs))
        {
            return bucket.UntilMs(perMinute, amount) == 0 ? 0 : bucket.UntilMs(perMinute, amount + Math.Max(0, due - _book.AmountOf(caller)));
        }

        var kept = _book.IsEmpty ? 0 : Math.Max(due, Awaited - ((_book.LastDueMs - nowMs) * perMinute / (double)TokenBucket.Unit));
        return bucket.UntilMs(perMinute, amount + kept) == 0
            ? 0
            : Math.Max(bucket.UntilMs(perMinute, amount), Math.Min(bucket.UntilMs(perMinute, amount + Math.Max(kept, Awaited)), ReturnBook.ToldMsMax));
    }

    /// <summary>A caller is refused, and comes back after so long. Who is told the longest time, or more, has no claim.</summary>
    public void Tell(ulong caller, long waitMs, long amount, long nowMs)
    {
        if (waitMs < ReturnBook.ToldMsMax)
        {
            _ = _book.Tell(caller, waitMs, nowMs, (int)amount);
        }
    }

    /// <summary>A caller got in: its claim, if it has one, is met.</summary>
    public void Came(ulong caller) => _book.Came(caller);
}
