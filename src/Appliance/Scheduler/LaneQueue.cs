namespace Jesus.Appliance.Scheduler;

/// <summary>
/// The flows of one lane, served by deficit round robin (Shreedhar and Varghese 1995): each visit gives a flow a quantum of tokens, and it is served while its
/// next entry fits. A flow with long calls gets no more tokens than one with short ones. O(1) a decision; flows are kept for reuse.
/// </summary>
internal sealed class LaneQueue
{
    /// <summary>Tokens a visit: about two usual calls, so that a turn is short.</summary>
    public const int Quantum = 4_096;

    /// <summary>A call counts at most this much, so that at most eight visits serve any entry.</summary>
    public const int CostMax = 8 * Quantum;

    private readonly Dictionary<string, FlowQueue> _waiting = new(StringComparer.Ordinal);
    private readonly Stack<FlowQueue> _spare = new();

    /// <summary>Those whose turn has come already, before all flows.</summary>
    private readonly FlowQueue _back = new();
    private FlowQueue? _turn;

    public int Count { get; private set; }

    /// <summary>Virtual time at which the lane is served next; kept by <see cref="FairQueue"/>.</summary>
    public long Pass { get; set; }

    public void Add(QueueEntry entry, string flow, bool isBack)
    {
        Count++;
        if (isBack)
        {
            _back.Add(entry);
            return;
        }

        if (!_waiting.TryGetValue(flow, out var queue))
        {
            queue = Join(flow);
        }

        queue.Add(entry);
    }

    public void Remove(QueueEntry entry)
    {
        var flow = entry.Flow!;
        flow.Remove(entry);
        Count--;
        if (flow.Head is null && flow != _back)
        {
            Leave(flow);
        }
    }

    /// <summary>The entry whose turn it is, taken out. There must be one.</summary>
    public QueueEntry Take()
    {
        if (_back.Head is { } first)
        {
            Remove(first);
            return first;
        }

        while (true)
        {
            var flow = _turn!;
            if (!flow.Visited)
            {
                flow.Visited = true;
                flow.Deficit += Quantum;
            }

            if (flow.Head!.Cost <= flow.Deficit)
            {
                flow.Deficit -= flow.Head.Cost;
                var entry = flow.Head;
                Remove(entry);
                return entry;
            }

            flow.Visited = false;
            _turn = flow.Next;
        }
    }

    private FlowQueue Join(string name)
    {
        var flow = _spare.TryPop(out var spare) ? spare : new FlowQueue();
        flow.Name = name;
        _waiting.Add(name, flow);
        if (_turn is null)
        {
            _turn = flow.Next = flow.Previous = flow;
            return flow;
        }

        // Just before the one whose turn it is: the last of the round.
        flow.Next = _turn;
        flow.Previous = _turn.Previous;
        flow.Previous.Next = flow;
        _turn.Previous = flow;
        return flow;
    }

    private void Leave(FlowQueue flow)
    {
        _turn = flow.Next == flow ? null : _turn == flow ? flow.Next : _turn;
        flow.Previous.Next = flow.Next;
        flow.Next.Previous = flow.Previous;
        flow.Deficit = 0;
        flow.Visited = false;
        _waiting.Remove(flow.Name);
        _spare.Push(flow);
    }
}
