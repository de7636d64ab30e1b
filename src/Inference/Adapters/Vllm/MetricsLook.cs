using System.Text.Json;
using Jesus.Inference.Adapters.Shared;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Adapters.Vllm;

/// <summary>
/// One look at a vLLM server: <c>/metrics</c> (running, waiting, use of the KV cache), where that is off <c>/load</c> (calls it works on), and once
/// <c>/v1/models</c> (<c>max_model_len</c>). How many calls it takes at once it does not say: it is full when some wait, or its cache is.
/// </summary>
internal sealed class MetricsLook(UpstreamClient client)
{
    /// <summary>Use of the KV cache from which on a new call would push another out.</summary>
    private const double FullCache = 0.95;

    private readonly ReadOnlyMemory<byte> _metrics = client.RootPathOf("/metrics");
    private readonly ReadOnlyMemory<byte> _load = client.RootPathOf("/load");
    private readonly ReadOnlyMemory<byte> _models = client.PathOf("/models");
    private int _contextTokens;
    private double? _running;
    private double? _waiting;
    private double? _cache;

    public async ValueTask<CapacitySnapshot> RunAsync(CapacityWatch watch, CancellationToken cancel)
    {
        (_running, _waiting, _cache) = (null, null, null);
        var status = await watch.GetAsync(_metrics, ReadMetrics, cancel).ConfigureAwait(false);
        if (status is 0 or 503)
        {
            _contextTokens = 0;
            return default;
        }

        if (_running is null)
        {
            await watch.GetAsync(_load, ReadLoad, cancel).ConfigureAwait(false);
        }

        if (_contextTokens == 0)
        {
            await watch.GetAsync(_models, ReadModels, cancel).ConfigureAwait(false);
        }

        return new CapacitySnapshot
        {
            Available = true,
            FreeSlots = _waiting > 0 || _cache >= FullCache ? 0 : int.MaxValue,
            InProgress = _running is null ? -1 : (int)(_running.Value + (_waiting ?? 0)),
            ContextTokens = _contextTokens,
        };
    }

    private void ReadMetrics(ReadOnlyMemory<byte> text)
    {
        _running = MetricsText.Sum(text.Span, "vllm:num_requests_running"u8);
        _waiting = MetricsText.Sum(text.Span, "vllm:num_requests_waiting"u8);

        // The second is its name before version 0.10.
        _cache = MetricsText.Max(text.Span, "vllm:kv_cache_usage_perc"u8) ?? MetricsText.Max(text.Span, "vllm:gpu_cache_usage_perc"u8);
    }

    private void ReadLoad(ReadOnlyMemory<byte> json)
    {
        using var document = Parse(json);
        _running = document?.RootElement is { ValueKind: JsonValueKind.Object } root && root.TryGetProperty("server_load", out var load)
            && load.ValueKind == JsonValueKind.Number && load.TryGetDouble(out var value)
            ? value : null;
    }

    /// <summary>Models of one server share its engine, so the shortest context is the safe one.</summary>
    private void ReadModels(ReadOnlyMemory<byte> json)
    {
        using var document = Parse(json);
        if (document?.RootElement is not { ValueKind: JsonValueKind.Object } root || !root.TryGetProperty("data", out var models) || models.ValueKind != JsonValueKind.Array)
        {
            return;
        }

        foreach (var model in models.EnumerateArray())
        {
            if (model.ValueKind == JsonValueKind.Object && model.TryGetProperty("max_model_len", out var length)
                && length.ValueKind == JsonValueKind.Number && length.TryGetInt32(out var tokens) && tokens > 0)
            {
                _contextTokens = _contextTokens == 0 ? tokens : Math.Min(_contextTokens, tokens);
            }
        }
    }

    private static JsonDocument? Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            return JsonDocument.Parse(json);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
