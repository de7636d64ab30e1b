namespace Jesus.Appliance.Federation.Durable;

/// <summary>What an owner has to do.</summary>
internal enum LeaseStep : byte
{
    /// <summary>Nothing before <see cref="OwnerLease.NextAt"/>, unless there is something to commit.</summary>
    Wait,

    /// <summary>Write the record: it renews the lease and commits what is to be committed.</summary>
    Write,

    /// <summary>Read the record: whether the last write is in it is not known.</summary>
    Ask,

    /// <summary>Cancel every step and commit nothing more.</summary>
    Stop,
}

/// <summary>What an answer means for the write under way.</summary>
internal enum WriteVerdict : byte
{
    /// <summary>It is in the record.</summary>
    Committed,

    /// <summary>It is not, or nobody knows: do the next step.</summary>
    Open,

    /// <summary>Another box owns the run.</summary>
    Lost,
}

/// <summary>
/// One term of an owner: what its lease and its fence allow. Pure: the time is an argument, milliseconds of the box's own monotonic clock. At most one write is
/// under way, each has a number, and one that is tried again is the same to the byte; so after any loss of answers a look at the record tells what
/// became of it.
/// </summary>
internal sealed class OwnerLease
{
    private readonly LeaseTerms _terms;
    private long _confirmedAt;
    private long _begunAt;
    private bool _isOpen;
    private bool _isInDoubt;

    /// <param name="epoch">The term: grows by one with each owner.</param>
    /// <param name="revision">Of the write that took the run.</param>
    /// <param name="write">Number of that write.</param>
    /// <param name="begunAt">The moment before that write was asked for.</param>
    public OwnerLease(LeaseTerms terms, long epoch, ulong revision, long write, long begunAt) =>
        (_terms, Epoch, Revision, Write, _confirmedAt) = (terms, epoch, revision, write, begunAt);

    public long Epoch { get; }

    /// <summary>Number of the last confirmed write.</summary>
    public long Write { get; private set; }

    /// <summary>What the next write expects to find.</summary>
    public ulong Revision { get; private set; }

    /// <summary>It ended: for good.</summary>
    public bool IsOver { get; private set; }

    /// <summary>When every step must have stopped, unless a write is confirmed before.</summary>
    public long StopAt => _confirmedAt + _terms.StopMs;

    /// <summary>When to ask for the next step although there is nothing to commit.</summary>
    public long NextAt => Math.Min(StopAt, _confirmedAt + _terms.RenewMs);

    public LeaseStep Next(long now, bool hasWork)
    {
        IsOver |= now >= StopAt;
        return IsOver ? LeaseStep.Stop
            : _isInDoubt ? LeaseStep.Ask
            : _isOpen || hasWork || now >= NextAt ? LeaseStep.Write
            : LeaseStep.Wait;
    }

    /// <summary>A write is about to be asked for, for the first time or again.</summary>
    /// <returns>Its number.</returns>
    public long Begin(long now)
    {
        if (!_isOpen)
        {
            (_isOpen, _begunAt) = (true, now);
        }

        return Write + 1;
    }

    /// <summary>The write was answered.</summary>
    /// <param name="revision">With <see cref="ReplicaStatus.Done"/>: of the record now.</param>
    public WriteVerdict Answered(ReplicaStatus status, ulong revision)
    {
        if (status == ReplicaStatus.Done)
        {
            return Confirm(revision);
        }

        // A conflict may be this very write, whose first answer was lost. A refusal did not happen, and is tried again.
        _isInDoubt = status != ReplicaStatus.Refused;
        return WriteVerdict.Open;
    }

    /// <summary>What the record holds, read after the write was asked for.</summary>
    public WriteVerdict Found(long epoch, long write, ulong revision)
    {
        _isInDoubt = false;
        if (epoch == Epoch && write == Write + 1 && _isOpen)
        {
            return Confirm(revision);
        }

        if (epoch < Epoch || (epoch == Epoch && write <= Write))
        {
            return WriteVerdict.Open; // not there (yet): the same write again, for whichever comes first
        }

        IsOver = true;
        return WriteVerdict.Lost;
    }

    /// <summary>The record is gone: nothing can be committed any more.</summary>
    public WriteVerdict Gone()
    {
        IsOver = true;
        return WriteVerdict.Lost;
    }

    private WriteVerdict Confirm(ulong revision)
    {
        Write++;
        (Revision, _confirmedAt) = (revision, _begunAt);
        (_isOpen, _isInDoubt) = (false, false);
        return WriteVerdict.Committed;
    }
}
