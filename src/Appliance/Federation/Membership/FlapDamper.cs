namespace Jesus.Appliance.Federation.Membership;

/// <summary>
/// Makes a peer that comes and goes wait before it is trusted again: 1 s after the first time, twice as long after each further one, 60 s at most. A quiet minute takes
/// one time back. Pure.
/// </summary>
internal struct FlapDamper
{
    public const long FirstHoldMs = 1_000;
    public const long HoldMsMax = 60_000;

    /// <summary>As long as the longest hold: a peer that flaps no oftener than this never waits long.</summary>
    public const long QuietMs = 60_000;

    /// <summary>More would only make the way back longer: 2^6 s is above the longest hold already.</summary>
    private const int FlapsMax = 8;
    private long _atMs;

    public int Flaps { get; private set; }
    public long HeldUntilMs { get; private set; }

    /// <summary>The peer came back after it was missing.</summary>
    public void CameBack(long nowMs)
    {
        Calm(nowMs);
        Flaps = Math.Min(FlapsMax, Flaps + 1);
        _atMs = nowMs;
        HeldUntilMs = nowMs + Math.Min(HoldMsMax, FirstHoldMs << (Flaps - 1));
    }

    /// <summary>Forgets what is long ago.</summary>
    public void Calm(long nowMs)
    {
        while (Flaps > 0 && nowMs - _atMs >= QuietMs)
        {
            Flaps--;
            _atMs += QuietMs;
        }

        HeldUntilMs = HeldUntilMs > nowMs ? HeldUntilMs : 0;
    }
}
