namespace Jesus.Appliance.Gateway;

/// <summary>A connection's feature: whether its requests run where its socket is served.</summary>
public interface ILoopPlace
{
    /// <summary>What waits for the connection goes on on the thread pool.</summary>
    bool AvoidsLoop { get; set; }
}
