namespace Jesus.Appliance.Federation;

/// <summary>What was complained of: each reason of each peer goes into the log once. Thread-safe.</summary>
internal sealed class Complaints
{
    /// <summary>Beyond them faults are only counted, so that a fleet of broken boxes does not fill the log.</summary>
    private const int Max = 256;

    private readonly HashSet<(string Peer, string Reason)> _made = [];
    private readonly Lock _gate = new();

    /// <summary>Whether this is the first of its kind.</summary>
    public bool IsNew(string peer, string reason)
    {
        lock (_gate)
        {
            return _made.Count < Max && _made.Add((peer, reason));
        }
    }
}
