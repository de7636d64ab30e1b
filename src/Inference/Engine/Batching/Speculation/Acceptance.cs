namespace Jesus.Inference.Engine.Batching.Speculation;

/// <summary>How often guesses were right lately: of guessed tokens whose forerunners were right, the share that was right itself.</summary>
/// <param name="newest">Weight of the newest trial: 1/8 lets about the last ten count.</param>
internal sealed class Acceptance(double newest)
{
    /// <summary>Before anything was measured: worth a try, given up after a few failures.</summary>
    public const double AtFirst = 0.6;

    /// <summary>Weight of the newest guess of one sequence.</summary>
    public const double OfOne = 1.0 / 8;

    /// <summary>0 to 1.</summary>
    public double Share { get; private set; } = AtFirst;

    public void Begin(double share = AtFirst) => Share = share;

    public void Met(bool isRight) => Share += ((isRight ? 1 : 0) - Share) * newest;
}
