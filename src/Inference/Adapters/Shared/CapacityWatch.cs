using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Adapters.Shared;

/// <summary>
/// Keeps what a server says of its own load, for a <see cref="IModelAdapter.Capacity"/> that never waits: an answer older than the period is returned as it is,
/// and one look at the server begins beside it. So a server that nobody calls is not asked either.
/// </summary>
internal sealed class CapacityWatch : IDisposable
{
    /// <summary>Bodies of metrics and slots: vLLM's metrics are about 100 KB.</summary>
    private const int BodyBytesMax = 4 * 1024 * 1024;

    /// <summary>What was seen longer ago than this many periods says nothing of now.</summary>
    private const int StalePeriods = 20;

    /// <summary>A look gives up after this long, so that a stalled server does not stop the watch for ever.</summary>
    private static readonly TimeSpan LookTimeout = TimeSpan.FromSeconds(5);

    private readonly UpstreamClient _client;
    private readonly Func<CapacityWatch, CancellationToken, ValueTask<CapacitySnapshot>> _look;
    private readonly TimeProvider _time;
    private readonly TimeSpan _period;
    private readonly CancellationTokenSource _end = new();
    private readonly PooledBuffer _body = new();
    private Seen _seen;
    private int _looking;

    public CapacityWatch(UpstreamClient client, Func<CapacityWatch, CancellationToken, ValueTask<CapacitySnapshot>> look, TimeSpan period, TimeProvider time)
    {
        _client = client;
        _look = look;
        _time = time;
        _period = period;
        _seen = new Seen(Unknown(), 0);
    }

    public CapacitySnapshot Now()
    {
        var seen = Volatile.Read(ref _seen);
        var age = seen.At == 0 ? TimeSpan.MaxValue : _time.GetElapsedTime(seen.At);
        if (age >= _period && Interlocked.CompareExchange(ref _looking, 1, 0) == 0)
        {
            _ = LookAsync();
        }

        return age >= _period * StalePeriods ? Unknown() : seen.Snapshot;
    }

    /// <summary>Asks for a path; for use inside a look, one at a time.</summary>
    /// <returns>The status, 0 when there was no answer; the body lies in <paramref name="read"/> until the next.</returns>
    public async ValueTask<int> GetAsync(ReadOnlyMemory<byte> path, Action<ReadOnlyMemory<byte>> read, CancellationToken cancel)
    {
        _body.Reset();
        var result = await _client.GetAsync(path, cancel).ConfigureAwait(false);
        if (result.Response is null)
        {
            return 0;
        }

        using var response = result.Response;
        var fits = await UpstreamBody.ReadWholeAsync(response, _body, BodyBytesMax).ConfigureAwait(false);
        if (!response.Error.IsNone)
        {
            return 0;
        }

        if (response.Status == 200 && fits)
        {
            read(_body.Memory);
        }

        return response.Status;
    }

    /// <summary>The end of the watch; the client, which is the adapter's, stays.</summary>
    public void Dispose()
    {
        _end.Cancel();
        _end.Dispose();
    }

    private async Task LookAsync()
    {
        // Off the caller's thread: even the beginning of a look must not hold up a plan.
        await Task.Yield();
        try
        {
            using var cancel = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
            cancel.CancelAfter(LookTimeout);
            var snapshot = await _look(this, cancel.Token).ConfigureAwait(false);
            Volatile.Write(ref _seen, new Seen(snapshot with { AsOf = _time.GetTimestamp() }, _time.GetTimestamp()));
        }
        catch (Exception ended) when (ended is ObjectDisposedException or OperationCanceledException)
        {
            // The adapter is being closed.
        }
        finally
        {
            Volatile.Write(ref _looking, 0);
        }
    }

    private CapacitySnapshot Unknown() => new() { Available = true, FreeSlots = int.MaxValue, InProgress = -1, AsOf = _time.GetTimestamp() };

    private sealed record Seen(CapacitySnapshot Snapshot, long At);
}
