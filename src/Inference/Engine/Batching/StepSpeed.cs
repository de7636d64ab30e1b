namespace Jesus.Inference.Engine.Batching;

/// <summary>
/// How fast the engine is: what a new request may expect, from what the last passes did. Pure; the loop's.
/// </summary>
internal sealed class StepSpeed
{
    /// <summary>Weight of the newest pass: about the last thirty count, which is seconds at most.</summary>
    private const double Newest = 1.0 / 16;

    /// <summary>Passes with fewer prompt rows say more about their overhead than about reading prompts.</summary>
    private const int PromptRowsMin = 16;

    /// <summary>Rows of prompts a second, of all prompts together; 0 while nothing was measured.</summary>
    public double PrefillTokensPerSecond { get; private set; }

    /// <summary>Tokens a second of one answer; 0 while nothing was measured.</summary>
    public double DecodeTokensPerSecond { get; private set; }

    /// <summary>A pass is over.</summary>
    /// <param name="promptRows">Its rows of prompts.</param>
    /// <param name="answers">Its answers, one row each.</param>
    public void Passed(int promptRows, int answers, double seconds)
    {
        if (seconds <= 0)
        {
            return;
        }

        if (promptRows >= PromptRowsMin)
        {
            PrefillTokensPerSecond = Blend(PrefillTokensPerSecond, promptRows / seconds);
        }

        if (answers > 0)
        {
            DecodeTokensPerSecond = Blend(DecodeTokensPerSecond, 1 / seconds);
        }
    }

    private static double Blend(double old, double measured) => old == 0 ? measured : old + ((measured - old) * Newest);
}
