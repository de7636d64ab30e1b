namespace Jesus.Appliance.Artifacts;

/// <summary>Whose records refer to artifacts.</summary>
public interface IArtifactHolder
{
    /// <summary>
    /// Adds the hash of every artifact that must stay: what records that are durable now refer to and that is not past its time. What it leaves out may be
    /// deleted at any later time, so it must not be referred to anew without being stored anew.
    /// </summary>
    ValueTask CollectAsync(ISet<string> live, CancellationToken cancel);
}
