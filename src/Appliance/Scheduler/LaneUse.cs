namespace Jesus.Appliance.Scheduler;

/// <summary>
/// Which part of the places that come free each lane takes, whether it waited for them or not. Time is counted in places that could come free, so that a door of long calls
/// remembers as many of them as one of short calls. Pure and not thread-safe.
/// </summary>
internal sealed class LaneUse
{
    /// <summary>Places over which it is measured.</summary>
    private const double Memory = 32;

    private readonly double[] _use = new double[3];
    private long _asOfMs;

    /// <param name="msPerPlace">How often a place comes free while all are taken; 0 is unknown.</param>
    public void Entered(Lane lane, double msPerPlace, long nowMs)
    {
        Pass(msPerPlace, nowMs);
        _use[(int)lane] += 1 / Memory;
    }

    /// <summary>0 to about 1: where the lane takes every place that could come free.</summary>
    public double Of(Lane lane, double msPerPlace, long nowMs)
    {
        Pass(msPerPlace, nowMs);
        return _use[(int)lane];
    }

    private void Pass(double msPerPlace, long nowMs)
    {
        if (nowMs > _asOfMs && msPerPlace > 0)
        {
            var kept = Math.Exp((_asOfMs - nowMs) / msPerPlace / Memory);
            for (var i = 0; i < _use.Length; i++)
            {
                _use[i] *= kept;
            }
        }

        _asOfMs = nowMs;
    }
}
