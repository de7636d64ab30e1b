using Jesus.Appliance.Responses;
using Jesus.Appliance.Scheduler;
using Jesus.Inference.Contract;
using Jesus.Transport.Timing;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Gateway.OpenAi.Responses;

/// <summary>
/// The responses that are made in the background, and for some minutes the events of those that were. One that is accepted is durable before its caller
/// hears of it; one that the daemon did not survive is answered as failed. Thread-safe.
/// </summary>
internal sealed class BackgroundResponses(ModelCaller caller, ResponseStore store, ResponseExchangePool pool, TimeProvider time, ILogger log)
{
    /// <summary>How long events can be asked for after the end: a client that lost its connection comes back within seconds.</summary>
    private static readonly TimeSpan LogMax = TimeSpan.FromMinutes(10);

    /// <summary>Bytes of events of responses that have ended; the oldest are forgotten first. 64 MiB: thousands of usual answers.</summary>
    private const long EndedBytesMax = 64L << 20;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, BackgroundResponse> _running = new(StringComparer.Ordinal);
    private readonly List<BackgroundResponse> _ended = [];
    private readonly BackgroundPlaces _places = new();
    private bool _stopping;

    /// <summary>A place for one more, given back by <see cref="Start"/> at its end or by <see cref="GiveBack"/>.</summary>
    public ApiFailure Reserve(string owner, ModelRequest request, out BackgroundPlace? place)
    {
        lock (_gate)
        {
            place = null;
            if (_stopping)
            {
                return new ApiFailure(503, "server_error", "draining", "The daemon is stopping. Try again when it is back.", RetryAfter: TimeSpan.FromSeconds(5));
            }

            var max = store.Options.BackgroundMax;
            var before = _places.Inside;
            place = _places.Take(owner, CallerKey.Of(owner, "", request), max, time.NowMs(), out var own, out var waitMs);
            return place is not null ? default : new ApiFailure(429, "rate_limit_error", "rate_limit_exceeded",
                $"{before} responses are being made in the background, {own} of them yours; at most {max} (responses.backgroundMax) may be,"
                + " half of them for one principal, and those that were told to come back go first. Wait for one to end.", "background", TimeSpan.FromMilliseconds(waitMs));
        }
    }

    /// <summary>What it was reserved for is not made.</summary>
    public void GiveBack(BackgroundPlace place)
    {
        lock (_gate)
        {
            _places.GiveBack(place, wasMade: false, time.NowMs());
        }
    }

    /// <summary>Begins to make a response whose acceptance is durable. The exchange goes back to its pool when it has ended.</summary>
    public BackgroundResponse Start(ResponseExchange exchange, StoredResponse begun, BackgroundPlace place)
    {
        var response = new BackgroundResponse(exchange, begun, time);
        response.Announce();
        lock (_gate)
        {
            _running[response.Id] = response;
        }

        response.Ended = Task.Run(() => RunAsync(exchange, response, place));
        return response;
    }

    /// <summary>The response while it is made, and for a while after; null later.</summary>
    public BackgroundResponse? Find(string id)
    {
        lock (_gate)
        {
            ForgetOld();
            return _running.GetValueOrDefault(id) ?? _ended.Find(r => r.Id == id);
        }
    }

    public void Forget(string id)
    {
        lock (_gate)
        {
            _ended.RemoveAll(r => r.Id == id);
        }
    }

    /// <summary>Waits for what is being made; at the deadline the rest is ended, and kept as failed.</summary>
    public async Task StopAsync(CancellationToken deadline)
    {
        BackgroundResponse[] running;
        lock (_gate)
        {
            _stopping = true;
            running = [.. _running.Values];
        }

        var all = Task.WhenAll(running.Select(r => r.Ended));
        await all.WaitAsync(deadline).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var response in running)
        {
            if (!response.Ended.IsCompleted)
            {
                response.Interrupt();
            }
        }

        await all;
    }

    private async Task RunAsync(ResponseExchange exchange, BackgroundResponse response, BackgroundPlace place)
    {
        try
        {
            if (await response.RunAsync(caller, store).ConfigureAwait(false) is { } refusal)
            {
                log.LogError("response {Id} is answered as failed, since it could not be kept: {Reason}", response.Id, refusal);
            }
        }
        catch (Exception e)
        {
            log.LogError(e, "response {Id} in the background failed", response.Id);
        }

        response.Finish();
        lock (_gate)
        {
            _ = _running.Remove(response.Id);
            _places.GiveBack(place, wasMade: true, time.NowMs());
            _ended.Add(response);
            ForgetOld();
        }

        pool.Return(exchange);
    }

    private void ForgetOld()
    {
        var limit = time.GetUtcNow() - LogMax;
        var bytes = _ended.Sum(r => r.Bytes);
        while (_ended.Count > 0 && (_ended[0].EndedAt < limit || bytes > EndedBytesMax))
        {
            bytes -= _ended[0].Bytes;
            _ended[0].Dispose();
            _ended.RemoveAt(0);
        }
    }
}
