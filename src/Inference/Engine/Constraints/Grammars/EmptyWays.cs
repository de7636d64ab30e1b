namespace Jesus.Inference.Engine.Constraints.Grammars;

/// <summary>What is wrong with the ways of a grammar that take no byte.</summary>
internal enum EmptyWayProblem : byte
{
    None,

    /// <summary>A state reaches itself: a $ref, or a rule, that leads straight back to itself.</summary>
    Cycle,

    /// <summary>A rule calls itself before it takes a byte.</summary>
    LeftRecursion,

    /// <summary>More than <see cref="ConstraintLimits.JumpsMax"/> in a row.</summary>
    TooLong,
}

/// <summary>
/// Walks the ways that take no byte: jumps, calls, and what follows a call whose rule may be empty. The matcher follows them to their ends each time, so none may
/// come back to where it began, unless it meets itself in a <see cref="GrammarState.Join"/> with the same calls open.
/// </summary>
internal sealed class EmptyWays
{
    private const int Open = 1, Closed = 2;
    private readonly Grammar _grammar;
    private readonly bool[] _mayBeEmpty;
    private readonly byte[] _marks;
    private readonly int[] _lengths;
    private readonly Stack<(int State, int Next, bool Calls)> _path = new();

    private EmptyWays(Grammar grammar)
    {
        _grammar = grammar;
        _mayBeEmpty = FindEmpty(grammar);
        _marks = new byte[grammar.States.Length];
        _lengths = new int[grammar.States.Length];
    }

    public static EmptyWayProblem Check(Grammar grammar)
    {
        var ways = new EmptyWays(grammar);
        var problem = EmptyWayProblem.None;
        for (var root = 0; root < grammar.States.Length && problem == EmptyWayProblem.None; root++)
        {
            problem = ways._marks[root] == 0 ? ways.Visit(root) : problem;
        }

        return problem;
    }

    // Depth first with an own stack: a chain of jumps may be as long as the grammar.
    private EmptyWayProblem Visit(int root)
    {
        _marks[root] = Open;
        _path.Push((root, 0, false));
        while (_path.TryPop(out var at))
        {
            var next = Successor(at.State, at.Next, out var calls);
            if (next < 0)
            {
                _marks[at.State] = Closed;
                if (_path.TryPeek(out var before))
                {
                    _lengths[before.State] = Math.Max(_lengths[before.State], _lengths[at.State] + 1);
                }

                if (_lengths[at.State] > ConstraintLimits.JumpsMax)
                {
                    return EmptyWayProblem.TooLong;
                }

                continue;
            }

            _path.Push((at.State, at.Next + 1, calls));
            if (_marks[next] == Open && ProblemOf(next) is not EmptyWayProblem.None and var problem)
            {
                return problem;
            }

            if (_marks[next] == 0)
            {
                _marks[next] = Open;
                _path.Push((next, 0, false));
            }
            else if (_marks[next] == Closed)
            {
                _lengths[at.State] = Math.Max(_lengths[at.State], _lengths[next] + 1);
            }
        }

        return EmptyWayProblem.None;
    }

    /// <summary>The way from <paramref name="again"/> to the path's end leads back to it.</summary>
    private EmptyWayProblem ProblemOf(int again)
    {
        var joins = false;
        foreach (var (state, _, calls) in _path)
        {
            if (calls)
            {
                return EmptyWayProblem.LeftRecursion;
            }

            joins |= _grammar.States[state].Join;
            if (state == again)
            {
                break;
            }
        }

        return joins ? EmptyWayProblem.None : EmptyWayProblem.Cycle;
    }

    private int Successor(int index, int which, out bool calls)
    {
        ref readonly var state = ref _grammar.States[index];
        calls = state.Kind == StateKind.Call && which == 0;
        if (state.Kind == StateKind.Call)
        {
            return calls ? state.A : which == 1 && _mayBeEmpty[state.A] ? state.B : -1;
        }

        return which < state.JumpCount ? _grammar.Jumps[state.FirstJump + which] : -1;
    }

    /// <summary>From which states a rule's return, or the end, can be reached without a byte.</summary>
    private static bool[] FindEmpty(Grammar grammar)
    {
        var before = new List<int>?[grammar.States.Length];
        var open = new Stack<int>();
        var mayBeEmpty = new bool[grammar.States.Length];
        for (var index = 0; index < before.Length; index++)
        {
            ref readonly var state = ref grammar.States[index];
            if (state.Kind is StateKind.Return or StateKind.Accept)
            {
                mayBeEmpty[index] = true;
                open.Push(index);
            }

            if (state.Kind == StateKind.Call)
            {
                (before[state.A] ??= []).Add(index);
                (before[state.B] ??= []).Add(index);
            }

            foreach (var jump in grammar.JumpsOf(state))
            {
                (before[jump] ??= []).Add(index);
            }
        }

        while (open.TryPop(out var reached))
        {
            foreach (var index in before[reached] ?? [])
            {
                ref readonly var state = ref grammar.States[index];
                if (!mayBeEmpty[index] && (state.Kind != StateKind.Call || (mayBeEmpty[state.A] && mayBeEmpty[state.B])))
                {
                    mayBeEmpty[index] = true;
                    open.Push(index);
                }
            }
        }

        return mayBeEmpty;
    }
}
