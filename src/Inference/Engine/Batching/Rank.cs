namespace Jesus.Inference.Engine.Batching;

/// <summary>
/// A request's place among all others, fixed when it arrives: the lower is admitted and read first and gives way last. A lane is a head start, not a wall: a call of a
/// lower lane is overtaken by those that come up to <see cref="LaneHeadStart"/> later for each lane between them, and by none after that, so nobody starves. Pure.
/// </summary>
/// <param name="Ticks">Arrival, moved back by the lane's head start; ticks of the clock.</param>
/// <param name="Ordinal">Count of arrivals, where the ticks are equal.</param>
internal readonly record struct Rank(long Ticks, long Ordinal) : IComparable<Rank>
{
    /// <summary>As long as a usual answer takes: an interactive call passes the agents' calls that wait now, not those of a minute ago.</summary>
    public static readonly TimeSpan LaneHeadStart = TimeSpan.FromSeconds(10);

    /// <summary>Lanes beyond this are one: a number from outside must not make a call wait for ever.</summary>
    private const int LanesMax = 8;

    public static Rank Of(long arrived, long ticksPerSecond, int priority, long ordinal) =>
        new(arrived + (long)(Math.Clamp(priority, 0, LanesMax) * LaneHeadStart.TotalSeconds * ticksPerSecond), ordinal);

    public int CompareTo(Rank other) => Ticks != other.Ticks ? Ticks.CompareTo(other.Ticks) : Ordinal.CompareTo(other.Ordinal);
}
