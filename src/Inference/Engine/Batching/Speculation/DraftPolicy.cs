namespace Jesus.Inference.Engine.Batching.Speculation;

/// <summary>
/// What the draft model should do in a step, and what that is worth.
/// </summary>
/// <param name="Sequences">For how many sequences to guess, those first whose guesses are right most often.</param>
/// <param name="Length">Tokens of each guess; 0: none.</param>
/// <param name="Seconds">What the pass and the guessing before it take together, for the answers as they would otherwise be: a saving when below the plain pass.</param>
internal readonly record struct DraftPlan(int Sequences, int Length, double Seconds);

/// <summary>
/// Whether guessed tokens are worth their rows, and those of the draft model their making, from what was measured: how often they are right, and what passes cost. Pure.
/// </summary>
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

    /// <summary>For how many sequences the draft model should guess how many tokens. Its passes, one a token, come before the pass that checks them.</summary>
    /// <param name="acceptances">Of each sequence that it could guess for, in descending order.</param>
    /// <param name="lengthMax">Tokens of one guess at most.</param>
    /// <param name="rowsMax">Rows that guesses may take of the pass, all together.</param>
    /// <param name="rows">Rows of the pass without them.</param>
    /// <param name="answers">Answers that the pass moves on by a token.</param>
    /// <param name="costs">What passes take.</param>
    /// <param name="draftCosts">What the draft model's passes take.</param>
    public static DraftPlan Together(
        ReadOnlySpan<double> acceptances, int lengthMax, int rowsMax, int rows, int answers, PassCosts costs, PassCosts draftCosts)
    {
        var plainSeconds = costs.Seconds(rows);
        var plain = answers / plainSeconds;
        var (best, bestRate) = (new DraftPlan(0, 0, plainSeconds), plain * GainMin);
        for (var count = 1; count <= acceptances.Length; count++)
        {
            var each = draftCosts.Seconds(count);
            for (var length = 1; length <= lengthMax && count * length <= rowsMax; length++)
            {
                var rate = (answers + Expected(acceptances[..count], length)) / (costs.Seconds(rows + (count * length)) + (length * each));
                (best, bestRate) = rate > bestRate ? (new DraftPlan(count, length, answers / rate), rate) : (best, bestRate);
            }
        }

        return best;
    }

    /// <summary>Guessed tokens that will be right: a sum of powers for each sequence.</summary>
    private static double Expected(ReadOnlySpan<double> acceptances, int length)
    {
        var expected = 0.0;
        foreach (var acceptance in acceptances)
        {
            var right = 1.0;
            for (var i = 0; i < length; i++)
            {
                right *= acceptance;
                expected += right;
            }
        }

        return expected;
    }
}
