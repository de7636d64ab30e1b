namespace Jesus.Appliance.Scheduler;

/// <summary>
/// Who waits at one candidate's door, and who is next: lanes share by weight, flows inside a lane by deficit round robin. Pure and not thread-safe; the
/// same additions and takings give the same order.
/// </summary>
public sealed class FairQueue
{
    private const int Lanes = 3;

    /// <summary>Virtual time moves by cost times this over the lane's weight; the product of usual weights keeps it whole.</summary>
    private const long Scale = 1_000;

    private readonly LaneQueue[] _lanes = [new(), new(), new()];
    private readonly int[] _weights;
    private long _now;

    public FairQueue(SchedulerOptions options) =>
        _weights = [options.InteractiveWeight, options.AgentWeight, options.BatchWeight];

    public int Count => _lanes[0].Count + _lanes[1].Count + _lanes[2].Count;

    public int CountOf(Lane lane) => _lanes[(int)lane].Count;

    /// <param name="entry">In no queue yet.</param>
    /// <param name="lane">How urgent it is.</param>
    /// <param name="flow">Whose it is.</param>
    /// <param name="cost">Tokens of the worst case.</param>
    /// <param name="isBack">It waited elsewhere for its turn in the lane, which has come.</param>
    public void Add(QueueEntry entry, Lane lane, string flow, int cost, bool isBack = false)
    {
        var queue = _lanes[(int)lane];

        // A lane that was empty has saved up nothing.
        queue.Pass = queue.Count == 0 ? Math.Max(queue.Pass, _now) : queue.Pass;
        entry.Lane = lane;
        entry.Cost = Math.Clamp(cost, 1, LaneQueue.CostMax);
        queue.Add(entry, flow, isBack);
    }

    /// <summary>Takes an entry out that no longer wants to wait.</summary>
    public void Remove(QueueEntry entry) => _lanes[(int)entry.Lane].Remove(entry);

    /// <summary>Takes out the entry that is next; null when nobody waits.</summary>
    public QueueEntry? Take()
    {
        LaneQueue? next = null;
        var weight = 1;
        for (var i = 0; i < Lanes; i++)
        {
            if (_lanes[i].Count > 0 && (next is null || _lanes[i].Pass < next.Pass))
            {
                next = _lanes[i];
                weight = _weights[i];
            }
        }

        if (next is null)
        {
            return null;
        }

        _now = next.Pass;
        return Take(next, weight);
    }

    /// <summary>Takes out the entry of one lane that is next; null when nobody of it waits. What it will use counts as its lane's all the same.</summary>
    public QueueEntry? Take(Lane lane) => CountOf(lane) == 0 ? null : Take(_lanes[(int)lane], _weights[(int)lane]);

    private static QueueEntry Take(LaneQueue lane, int weight)
    {
        var entry = lane.Take();
        lane.Pass += entry.Cost * Scale / weight;
        return entry;
    }
}
