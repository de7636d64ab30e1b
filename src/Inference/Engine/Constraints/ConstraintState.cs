namespace Jesus.Inference.Engine.Constraints;

/// <summary>
/// Where one answer stands in its grammar. Reusable: <see cref="Begin"/>, then for each step <see cref="FillMask"/>, sample,
/// <see cref="Advance"/>; <see cref="Reset"/> lets go of the constraint.
/// </summary>
public sealed class ConstraintState
{
    private CompiledConstraint? _compiled;

    /// <summary>The grammar allows the answer to end here; the mask then allows the end tokens.</summary>
    public bool IsComplete => false;

    /// <summary>Nothing is constrained at this point (free text before a tool call): every token is allowed and no mask is needed.</summary>
    public bool IsFree => _compiled is null;

    /// <summary>An end token was taken, or nothing but an end token could follow.</summary>
    public bool IsFinished => false;

    public void Begin(CompiledConstraint compiled) => _compiled = compiled;

    /// <summary>Sets exactly the allowed tokens' bits.</summary>
    /// <param name="allowed"><see cref="VocabularyIndex.MaskWords"/> words; overwritten.</param>
    /// <returns>How many tokens are allowed. 0 means the vocabulary cannot spell what the grammar wants: end with an error.</returns>
    public int FillMask(Span<ulong> allowed)
    {
        allowed.Clear();
        return 0;
    }

    /// <summary>Takes a token. False, and nothing changes, when the grammar does not allow it here.</summary>
    public bool Advance(int token) => false;

    public void Reset() => _compiled = null;
}
