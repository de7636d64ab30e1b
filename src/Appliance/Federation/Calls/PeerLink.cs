namespace Jesus.Appliance.Federation.Calls;

/// <summary>A model at a peer, and what calling it has taught. Thread-safe.</summary>
public sealed class PeerLink(string peer, string model)
{
    private long _roundTripTicks;

    public string Peer => peer;
    public string Model => model;

    /// <summary>From asking to the peer's word that it takes the call: down at once, up slowly, since what delays it is usually chance. 0 when not measured.</summary>
    public double RoundTripMs => TimeSpan.FromTicks(Volatile.Read(ref _roundTripTicks)).TotalMilliseconds;

    public void Accepted(TimeSpan after)
    {
        var before = Volatile.Read(ref _roundTripTicks);
        Volatile.Write(ref _roundTripTicks, before == 0 || after.Ticks < before ? after.Ticks : before + ((after.Ticks - before) / 8));
    }
}
