namespace Jesus.Appliance.Federation.Membership;

/// <summary>So many a second and so many at once. Pure.</summary>
internal struct RateBucket
{
    private readonly double _perSecond;
    private readonly double _burst;
    private double _tokens;
    private long _atMs;

    public RateBucket(double perSecond, double burst) => (_perSecond, _burst, _tokens, _atMs) = (perSecond, burst, burst, long.MinValue);

    public bool TryTake(long nowMs)
    {
        if (_atMs != long.MinValue && nowMs > _atMs)
        {
            _tokens = Math.Min(_burst, _tokens + ((nowMs - _atMs) * _perSecond / 1_000));
        }

        _atMs = Math.Max(_atMs, nowMs);
        if (_tokens < 1)
        {
            return false;
        }

        _tokens--;
        return true;
    }
}
