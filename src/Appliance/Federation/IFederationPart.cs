namespace Jesus.Appliance.Federation;

/// <summary>Something that works while the box is in a federation: answering peers, taking over runs. The hub starts and stops it.</summary>
public interface IFederationPart
{
    /// <summary>Called once, after the doors are open. Neither waits nor needs a connection: NATS may be down for hours.</summary>
    void Start();

    /// <summary>The box takes nothing new from now on; what is under way goes on.</summary>
    void Drain();

    /// <summary>Ends what is under way, in time or not at all. The connection is still there.</summary>
    Task StopAsync(CancellationToken deadline);
}
