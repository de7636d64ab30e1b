namespace Jesus.Appliance.Scheduler;

/// <summary>
/// How long a call of a lane would wait at a door, from how long calls hold their places there, and whether it should. Pure; the door's.
/// </summary>
internal sealed class QueueForecast(SchedulerOptions options)
{
    /// <summary>Weight of the newest call in the mean: about the last twenty count.</summary>
    private const double Newest = 0.05;

    /// <summary>Per cent of <see cref="SchedulerOptions.QueueDepthMax"/> that may be filled while a lane still joins: batches leave room for people.</summary>
    private static readonly int[] DepthPercent = [100, 60, 30];

    private readonly int[] _weights = [options.InteractiveWeight, options.AgentWeight, options.BatchWeight];
    private readonly int[] _waitMax = [options.InteractiveWaitMs, options.AgentWaitMs, options.BatchWaitMs];
    private double _meanMs;

    /// <summary>A call has given its place back.</summary>
    public void Held(long ms) => _meanMs = _meanMs == 0 ? ms : _meanMs + ((ms - _meanMs) * Newest);

    /// <summary>
    /// Places come free at slots over the mean; a lane gets its weight's share of them among the lanes that wait. 0 until a first call has ended.
    /// </summary>
    public long WaitMs(FairQueue queue, Lane lane, int slots)
    {
        var weights = _weights[(int)lane];
        for (var other = 0; other < _weights.Length; other++)
        {
            weights += other != (int)lane && queue.CountOf((Lane)other) > 0 ? _weights[other] : 0;
        }

        var ahead = queue.CountOf(lane) + 1;
        return (long)(_meanMs * ahead * weights / ((double)_weights[(int)lane] * Math.Max(1, slots)));
    }

    public bool MayJoin(FairQueue queue, Lane lane, long foreseenMs) =>
        queue.Count < Math.Max(1, (long)options.QueueDepthMax * DepthPercent[(int)lane] / 100) && foreseenMs <= _waitMax[(int)lane];
}
