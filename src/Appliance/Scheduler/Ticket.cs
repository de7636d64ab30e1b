namespace Jesus.Appliance.Scheduler;

/// <summary>Leave to call a candidate now. Give it back exactly once.</summary>
public readonly struct Ticket : IDisposable, IEquatable<Ticket>
{
    private readonly Door? _door;
    private readonly Place? _place;

    internal Ticket(Door door, Place place) => (_door, _place) = (door, place);

    public bool IsNone => _door is null;

    public void Dispose() => _door?.Leave(_place!);

    public bool Equals(Ticket other) => _door == other._door && _place == other._place;
    public override bool Equals(object? obj) => obj is Ticket other && Equals(other);
    public override int GetHashCode() => HashCode.Combine(_door, _place);
    public static bool operator ==(Ticket left, Ticket right) => left.Equals(right);
    public static bool operator !=(Ticket left, Ticket right) => !left.Equals(right);
}

/// <summary>Why there is no ticket.</summary>
public enum TicketVerdict : byte
{
    Granted,

    /// <summary>The queue at the door is full for this lane, or would take too long.</summary>
    Full,

    /// <summary>The wait was cancelled or took too long.</summary>
    Left,
}

/// <param name="ForeseenMs">When the queue is full: after how long to come back; 0 unknown.</param>
public readonly record struct TicketResult(TicketVerdict Verdict, Ticket Ticket, long ForeseenMs = 0);
