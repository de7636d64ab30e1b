using Jesus.Appliance.Federation.Messages;
using Jesus.Appliance.Federation.Membership;

namespace Jesus.Appliance.Federation.Calls;

/// <summary>A peer that calls this box: its calls under way, how often it asks, and what was said against it once. Guarded by the server's lock.</summary>
internal sealed class CallerState(string id, CallLimits limits)
{
    private RateBucket _rate = new(limits.CallsPerSecond, limits.CallsBurst);

    public string Id => id;
    public Dictionary<ulong, InboundCall> Calls { get; } = [];
    public List<PieceAssembly> Pieces { get; } = [];
    public HashSet<RefusalReason> Complaints { get; } = [];
    public bool IsIdle => Calls.Count == 0 && Pieces.Count == 0;

    public bool TryTake(long nowMs) => _rate.TryTake(nowMs);

    public PieceAssembly? Find(ulong stream)
    {
        foreach (var pieces in Pieces)
        {
            if (pieces.Stream == stream)
            {
                return pieces;
            }
        }

        return null;
    }
}
