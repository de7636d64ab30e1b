using Jesus.Inference.Engine.Constraints.Grammars;

namespace Jesus.Inference.Engine.Constraints.Matching;

/// <summary>
/// Follows a grammar byte by byte with all readings at once. Threads lie in one list; each step appends the set that follows, so a walk over the
/// vocabulary's trie goes back by cutting the list.
/// </summary>
internal sealed class Matcher
{
    private readonly FrameStack _frames = new();
    private MatchThread[] _threads = new MatchThread[256];
    private int _setStart;
    private int _jumps;
    private Grammar _grammar = null!;
    private SpanIndex[] _inputs = [];

    public FrameStack Frames => _frames;
    public int ThreadCount { get; private set; }

    /// <summary>A step read an input's text since this was last cleared: what follows from it belongs to this input alone.</summary>
    public bool HasReadInput { get; set; }

    public ReadOnlySpan<MatchThread> Threads(int from, int to) => _threads.AsSpan(from, to - from);

    /// <summary>Starts over; the first set stands at 0.</summary>
    public void Begin(Grammar grammar, SpanIndex[] inputs)
    {
        (_grammar, _inputs) = (grammar, inputs);
        ThreadCount = 0;
        _setStart = 0;
        _frames.CutTo(0);
        Land(grammar.Start, 0, -1);
    }

    public void CutTo(int threads, int frames)
    {
        ThreadCount = threads;
        _frames.CutTo(frames);
    }

    /// <summary>Appends the set that follows the set <paramref name="from"/>..<paramref name="to"/> after a byte. False when it is empty.</summary>
    public bool Step(int from, int to, byte value)
    {
        _setStart = ThreadCount;
        for (var i = from; i < to; i++)
        {
            var thread = _threads[i];
            ref readonly var state = ref _grammar.States[thread.State];
            if (state.Kind == StateKind.Span)
            {
                StepSpan(thread, state, value);
            }
            else
            {
                StepEdges(thread, state, value);
            }
        }

        return ThreadCount > _setStart;
    }

    /// <summary>Whether a thread from <paramref name="from"/> on takes any text of so many clean characters.</summary>
    public bool TakesClean(int from, int characters)
    {
        for (var i = from; i < ThreadCount; i++)
        {
            ref readonly var state = ref _grammar.States[_threads[i].State];
            if (state.Open && (!state.Counted || state.Max - _threads[i].Count >= characters))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Appends the set that follows a control token. Markers take it before free text does.</summary>
    public bool StepMarker(int from, int to, int token)
    {
        _setStart = ThreadCount;
        for (var i = from; i < to; i++)
        {
            var thread = _threads[i];
            ref readonly var state = ref _grammar.States[thread.State];
            if (state.Kind == StateKind.Marker && state.A == token)
            {
                Land(state.B, 0, thread.Frame);
            }
        }

        for (var i = from; i < to && ThreadCount == _setStart; i++)
        {
            if (_grammar.States[_threads[i].State].Free)
            {
                Land(_threads[i].State, 0, _threads[i].Frame);
            }
        }

        return ThreadCount > _setStart;
    }

    /// <summary>Makes the set <paramref name="from"/>..end the only one and drops the calls that no thread is in.</summary>
    public void Keep(int from)
    {
        _threads.AsSpan(from, ThreadCount - from).CopyTo(_threads);
        ThreadCount -= from;
        if (_frames.Top > FramesKeptMax)
        {
            CompactFrames();
        }
    }

    /// <summary>Frames are 16 bytes: past 64 KB it is time to drop the closed ones.</summary>
    private const int FramesKeptMax = 4096;

    private void CompactFrames()
    {
        var chain = new List<Frame>();
        var kept = new List<(int Thread, List<Frame> Chain)>();
        for (var i = 0; i < ThreadCount; i++)
        {
            for (var frame = _threads[i].Frame; frame >= 0; frame = _frames[frame].Parent)
            {
                chain.Add(_frames[frame]);
            }

            kept.Add((i, chain));
            chain = [];
        }

        _frames.CutTo(0);
        foreach (var (thread, frames) in kept)
        {
            var parent = -1;
            for (var i = frames.Count - 1; i >= 0; i--)
            {
                parent = _frames.Push(frames[i].Return, frames[i].Count, parent);
            }

            _threads[thread] = _threads[thread] with { Frame = parent };
        }
    }

    private void StepEdges(in MatchThread thread, in GrammarState state, byte value)
    {
        foreach (ref readonly var edge in _grammar.EdgesOf(state))
        {
            if (value < edge.Low || value > edge.High
                || ((edge.Rule & EdgeRule.NeedsMin) != 0 && thread.Count < state.Min)
                || ((edge.Rule & EdgeRule.NeedsRoom) != 0 && thread.Count >= state.Max))
            {
                continue;
            }

            Land(edge.Target, (edge.Rule & EdgeRule.Counts) != 0 ? thread.Count + 1 : thread.Count, thread.Frame);
        }
    }

    private void StepSpan(in MatchThread thread, in GrammarState state, byte value)
    {
        if (value == '"' && thread.Phase == SpanPhase.Boundary)
        {
            if (thread.Count >= state.Min)
            {
                Land(state.B, 0, thread.Frame);
            }

            return;
        }

        HasReadInput = true;
        if (SpanSteps.TryStep(_inputs[state.A], state, thread, value, out var after))
        {
            _ = Add(after);
        }
    }

    /// <summary>Arrives at a state and at all that it leads to without a byte. Bounded: jumps and calls have no cycle, and calls no more than their depth.</summary>
    private void Land(int index, int count, int frame)
    {
        ref readonly var state = ref _grammar.States[index];
        if (_frames.DepthOf(frame) + state.Need > _grammar.DepthMax || (state.Counted && count > state.Max))
        {
            return;
        }

        // Checked when the grammar was built, but for ways that meet themselves: this bounds the stack whatever they do.
        if (_jumps >= ConstraintLimits.JumpsMax)
        {
            return;
        }

        _jumps++;
        Enter(index, state.Counted ? count : 0, frame, state);
        _jumps--;
    }

    private void Enter(int index, int count, int frame, in GrammarState state)
    {
        if (state.Join && !Add(new MatchThread(index, count, frame, SpanIndex.Root, SpanPhase.Boundary)))
        {
            return;
        }

        switch (state.Kind)
        {
            case StateKind.Call:
                Land(state.A, 0, _frames.Push(state.B, count + 1, frame));
                return;
            case StateKind.Return:
                var call = _frames[frame];
                Land(call.Return, call.Count, call.Parent);
                return;
            case StateKind.Plain when state.EdgeCount == 0 || state.Join:
                break;
            default:
                _ = Add(new MatchThread(index, count, frame, SpanIndex.Root, SpanPhase.Boundary));
                break;
        }

        foreach (var jump in _grammar.JumpsOf(state))
        {
            Land(jump, count, frame);
        }
    }

    /// <summary>False when it is there already, or there are too many.</summary>
    private bool Add(in MatchThread thread)
    {
        for (var i = _setStart; i < ThreadCount; i++)
        {
            ref readonly var other = ref _threads[i];
            if (other.State == thread.State && other.Count == thread.Count && other.Span == thread.Span && other.Phase == thread.Phase
                && _frames.AreEqual(other.Frame, thread.Frame))
            {
                return false;
            }
        }

        if (ThreadCount - _setStart >= ConstraintLimits.ThreadsMax)
        {
            return false;
        }

        if (ThreadCount == _threads.Length)
        {
            Array.Resize(ref _threads, _threads.Length * 2);
        }

        _threads[ThreadCount++] = thread;
        return true;
    }
}
