namespace Jesus.Appliance.Pipeline;

/// <summary>Keeps finished paths for the next calls.</summary>
internal sealed class CallPathPool(PipelineRooms rooms)
{
    /// <summary>Each holds about 10 KB (held answer, lists); beyond this many the rest is left to the collector.</summary>
    private const int KeptMax = 512;

    private readonly Stack<CallPath> _kept = new();
    private readonly Lock _gate = new();

    /// <summary>The one returned last: it is still in a cache.</summary>
    public CallPath Rent()
    {
        lock (_gate)
        {
            return _kept.TryPop(out var path) ? path : new CallPath(rooms);
        }
    }

    public void Return(CallPath path)
    {
        path.Reset();
        lock (_gate)
        {
            if (_kept.Count < KeptMax)
            {
                _kept.Push(path);
                return;
            }
        }

        path.Dispose();
    }
}
