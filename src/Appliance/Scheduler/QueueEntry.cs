namespace Jesus.Appliance.Scheduler;

/// <summary>A place in a <see cref="FairQueue"/>: intrusive, so that queueing allocates nothing. Belongs to at most one queue at a time.</summary>
public class QueueEntry
{
    internal FlowQueue? Flow { get; set; }
    internal QueueEntry? Previous { get; set; }
    internal QueueEntry? Next { get; set; }

    public Lane Lane { get; internal set; }

    /// <summary>What it will use of the candidate, in tokens of its worst case.</summary>
    public int Cost { get; internal set; }
    public bool IsQueued => Flow is not null;
}

/// <summary>One flow's entries in order, and its place in the lane's ring of flows that wait.</summary>
internal sealed class FlowQueue
{
    public string Name { get; set; } = "";
    public QueueEntry? Head { get; private set; }
    public QueueEntry? Tail { get; private set; }
    public FlowQueue Next { get; set; } = null!;
    public FlowQueue Previous { get; set; } = null!;
    public long Deficit { get; set; }

    /// <summary>This visit's quantum was already given.</summary>
    public bool Visited { get; set; }

    public void Add(QueueEntry entry)
    {
        entry.Flow = this;
        entry.Previous = Tail;
        entry.Next = null;
        if (Tail is null)
        {
            Head = entry;
        }
        else
        {
            Tail.Next = entry;
        }

        Tail = entry;
    }

    public void Remove(QueueEntry entry)
    {
        if (entry.Previous is null)
        {
            Head = entry.Next;
        }
        else
        {
            entry.Previous.Next = entry.Next;
        }

        if (entry.Next is null)
        {
            Tail = entry.Previous;
        }
        else
        {
            entry.Next.Previous = entry.Previous;
        }

        entry.Flow = null;
        entry.Previous = null;
        entry.Next = null;
    }
}
