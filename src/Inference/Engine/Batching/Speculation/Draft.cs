namespace Jesus.Inference.Engine.Batching.Speculation;

/// <summary>Who guessed.</summary>
internal enum DraftSource : byte
{
    None,
    Lookup,
    Model,
}

/// <summary>One sequence's guess at its next tokens, and how often such guesses were right. Reused by <see cref="Begin"/>.</summary>
internal sealed class Draft
{
    /// <summary>Tokens of one guess: past that, even a guess right nine times of ten gains less than half a token for its row.</summary>
    public const int TokensMax = 8;

    private const int Nothing = -1;

    private readonly int[] _tokens = new int[TokensMax];
    private int _count;
    private int _passedOver = Nothing;
    private Acceptance? _ofAll;

    /// <summary>How often the text's own repetitions were right.</summary>
    public Acceptance Lookup { get; } = new(Acceptance.OfOne);

    /// <summary>How often the draft model was.</summary>
    public Acceptance Model { get; } = new(Acceptance.OfOne);

    /// <summary>Whose guess <see cref="Tokens"/> is.</summary>
    public DraftSource Source { get; private set; }

    /// <summary>What may come next; empty when there is no guess.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, _count);

    /// <summary>Where a guess is written.</summary>
    public Span<int> Room => _tokens;

    /// <summary>How many of <see cref="Tokens"/> the pass under way computes.</summary>
    public int Planned { get; set; }

    public void Begin()
    {
        Lookup.Begin();
        Model.Begin();
        Clear();
    }

    public void Clear() => (_count, Planned, _passedOver, _ofAll, Source) = (0, 0, Nothing, null, DraftSource.None);

    /// <summary>A guess by lookup stands in <see cref="Room"/>.</summary>
    public void Set(int count)
    {
        Clear();
        (_count, Source) = (count, count > 0 ? DraftSource.Lookup : DraftSource.None);
    }

    /// <summary>
    /// The draft model guesses one token more. The first takes the place of what lookup had, whose first token is remembered to see whether it would have been right.
    /// </summary>
    /// <param name="ofAll">Told what became of it too: the model's share over all sequences.</param>
    public void Add(int token, Acceptance ofAll)
    {
        if (Source != DraftSource.Model)
        {
            var passedOver = Source == DraftSource.Lookup ? _tokens[0] : Nothing;
            Clear();
            (Source, _passedOver, _ofAll) = (DraftSource.Model, passedOver, ofAll);
        }

        _tokens[_count++] = token;
    }

    /// <summary>
    /// A token was drawn where the guess has its token of this index, all before it having been right; true when it is the one. Guesses that were not computed are
    /// compared too, at no cost: that is how a sequence finds back to speculation.
    /// </summary>
    public bool Meets(int index, int token)
    {
        var isRight = _tokens[index] == token;
        if (Source == DraftSource.Lookup)
        {
            Lookup.Met(isRight);
            return isRight;
        }

        Model.Met(isRight);
        _ofAll?.Met(isRight);
        if (index == 0 && _passedOver != Nothing)
        {
            Lookup.Met(_passedOver == token);
        }

        return isRight;
    }
}
