using Jesus.Inference.Engine.Batching.Speculation;

namespace Jesus.Inference.Engine.Batching;

/// <summary>
/// How many rows a pass takes on that reads prompts beside running answers, so that it ends within so many seconds. Follows what such passes took: fewer rows at once
/// when one took too long, more by and by when they end early, since rows cost more the longer their contexts are and the busier the machine is. Pure; the loop's.
/// </summary>
internal sealed class PromptPace(double seconds)
{
    /// <summary>Growth from one pass to the next: what it took may have been luck.</summary>
    private const double Growth = 1.25;

    /// <summary>A pass with fewer rows than this share of the limit was not held back by it and says nothing of more.</summary>
    private const double Tried = 0.9;

    /// <summary>Rows of prompts that a pass takes at least: a prompt that is never read is worse than a pass that is late.</summary>
    private const int RowsMin = 4;

    private double _rows;

    /// <summary>Rows of prompts beside this many answers' rows.</summary>
    /// <param name="costs">What passes took, for the first that reads beside answers.</param>
    public int Rows(int answers, PassCosts costs)
    {
        if (_rows == 0 && costs.SecondsPerRow == 0)
        {
            return BatchLimits.PrefillRowsAtFirst;
        }

        var rows = _rows == 0 ? Math.Min(BatchLimits.PrefillRowsAtFirst, seconds / costs.SecondsPerRow) : _rows;
        return Math.Max(RowsMin, (int)rows - answers);
    }

    /// <summary>A pass that read prompts beside answers is over.</summary>
    /// <param name="rows">All its rows.</param>
    public void Passed(int rows, double took)
    {
        if (took <= 0)
        {
            return;
        }

        var fitting = rows * seconds / took;
        if (_rows == 0)
        {
            _rows = Math.Min(fitting, rows * Growth);
        }
        else if (took > seconds)
        {
            _rows = Math.Min(_rows, fitting);
        }
        else if (rows >= _rows * Tried)
        {
            _rows = Math.Max(_rows, Math.Min(fitting, _rows * Growth));
        }
    }
}
