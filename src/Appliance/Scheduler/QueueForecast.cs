namespace Jesus.Appliance.Scheduler;

/// <summary>
/// How long a call of a lane would wait at a door, from how often places come free there and all that stand before it: who waits, who was told to come back, and who will come
/// meanwhile and takes a place before it. Pure; the door's.
/// </summary>
internal sealed class QueueForecast(SchedulerOptions options)
{
    /// <summary>Weight of the newest call in the mean: about the last twenty count.</summary>
    private const double Newest = 0.05;
    private const int Lanes = 3;

    /// <summary>Per cent of <see cref="SchedulerOptions.QueueDepthMax"/> that may be filled while a lane still joins: batches leave room for people.</summary>
    private static readonly int[] DepthPercent = [100, 60, 30];

    private readonly int[] _weights = [options.InteractiveWeight, options.AgentWeight, options.BatchWeight];
    private readonly int[] _waitMax = [options.InteractiveWaitMs, options.AgentWaitMs, options.BatchWaitMs];
    private readonly ReturnBook[] _books = [new(), new(), new()];
    private readonly LaneUse _use = new();
    private double _meanMs;

    /// <summary>A call has given its place back.</summary>
    public void Held(long ms) => _meanMs = _meanMs == 0 ? ms : _meanMs + ((ms - _meanMs) * Newest);

    /// <summary>A call got a place, with or without waiting.</summary>
    public void Entered(Lane lane, int slots, long nowMs) => _use.Entered(lane, MsPerPlace(slots), nowMs);

    /// <summary>Who of a lane was told when to come back.</summary>
    public ReturnBook BookOf(Lane lane) => _books[(int)lane];

    /// <summary>
    /// Until X places have come free, of which a lane gets its own <c>ahead</c> and each other one either those it asks for (who waits, and what it takes usually, of X) or, where
    /// that is less, its weight's share beside ours: the least X of the four. 0 until a first call has ended.
    /// </summary>
    public long WaitMs(FairQueue queue, Lane lane, int slots, long nowMs)
    {
        var perPlace = MsPerPlace(slots);
        var ahead = queue.CountOf(lane) + _books[(int)lane].Awaited + 1;
        var least = double.MaxValue;
        for (var capped = 0; capped < 1 << Lanes; capped++)
        {
            var (places, free) = (ahead, 1.0);
            for (var other = 0; other < Lanes; other++)
            {
                if (other != (int)lane && (capped & (1 << other)) != 0)
                {
                    places += ahead * _weights[other] / _weights[(int)lane];
                }
                else if (other != (int)lane)
                {
                    places += queue.CountOf((Lane)other) + _books[other].Awaited;
                    free -= _use.Of((Lane)other, perPlace, nowMs);
                }
            }

            least = free > 0 ? Math.Min(least, places / free) : least;
        }

        return (long)(perPlace * least);
    }

    public bool HasRoom(FairQueue queue, Lane lane) => queue.Count < Math.Max(1, (long)options.QueueDepthMax * DepthPercent[(int)lane] / 100);

    public bool MayJoin(FairQueue queue, Lane lane, long foreseenMs) => HasRoom(queue, lane) && foreseenMs <= _waitMax[(int)lane];

    private double MsPerPlace(int slots) => _meanMs / Math.Max(1, slots);
}
