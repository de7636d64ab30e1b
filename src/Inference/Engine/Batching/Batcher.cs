using Jesus.Inference.Engine.KvCache;

namespace Jesus.Inference.Engine.Batching;

/// <summary>What the batcher knows of one sequence.</summary>
/// <param name="Pending">Tokens whose keys and values are not computed yet; one for a sequence that decodes, more for one whose prompt is being read.</param>
/// <param name="IsPaused">It takes no part: its reader is behind, it is held, or another computes what it needs next.</param>
internal readonly record struct SequenceLoad(int Pending, bool IsPaused)
{
    /// <summary>Guessed tokens that are worth computing behind its one.</summary>
    public int Drafts { get; init; }

    /// <summary>Tokens computed.</summary>
    public int Computed { get; init; }
}

/// <summary>How many rows of the next pass a sequence gets; it is sampled when they reach its last token.</summary>
internal readonly record struct StepShare(int Sequence, int Rows);

/// <summary>What a pass may hold.</summary>
/// <param name="Rows">All rows.</param>
/// <param name="PromptRows">Rows of prompts where answers wait for the pass.</param>
/// <param name="LogitRows">Rows with logits: one a sequence, and one for each draft.</param>
internal readonly record struct PassBudget(int Rows, int PromptRows, int LogitRows);

/// <summary>
/// Chooses the sequences of the next forward pass. Every answer that decodes gets its row first, so it never waits for more than one pass; then come drafts; what is
/// left goes to prompts, in chunks: half to the most urgent, so that it comes to its end, the rest to the shortest first, so that a short prompt does not wait for a
/// long one. Pure.
/// </summary>
internal static class Batcher
{
    /// <param name="sequences">The most urgent first.</param>
    /// <param name="first">Where decoding begins to be served; the caller moves it on, so that more sequences than rows take turns.</param>
    /// <param name="budget">What the pass may hold.</param>
    /// <param name="shares">Room for one entry a sequence.</param>
    /// <returns>Entries written.</returns>
    public static int Plan(ReadOnlySpan<SequenceLoad> sequences, int first, PassBudget budget, Span<StepShare> shares)
    {
        var count = 0;
        for (var i = 0; i < sequences.Length && count < budget.Rows; i++)
        {
            var index = (first + i) % sequences.Length;
            if (sequences[index] is { Pending: 1, IsPaused: false })
            {
                shares[count++] = new StepShare(index, 1);
            }
        }

        var prompts = count == 0 ? budget.Rows : Math.Min(budget.PromptRows, budget.Rows - count);
        var decoding = shares[..count];
        count += PlanPrompts(sequences, prompts, shares[count..]);
        AddDrafts(sequences, decoding, budget.Rows - Sum(shares[..count]), budget.LogitRows - count);
        return count;
    }

    private static void AddDrafts(ReadOnlySpan<SequenceLoad> sequences, Span<StepShare> decoding, int rows, int logitRows)
    {
        var room = Math.Min(rows, logitRows);
        foreach (ref var share in decoding)
        {
            var drafts = Math.Clamp(sequences[share.Sequence].Drafts, 0, Math.Max(0, room));
            share = share with { Rows = 1 + drafts };
            room -= drafts;
        }
    }

    private static int PlanPrompts(ReadOnlySpan<SequenceLoad> sequences, int rows, Span<StepShare> shares)
    {
        var count = 0;
        var head = NextPrompt(sequences, 0);
        if (head < 0 || rows <= 0)
        {
            return 0;
        }

        var isAlone = NextPrompt(sequences, head + 1) < 0;
        rows -= Add(sequences, head, isAlone ? rows : (rows + 1) / 2, shares, ref count);
        while (rows > 0 && Shortest(sequences, shares[..count]) is >= 0 and var next)
        {
            var taken = Add(sequences, next, rows, shares, ref count);
            rows -= taken;
        }

        // What the others left is the head's again.
        if (rows > 0)
        {
            shares[0] = shares[0] with { Rows = Chunk(sequences[head], shares[0].Rows + rows) };
        }

        return count;
    }

    private static int Add(ReadOnlySpan<SequenceLoad> sequences, int index, int rows, Span<StepShare> shares, ref int count)
    {
        var chunk = Chunk(sequences[index], rows);
        shares[count++] = new StepShare(index, chunk);
        return chunk;
    }

    /// <summary>Chunks end with a KV block where they can: full blocks are shared, and what others computed meanwhile can be taken over from there.</summary>
    private static int Chunk(in SequenceLoad prompt, int rows)
    {
        var chunk = Math.Min(rows, prompt.Pending);
        var beyond = (prompt.Computed + chunk) % KvBlockPool.BlockPositions;
        return chunk == prompt.Pending || chunk <= beyond ? chunk : chunk - beyond;
    }

    private static int NextPrompt(ReadOnlySpan<SequenceLoad> sequences, int from)
    {
        for (var index = from; index < sequences.Length; index++)
        {
            if (sequences[index] is { Pending: > 1, IsPaused: false })
            {
                return index;
            }
        }

        return -1;
    }

    private static int Shortest(ReadOnlySpan<SequenceLoad> sequences, ReadOnlySpan<StepShare> planned)
    {
        var shortest = -1;
        for (var index = NextPrompt(sequences, 0); index >= 0; index = NextPrompt(sequences, index + 1))
        {
            if (!IsPlanned(planned, index) && (shortest < 0 || sequences[index].Pending < sequences[shortest].Pending))
            {
                shortest = index;
            }
        }

        return shortest;
    }

    private static bool IsPlanned(ReadOnlySpan<StepShare> planned, int sequence)
    {
        foreach (var share in planned)
        {
            if (share.Sequence == sequence)
            {
                return true;
            }
        }

        return false;
    }

    private static int Sum(ReadOnlySpan<StepShare> shares)
    {
        var rows = 0;
        foreach (var share in shares)
        {
            rows += share.Rows;
        }

        return rows;
    }
}
