namespace Jesus.Inference.Engine.Batching.Speculation;

/// <summary>Whether guessed tokens are worth their rows, from what was measured: how often they are right, and what passes cost. Pure.</summary>
internal static class DraftPolicy
{
    /// <summary>What the estimate must promise: measuring is not that exact, and a guess that gains nothing is not worth a trial.</summary>
    private const double GainMin = 1.03;

    /// <summary>How many guessed tokens of one sequence to compute; 0 to leave it.</summary>
    /// <param name="acceptance">Of a token whose forerunners were right, 0 to 1.</param>
    /// <param name="guessed">Tokens at hand.</param>
    /// <param name="rows">Rows of the pass without them.</param>
    /// <param name="answers">Answers that the pass moves on by a token.</param>
    /// <param name="costs">What passes take.</param>
    public static int Length(double acceptance, int guessed, int rows, int answers, PassCosts costs)
    {
        var plain = answers / costs.Seconds(rows);
        var (best, bestRate) = (0, plain * GainMin);
        var (right, expected) = (acceptance, 0.0);
        for (var length = 1; length <= guessed; length++)
        {
            expected += right;
            right *= acceptance;
            var rate = (answers + expected) / costs.Seconds(rows + length);
            (best, bestRate) = rate > bestRate ? (length, rate) : (best, bestRate);
        }

        return best;
    }
}
