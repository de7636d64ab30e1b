using Jesus.Inference.Engine.KvCache;
using Jesus.Inference.Engine.Tokenizers;

namespace Jesus.Inference.Engine.Batching;

/// <summary>
/// Who runs, who waits, and who gives way when places or KV blocks run out. Blocks are rented as tokens come, so more answers run than their largest lengths would
/// allow; when the pool is empty the least urgent gives its blocks back, keeps its tokens and is computed again later. Decides by ranks and counts alone.
/// </summary>
internal sealed class Roster(Tokenizer tokenizer, KvBlockPool pool, int sequencesMax)
{
    private readonly List<Sequence> _running = [];
    private readonly List<Sequence> _evicted = [];
    private readonly List<Generation> _waiting = [];
    private readonly Stack<Sequence> _spare = [];
    private (Rank Who, long Returns, int Running, int Paused) _refused;

    /// <summary>Those that take part, the most urgent first.</summary>
    public IReadOnlyList<Sequence> Running => _running;

    /// <summary>Those that wait for their first step, the most urgent first.</summary>
    public IReadOnlyList<Generation> Waiting => _waiting;

    /// <summary>Those that gave way or were told to, the most urgent first.</summary>
    public IReadOnlyList<Sequence> Evicted => _evicted;

    /// <summary>Blocks that those who run will rent until all their tokens and the next one fit.</summary>
    public int BlocksSpoken
    {
        get
        {
            var spoken = 0;
            foreach (var running in _running)
            {
                spoken += running.Missing;
            }

            return spoken;
        }
    }

    /// <summary>How often an answer gave way.</summary>
    public long Preemptions { get; private set; }

    /// <summary>Puts a request among those that wait.</summary>
    public void Accept(Generation generation)
    {
        var at = _waiting.Count;
        while (at > 0 && _waiting[at - 1].Rank.CompareTo(generation.Rank) > 0)
        {
            at--;
        }

        _waiting.Insert(at, generation);
    }

    /// <summary>
    /// Lets the most urgent one in that waits: a new one, or one that gave way. It alone is looked at: where it does not fit, those behind it wait too, so that a
    /// long request is not passed over for ever.
    /// </summary>
    /// <param name="isNew">It has not run before.</param>
    public Sequence? Admit(out bool isNew)
    {
        var evicted = FirstFree(_evicted);
        var waiting = FirstFree(_waiting);
        isNew = evicted is null || (waiting is not null && waiting.Rank.CompareTo(evicted.Generation.Rank) < 0);
        var generation = isNew ? waiting : evicted!.Generation;
        if (generation is null || _refused == (generation.Rank, pool.Returns, _running.Count, PausedCount))
        {
            return null;
        }

        var sequence = isNew ? Prepare(generation) : evicted!;
        if (!TryMakeRoom(sequence))
        {
            sequence.Evict();
            if (isNew)
            {
                PutAway(sequence);
            }

            _refused = (generation.Rank, pool.Returns, _running.Count, PausedCount);
            return null;
        }

        Insert(_running, sequence);
        sequence.IsRunning = true;
        _ = _evicted.Remove(sequence);
        if (isNew && ++generation.ChoicesStarted == generation.Choices)
        {
            _ = _waiting.Remove(generation);
        }

        generation.ChoicesRunning += isNew ? 1 : 0;
        return sequence;
    }

    /// <summary>
    /// Blocks for the sequence's first positions; false where it had to give its own back. Who is paused gives way first, then the least urgent.
    /// </summary>
    public bool TryReserve(Sequence sequence, int positions)
    {
        while (!sequence.TryReserve(positions))
        {
            var victim = LeastUrgent(sequence);
            Evict(victim);
            if (victim == sequence)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Looks again at what did not fit: nothing could be computed, so whoever holds places and blocks does not use them.</summary>
    public void Retry() => _refused = default;

    /// <summary>Takes those out that were told to give their blocks back.</summary>
    public void EvictHeld()
    {
        for (var i = _running.Count - 1; i >= 0; i--)
        {
            if (_running[i].Generation.Hold == Hold.Evicted)
            {
                Evict(_running[i]);
            }
        }
    }

    /// <summary>Takes those out that are paused, for others that need their blocks.</summary>
    public void EvictPaused()
    {
        for (var i = _running.Count - 1; i >= 0; i--)
        {
            if (_running[i].IsPaused)
            {
                Evict(_running[i]);
            }
        }
    }

    /// <summary>One answer is over.</summary>
    public void Release(Sequence sequence)
    {
        _ = _running.Remove(sequence);
        _ = _evicted.Remove(sequence);
        sequence.IsRunning = false;
        sequence.Generation.ChoicesRunning--;
        PutAway(sequence);
    }

    /// <summary>Everything of one request is over.</summary>
    public void Release(Generation generation)
    {
        Release(generation, _running);
        Release(generation, _evicted);
        _ = _waiting.Remove(generation);
    }

    private void Release(Generation generation, List<Sequence> sequences)
    {
        for (var i = sequences.Count - 1; i >= 0; i--)
        {
            if (sequences[i].Generation == generation)
            {
                Release(sequences[i]);
            }
        }
    }

    private void Evict(Sequence sequence)
    {
        _ = _running.Remove(sequence);
        sequence.IsRunning = false;
        sequence.Evict();
        Insert(_evicted, sequence);
        Preemptions++;
    }

    private int PausedCount
    {
        get
        {
            var paused = 0;
            foreach (var running in _running)
            {
                paused += running.IsPaused ? 1 : 0;
            }

            return paused;
        }
    }

    private Sequence Prepare(Generation generation)
    {
        var sequence = _spare.Count > 0 ? _spare.Pop() : new Sequence(tokenizer, pool);
        sequence.Begin(generation, generation.ChoicesStarted);
        return sequence;
    }

    private void PutAway(Sequence sequence)
    {
        sequence.End();
        _spare.Push(sequence);
    }

    /// <summary>A place and blocks for all its tokens, if need be those of paused or of less urgent ones of lower lanes.</summary>
    private bool TryMakeRoom(Sequence sequence)
    {
        while (_running.Count == sequencesMax)
        {
            if (!TryEvictFor(sequence.Generation))
            {
                return false;
            }
        }

        _ = sequence.Adopt();
        while (!Fits(sequence))
        {
            if (!TryEvictFor(sequence.Generation))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Each that runs may need a block with its next token: room that holds for one pass only would be thrown away again.</summary>
    private bool Fits(Sequence sequence) => _running.Count == 0 || _running.Count + sequence.Missing + BlocksSpoken <= pool.Free;

    private bool TryEvictFor(Generation generation)
    {
        for (var i = _running.Count - 1; i >= 0; i--)
        {
            if (_running[i].IsPaused || IsBehind(_running[i].Generation, generation))
            {
                Evict(_running[i]);
                return true;
            }
        }

        return false;
    }

    /// <summary>The total order of ranks keeps two from taking turns at each other's place.</summary>
    private static bool IsBehind(Generation running, Generation candidate) =>
        running.Priority > candidate.Priority && running.Rank.CompareTo(candidate.Rank) > 0;

    /// <summary>Whose blocks are taken when <paramref name="asking"/> finds none: itself where nobody is paused or less urgent.</summary>
    private Sequence LeastUrgent(Sequence asking)
    {
        for (var i = _running.Count - 1; i >= 0; i--)
        {
            if (_running[i] != asking && !_running[i].Blocks.IsEmpty && _running[i].IsPaused)
            {
                return _running[i];
            }
        }

        for (var i = _running.Count - 1; i >= 0; i--)
        {
            if (_running[i] == asking || !_running[i].Blocks.IsEmpty)
            {
                return _running[i];
            }
        }

        return asking;
    }

    private static Sequence? FirstFree(List<Sequence> sequences)
    {
        foreach (var sequence in sequences)
        {
            if (!sequence.IsPaused)
            {
                return sequence;
            }
        }

        return null;
    }

    private static Generation? FirstFree(List<Generation> generations)
    {
        foreach (var generation in generations)
        {
            if (generation.Hold == Hold.None)
            {
                return generation;
            }
        }

        return null;
    }

    private static void Insert(List<Sequence> sequences, Sequence sequence)
    {
        var at = sequences.Count;
        while (at > 0 && Compare(sequences[at - 1], sequence) > 0)
        {
            at--;
        }

        sequences.Insert(at, sequence);
    }

    private static int Compare(Sequence one, Sequence other)
    {
        var order = one.Generation.Rank.CompareTo(other.Generation.Rank);
        return order != 0 ? order : one.Choice.CompareTo(other.Choice);
    }
}
