namespace Jesus.Transport.Nats.Connecting;

/// <summary>How long to pause after every server was tried in vain.</summary>
internal static class ReconnectDelay
{
    /// <summary>Doubles with each round up to the maximum; drawn between half of it and the whole, so that a fleet cut off at once does not return at once.</summary>
    public static int NextMs(int round, NatsOptions options, ref Dice dice)
    {
        var whole = (int)Math.Min((long)options.ReconnectDelayMinMs << Math.Min(round, 20), options.ReconnectDelayMaxMs);
        return (whole / 2) + dice.Next((whole / 2) + 1);
    }
}
