using Jesus.Transport.Pooling;

namespace Jesus.Appliance.Pipeline;

/// <summary>Keeps finished paths for the next calls.</summary>
internal sealed class CallPathPool(PipelineRooms rooms)
{
    /// <summary>Each holds about 10 KB (held answer, lists); beyond this many the rest is left to the collector.</summary>
    private const int KeptMax = 512;

    private readonly RestingObjects<CallPath> _kept = new(KeptMax);

    public CallPath Rent() => _kept.Take() ?? new CallPath(rooms);

    public void Return(CallPath path)
    {
        path.Reset();
        if (!_kept.TryRest(path))
        {
            path.Dispose();
        }
    }
}
