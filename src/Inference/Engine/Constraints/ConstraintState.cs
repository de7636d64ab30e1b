using System.Numerics;
using Jesus.Inference.Engine.Constraints.Grammars;
using Jesus.Inference.Engine.Constraints.Matching;

namespace Jesus.Inference.Engine.Constraints;

/// <summary>
/// Where one answer stands in its grammar. Reusable, one thread at a time: <see cref="Begin"/>, then for each step <see cref="FillMask"/>, sample,
/// <see cref="Advance"/>; <see cref="Reset"/> lets go of the constraint. Its buffers are kept, so a steady state allocates only new cached masks.
/// <see cref="Prepare"/> has the next mask made by another thread meanwhile.
/// </summary>
public sealed class ConstraintState : IThreadPoolWorkItem
{
    private const int Idle = 0, Queued = 1, Running = 2, Ready = 3;

    private readonly Matcher _matcher = new();
    private readonly MaskWalk _walk = new();
    private readonly MaskKey _key = new();
    private CompiledConstraint? _compiled;
    private ulong[] _ahead = [];
    private int _work;

    /// <summary>The grammar allows the answer to end here; the mask then allows the end tokens.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>Nothing is constrained at this point (free text before a tool call): every token is allowed and no mask is needed.</summary>
    public bool IsFree { get; private set; }

    /// <summary>An end token was taken, or nothing but an end token could follow.</summary>
    public bool IsFinished { get; private set; }

    /// <summary>Starts an answer. The constraint must outlive it, or <see cref="Reset"/> come first.</summary>
    public void Begin(CompiledConstraint compiled)
    {
        ArgumentNullException.ThrowIfNull(compiled);
        _ = IsPrepared();
        _compiled = compiled;
        _matcher.Begin(compiled.Grammar, compiled.Inputs);
        Look(compiled.Grammar);
    }

    /// <summary>
    /// Has the mask that <see cref="FillMask"/> will be asked for made on another thread, where it is not known yet: called when a token was taken, it is there when
    /// the forward pass that follows is over. Changes no answer; whoever needs the state before waits, or does the work if it was not begun.
    /// </summary>
    public void Prepare()
    {
        if (_compiled is not { } compiled || IsFree || IsFinished || _work != Idle)
        {
            return;
        }

        var threads = _matcher.Threads(0, _matcher.ThreadCount);
        _key.Set(compiled.Grammar, _matcher.Frames, threads, compiled.Vocabulary.Trie);
        if (InSpan(compiled.Grammar, threads) || !compiled.Masks.Has(_key.Numbers))
        {
            _ahead = _ahead.Length < compiled.Vocabulary.MaskWords ? new ulong[compiled.Vocabulary.MaskWords] : _ahead;
            Volatile.Write(ref _work, Queued);
            _ = ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    void IThreadPoolWorkItem.Execute()
    {
        if (Interlocked.CompareExchange(ref _work, Running, Queued) == Queued)
        {
            FillText(_compiled!, _ahead.AsSpan(0, _compiled!.Vocabulary.MaskWords));
            Volatile.Write(ref _work, Ready);
        }
    }

    /// <summary>Takes the state back from the other thread; true when it has made the mask.</summary>
    private bool IsPrepared()
    {
        if (_work == Idle || Interlocked.CompareExchange(ref _work, Idle, Queued) == Queued)
        {
            return false;
        }

        var wait = default(SpinWait);
        while (Volatile.Read(ref _work) == Running)
        {
            wait.SpinOnce();
        }

        _work = Idle;
        return true;
    }

    /// <summary>Sets exactly the allowed tokens' bits.</summary>
    /// <param name="allowed"><see cref="VocabularyIndex.MaskWords"/> words; overwritten.</param>
    /// <returns>How many tokens are allowed. 0 means the vocabulary cannot spell what the grammar wants: end with an error.</returns>
    public int FillMask(Span<ulong> allowed)
    {
        var compiled = _compiled ?? throw new InvalidOperationException("Begin comes before FillMask.");
        allowed = allowed[..compiled.Vocabulary.MaskWords];
        if (IsFree)
        {
            compiled.Vocabulary.FillAll(allowed);
        }
        else
        {
            if (IsPrepared())
            {
                _ahead.AsSpan(0, allowed.Length).CopyTo(allowed);
            }
            else
            {
                FillText(compiled, allowed);
            }

            FillMarkersAndEnds(compiled, allowed);
        }

        return CountOf(allowed);
    }

    /// <summary>Takes a token. False, and nothing changes, when the grammar does not allow it here.</summary>
    public bool Advance(int token)
    {
        var compiled = _compiled ?? throw new InvalidOperationException("Begin comes before Advance.");
        _ = IsPrepared();
        switch (compiled.Vocabulary.RoleOf(token))
        {
            case TokenRole.End:
                IsFinished |= IsComplete;
                return IsComplete;
            case TokenRole.Text:
                return Keep(compiled, _matcher.ThreadCount, _matcher.Frames.Top, StepText(compiled.Vocabulary.BytesOf(token)));
            case TokenRole.Control:
                return Keep(compiled, _matcher.ThreadCount, _matcher.Frames.Top, StepMarker(token));
            default:
                return false;
        }
    }

    /// <summary>Lets go of the constraint; the buffers stay.</summary>
    public void Reset()
    {
        _ = IsPrepared();
        _compiled = null;
        (IsComplete, IsFree, IsFinished) = (false, false, false);
    }

    /// <summary>The text tokens; markers and ends are added by the caller.</summary>
    private void FillText(CompiledConstraint compiled, Span<ulong> allowed)
    {
        var threads = _matcher.Threads(0, _matcher.ThreadCount);
        _key.Set(compiled.Grammar, _matcher.Frames, threads, compiled.Vocabulary.Trie);
        if (!InSpan(compiled.Grammar, threads) && compiled.Masks.TryFill(_key.Numbers, allowed))
        {
            return;
        }

        allowed.Clear();
        _matcher.HasReadInput = false;
        _walk.Fill(_matcher, compiled.Vocabulary.Trie, allowed);
        if (!_matcher.HasReadInput)
        {
            compiled.Masks.Add(_key.Numbers, allowed);
        }
    }

    private void FillMarkersAndEnds(CompiledConstraint compiled, Span<ulong> allowed)
    {
        foreach (ref readonly var thread in _matcher.Threads(0, _matcher.ThreadCount))
        {
            ref readonly var state = ref compiled.Grammar.States[thread.State];
            if (state.Kind == StateKind.Marker)
            {
                Set(allowed, state.A);
            }
        }

        if (IsComplete)
        {
            foreach (var token in compiled.Vocabulary.EndTokens)
            {
                Set(allowed, token);
            }
        }
    }

    /// <summary>Makes the set at <paramref name="next"/> the current one, or restores the old one when there is none.</summary>
    private bool Keep(CompiledConstraint compiled, int threads, int frames, int next)
    {
        if (next < 0)
        {
            _matcher.CutTo(threads, frames);
            return false;
        }

        _matcher.Keep(next);
        Look(compiled.Grammar);
        return true;
    }

    private void Look(Grammar grammar)
    {
        (IsComplete, IsFree, IsFinished) = (false, false, false);
        var goesOn = false;
        foreach (ref readonly var thread in _matcher.Threads(0, _matcher.ThreadCount))
        {
            ref readonly var state = ref grammar.States[thread.State];
            IsComplete |= state.Kind == StateKind.Accept;
            IsFree |= state.Free;
            goesOn |= state.Kind != StateKind.Accept && (state.Kind != StateKind.Plain || state.EdgeCount > 0);
        }

        IsFinished = IsComplete && !goesOn;
    }

    private int StepMarker(int token)
    {
        var end = _matcher.ThreadCount;
        return _matcher.StepMarker(0, end, token) ? end : -1;
    }

    // Steps append sets behind the current one; on failure they are cut away again.
    private int StepText(ReadOnlySpan<byte> bytes)
    {
        var (from, to) = (0, _matcher.ThreadCount);
        foreach (var value in bytes)
        {
            if (!_matcher.Step(from, to, value))
            {
                return -1;
            }

            (from, to) = (to, _matcher.ThreadCount);
        }

        return bytes.IsEmpty ? -1 : from;
    }

    private static bool InSpan(Grammar grammar, ReadOnlySpan<MatchThread> threads)
    {
        foreach (ref readonly var thread in threads)
        {
            if (grammar.States[thread.State].Kind == StateKind.Span)
            {
                return true;
            }
        }

        return false;
    }

    private static void Set(Span<ulong> allowed, int token) => allowed[token >> 6] |= 1UL << (token & 63);

    private static int CountOf(ReadOnlySpan<ulong> allowed)
    {
        var count = 0;
        foreach (var word in allowed)
        {
            count += BitOperations.PopCount(word);
        }

        return count;
    }
}
