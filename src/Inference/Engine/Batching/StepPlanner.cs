using Jesus.Inference.Engine.Batching.Speculation;
using Jesus.Inference.Engine.Hosting;

namespace Jesus.Inference.Engine.Batching;

/// <summary>One sequence's part in a pass: its next rows, the last <see cref="Draft.Planned"/> of them guessed tokens.</summary>
internal readonly record struct PlannedShare(Sequence Sequence, int Rows);

/// <summary>
/// Prepares a pass: takes over what the cache holds of the prompts, guesses ahead, asks the <see cref="Batcher"/>, and rents the blocks. The loop's; allocates nothing.
/// </summary>
internal sealed class StepPlanner(Roster roster, BatchLimits limits, int logitRows, Speculator speculator, PassCosts costs, PromptPace pace, CoreShare? cores = null)
{
    private readonly SequenceLoad[] _loads = new SequenceLoad[limits.SequencesMax];
    private readonly StepShare[] _shares = new StepShare[limits.SequencesMax];
    private readonly PlannedShare[] _planned = new PlannedShare[limits.SequencesMax];
    private bool _readsPrompts;
    private int _first;
    private int _told;

    /// <summary>Rows of prompts computed, and prompt tokens found in the cache.</summary>
    public long TokensRead { get; private set; }
    public long TokensReused { get; private set; }

    /// <summary>Rows of the pass last planned that are left for texts to embed: with them no answer waits longer than for prompts.</summary>
    public int RowsLeft { get; private set; }

    /// <summary>Answers wait for the pass last planned, those of another engine included.</summary>
    public bool IsAwaited { get; private set; }

    /// <summary>The next pass; empty when nothing can be computed. Valid until the next call.</summary>
    /// <param name="textRows">Rows of texts to embed that wait: they share with the prompts, half each.</param>
    public ReadOnlySpan<PlannedShare> Plan(int textRows = 0)
    {
        var running = roster.Running.Count;
        RowsLeft = limits.StepRowsMax;
        if (running == 0)
        {
            IsAwaited = false;
            TellAnswers();
            return default;
        }

        var answers = Look();
        cores?.Tell(ref _told, answers);
        speculator.Guess(roster.Running, _loads.AsSpan(0, running), answers, textRows > 0 || _readsPrompts);

        // Answers of another engine wait for this pass just as one's own.
        IsAwaited = answers > 0 || cores?.OthersAnswer(_told) == true;
        var prompts = IsAwaited ? Math.Min(PromptRows(answers), Math.Max(0, limits.StepRowsMax - answers)) : limits.StepRowsMax;

        // Rounded up and down in turn, so that of a single row both get theirs.
        var kept = Math.Min(textRows, (prompts + (_first & 1)) / 2);
        var rows = answers > 0 ? limits.StepRowsMax : prompts;
        var budget = new PassBudget(rows - kept, prompts - kept, logitRows);
        var count = Batcher.Plan(_loads.AsSpan(0, running), _first++ % running, budget, _shares);
        RowsLeft = Left(prompts, count);
        return _planned.AsSpan(0, Reserve(count));
    }

    private int Left(int prompts, int count)
    {
        var (all, read) = (0, 0);
        foreach (var (sequence, rows) in _shares.AsSpan(0, count))
        {
            all += rows;
            read += _loads[sequence].Pending > 1 ? rows : 0;
        }

        return Math.Max(0, Math.Min(limits.StepRowsMax - all, prompts - read));
    }

    /// <summary>Nobody waits for an engine that has nothing in progress.</summary>
    public void TellAnswers()
    {
        if (roster.Running.Count == 0)
        {
            cores?.Tell(ref _told, 0);
        }
    }

    /// <summary>What each sequence has to do; answers how many decode.</summary>
    private int Look()
    {
        var answers = 0;
        _readsPrompts = false;
        for (var i = 0; i < roster.Running.Count; i++)
        {
            var sequence = roster.Running[i];
            sequence.Draft.Clear();
            var isPaused = sequence.IsPaused;
            if (!isPaused && sequence.Pending > 1 && limits.SharesPrefixes)
            {
                TokensReused += sequence.Adopt();
                isPaused = Follows(sequence, i);
            }

            _loads[i] = new SequenceLoad(sequence.Pending, isPaused) { Computed = sequence.Computed };
            answers += sequence.Pending == 1 && !isPaused ? 1 : 0;
            _readsPrompts |= sequence.Pending > 1 && !isPaused;
        }

        return answers;
    }

    /// <summary>A more urgent sequence computes the very block that this one needs next: choices of one prompt, or prompts that begin alike, are read once.</summary>
    private bool Follows(Sequence sequence, int index)
    {
        var key = sequence.NextKey;
        for (var i = 0; i < index && !key.IsNone; i++)
        {
            if (_loads[i] is { IsPaused: false, Pending: > 1 } && roster.Running[i].NextKey == key)
            {
                return true;
            }
        }

        return false;
    }

    private int PromptRows(int answers) => Math.Min(limits.PrefillRowsBesideDecode, pace.Rows(answers, costs));

    /// <summary>Rents the blocks, for the first in the plan first; who has to give way for them takes no part.</summary>
    private int Reserve(int count)
    {
        for (var i = 0; i < count; i++)
        {
            var sequence = roster.Running[_shares[i].Sequence];
            _planned[i] = new PlannedShare(sequence, _shares[i].Rows);
            sequence.Draft.Planned = sequence.Pending == 1 ? _shares[i].Rows - 1 : 0;
        }

        for (var i = 0; i < count; i++)
        {
            var (sequence, rows) = _planned[i];
            _ = sequence.IsRunning && roster.TryReserve(sequence, sequence.Computed + rows);
        }

        var kept = 0;
        for (var i = 0; i < count; i++)
        {
            if (_planned[i].Sequence.IsRunning)
            {
                _planned[kept++] = _planned[i];
                TokensRead += _planned[i].Sequence.Pending > 1 ? _planned[i].Rows : 0;
            }
        }

        return kept;
    }
}
