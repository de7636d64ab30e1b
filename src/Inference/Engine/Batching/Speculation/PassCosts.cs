namespace Jesus.Inference.Engine.Batching.Speculation;

/// <summary>
/// What a pass of so many rows takes, from those measured: small passes each by itself, since reading the weights dominates them; larger ones by their slope. Pure.
/// </summary>
internal sealed class PassCosts
{
    /// <summary>Passes up to this many rows are kept apart.</summary>
    private const int RowsApart = 48;

    /// <summary>Weight of the newest pass.</summary>
    private const double Newest = 1.0 / 8;

    /// <summary>Share of a one-row pass that each further row costs, while nothing else was measured: between a machine bound by memory and one by arithmetic.</summary>
    private const double SlopeAtFirst = 0.08;

    /// <summary>Passes with fewer rows say more about reading the weights than about rows.</summary>
    private const int RowsTelling = 16;

    private readonly double[] _seconds = new double[RowsApart + 1];

    /// <summary>Seconds of a further row in a large pass; 0 while none was measured.</summary>
    public double SecondsPerRow { get; private set; }

    /// <summary>Small passes were measured: what <see cref="Seconds"/> answers are seconds.</summary>
    public bool IsKnown { get; private set; }

    /// <summary>A pass is over.</summary>
    public void Passed(int rows, double seconds)
    {
        if (seconds <= 0 || rows < 1)
        {
            return;
        }

        if (rows <= RowsApart)
        {
            _seconds[rows] = Blend(_seconds[rows], seconds, Newest);
            IsKnown = true;
        }

        if (rows >= RowsTelling)
        {
            // Slower at once, faster by and by.
            var row = RowOf(rows, seconds);
            SecondsPerRow = Blend(SecondsPerRow, row, row > SecondsPerRow ? 0.5 : Newest);
        }
    }

    /// <summary>Seconds of a pass of this many rows; of an arbitrary unit while nothing was measured.</summary>
    public double Seconds(int rows)
    {
        var below = Nearest(Math.Min(rows, RowsApart));
        if (below == 0)
        {
            var above = NearestAbove(Math.Min(rows, RowsApart));
            return above == 0 ? 1 + (SlopeAtFirst * rows) : _seconds[above] / Grown(above) * Grown(rows);
        }

        if (below == rows)
        {
            return _seconds[below];
        }

        var next = NearestAbove(below + 1);
        var slope = next > 0 ? Math.Max(0, (_seconds[next] - _seconds[below]) / (next - below))
            : SecondsPerRow > 0 ? SecondsPerRow : _seconds[below] / Grown(below) * SlopeAtFirst;
        return _seconds[below] + (slope * (rows - below));
    }

    /// <summary>What a row took beyond a pass of few rows; without one to compare, its share, which errs towards smaller passes.</summary>
    private double RowOf(int rows, double seconds)
    {
        var few = NearestAbove(1);
        return few > 0 && few <= rows / 2 ? Math.Max(seconds / rows / 8, (seconds - _seconds[few]) / (rows - few)) : seconds / rows;
    }

    private static double Grown(int rows) => 1 + (SlopeAtFirst * rows);

    private static double Blend(double old, double measured, double newest) => old == 0 ? measured : old + ((measured - old) * newest);

    private int Nearest(int rows)
    {
        while (rows > 0 && _seconds[rows] == 0)
        {
            rows--;
        }

        return rows;
    }

    private int NearestAbove(int rows)
    {
        for (; rows <= RowsApart; rows++)
        {
            if (_seconds[Math.Max(1, rows)] > 0)
            {
                return Math.Max(1, rows);
            }
        }

        return 0;
    }
}
