namespace Jesus.Inference.Engine.Hosting;

/// <summary>
/// The cores among the engines of a box. Passes whose threads together are more than the cores take turns, in the order in which they came: two teams on the same cores would
/// at each of their hundreds of barriers wait, spinning, for a thread that the other's holds off its core. While another engine's answers wait for their turn, an engine reads
/// prompts in pieces as small as if they were its own (<see cref="Batching.BatchLimits.StallMs"/>). Any thread; allocates nothing.
/// </summary>
public sealed class CoreShare(int cores)
{
    private readonly object _gate = new();
    private long _nextTicket;
    private long _admitted;
    private int _taken;
    private int _answers;

    /// <summary>Waits until the cores for so many threads are free and it is the caller's turn.</summary>
    public void Enter(int threads)
    {
        lock (_gate)
        {
            var wanted = Math.Min(threads, cores);
            for (var ticket = _nextTicket++; ticket != _admitted || (_taken > 0 && _taken + wanted > cores);)
            {
                _ = Monitor.Wait(_gate);
            }

            _admitted++;
            _taken += wanted;
            Monitor.PulseAll(_gate);
        }
    }

    public void Leave(int threads)
    {
        lock (_gate)
        {
            _taken -= Math.Min(threads, cores);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>An engine's answers in progress changed from <paramref name="told"/>, which becomes the new number.</summary>
    public void Tell(ref int told, int answers)
    {
        if (told != answers)
        {
            _ = Interlocked.Add(ref _answers, answers - told);
            told = answers;
        }
    }

    /// <summary>Whether others than the one who told this have answers in progress.</summary>
    public bool OthersAnswer(int told) => Volatile.Read(ref _answers) > told;
}
