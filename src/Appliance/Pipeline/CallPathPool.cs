using System.Collections.Concurrent;

namespace Jesus.Appliance.Pipeline;

/// <summary>Keeps finished paths for the next calls.</summary>
internal sealed class CallPathPool(PipelineRooms rooms)
{
    /// <summary>Each holds about 10 KB (held answer, lists); beyond this many the rest is left to the collector.</summary>
    private const int KeptMax = 512;

    private readonly ConcurrentQueue<CallPath> _kept = new();
    private int _count;

    public CallPath Rent()
    {
        if (!_kept.TryDequeue(out var path))
        {
            return new CallPath(rooms);
        }

        Interlocked.Decrement(ref _count);
        return path;
    }

    public void Return(CallPath path)
    {
        path.Reset();
        if (Interlocked.Increment(ref _count) <= KeptMax)
        {
            _kept.Enqueue(path);
            return;
        }

        Interlocked.Decrement(ref _count);
        path.Dispose();
    }
}
