namespace Jesus.Appliance.Router;

/// <summary>Keeps hedges to a share of a route's calls. Thread-safe.</summary>
public sealed class HedgeCount(int maxPercent)
{
    /// <summary>Older calls count less and less: the share holds over about this many.</summary>
    private const int Remembered = 1_000;

    private readonly Lock _gate = new();
    private int _calls;
    private int _hedges;

    /// <summary>A call of the route began.</summary>
    public void Called()
    {
        lock (_gate)
        {
            if (++_calls >= Remembered)
            {
                _calls /= 2;
                _hedges /= 2;
            }
        }
    }

    /// <summary>Takes leave for one hedge; the first is always within the share.</summary>
    public bool TryTake()
    {
        lock (_gate)
        {
            if (_hedges * 100 > _calls * maxPercent || (_hedges + 1) * 100 > Math.Max(_calls * maxPercent, 100))
            {
                return false;
            }

            _hedges++;
            return true;
        }
    }
}
