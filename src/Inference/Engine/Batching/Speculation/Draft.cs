namespace Jesus.Inference.Engine.Batching.Speculation;

/// <summary>One sequence's guess at its next tokens, and how often such guesses were right. Reused by <see cref="Begin"/>.</summary>
internal sealed class Draft
{
    /// <summary>Tokens of one guess: past that, even a guess right nine times of ten gains less than half a token for its row.</summary>
    public const int TokensMax = 8;

    /// <summary>Before anything was measured: worth a try, given up after a few failures.</summary>
    private const double AcceptanceAtFirst = 0.6;

    /// <summary>Weight of the newest trial: about the last ten count.</summary>
    private const double Newest = 1.0 / 8;

    private readonly int[] _tokens = new int[TokensMax];
    private int _count;

    /// <summary>Of a guessed token whose forerunners were right: how often it is right itself.</summary>
    public double Acceptance { get; private set; }

    /// <summary>What may come next; empty when there is no guess.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, _count);

    /// <summary>Where a guess is written.</summary>
    public Span<int> Room => _tokens;

    /// <summary>How many of <see cref="Tokens"/> the pass under way computes.</summary>
    public int Planned { get; set; }

    public void Begin()
    {
        Acceptance = AcceptanceAtFirst;
        Clear();
    }

    public void Clear() => (_count, Planned) = (0, 0);

    public void Set(int count) => (_count, Planned) = (count, 0);

    /// <summary>
    /// A guessed token met the one drawn. Guesses that were not computed are compared too, at no cost: that is how a sequence finds back to speculation.
    /// </summary>
    public void Met(bool isRight) => Acceptance += ((isRight ? 1 : 0) - Acceptance) * Newest;
}
