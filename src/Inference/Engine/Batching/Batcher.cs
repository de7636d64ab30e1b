namespace Jesus.Inference.Engine.Batching;

/// <summary>What the batcher knows of one sequence.</summary>
/// <param name="Pending">Tokens whose keys and values are not computed yet; one for a sequence that decodes, more for one whose prompt is being read.</param>
/// <param name="IsPaused">Its reader is behind: it takes no part.</param>
internal readonly record struct SequenceLoad(int Pending, bool IsPaused);

/// <summary>How many rows of the next pass a sequence gets; it is sampled when they reach its last token.</summary>
internal readonly record struct StepShare(int Sequence, int Rows);

/// <summary>
/// Chooses the sequences of the next forward pass: every answer that decodes gets its row first, so it never waits for more than one pass; what is
/// left of the pass goes to prompts in the order of their arrival, in chunks. Pure.
/// </summary>
internal static class Batcher
{
    /// <param name="sequences">In order of arrival.</param>
    /// <param name="first">Where decoding begins to be served; the caller moves it on, so that more sequences than rows take turns.</param>
    /// <param name="limits">Rows of a pass.</param>
    /// <param name="shares">Room for one entry a sequence.</param>
    /// <returns>Entries written.</returns>
    public static int Plan(ReadOnlySpan<SequenceLoad> sequences, int first, BatchLimits limits, Span<StepShare> shares)
    {
        var count = 0;
        for (var i = 0; i < sequences.Length && count < limits.StepRowsMax; i++)
        {
            var index = (first + i) % sequences.Length;
            if (sequences[index] is { Pending: 1, IsPaused: false })
            {
                shares[count++] = new StepShare(index, 1);
            }
        }

        var rows = count == 0 ? limits.StepRowsMax : Math.Min(limits.PrefillRowsBesideDecode, limits.StepRowsMax - count);
        for (var index = 0; index < sequences.Length && rows > 0; index++)
        {
            if (sequences[index] is { Pending: > 1, IsPaused: false } prompt)
            {
                var share = Math.Min(rows, prompt.Pending);
                shares[count++] = new StepShare(index, share);
                rows -= share;
            }
        }

        return count;
    }
}
