using System.Text.Json;
using Jesus.Inference.Adapters.Shared;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Adapters.LlamaCpp;

/// <summary>
/// One look at a llama-server: <c>/health</c> (503 while it loads), <c>/props</c> (slots and context, once), <c>/slots</c> (which are busy) and
/// <c>/metrics</c> (what waits). Each may be switched off by the operator.
/// </summary>
internal sealed class SlotsLook(UpstreamClient client)
{
    /// <summary>An endpoint that is off is asked again after so many looks: the server may have been started anew with it.</summary>
    private const int OffLooks = 60;

    private readonly ReadOnlyMemory<byte> _health = client.RootPathOf("/health");
    private readonly ReadOnlyMemory<byte> _props = client.RootPathOf("/props");
    private readonly ReadOnlyMemory<byte> _slots = client.RootPathOf("/slots");
    private readonly ReadOnlyMemory<byte> _metrics = client.RootPathOf("/metrics");
    private int _slotsOff;
    private int _metricsOff;
    private int _totalSlots;
    private int _contextTokens;
    private int _busy;
    private int _waiting;

    public async ValueTask<CapacitySnapshot> RunAsync(CapacityWatch watch, CancellationToken cancel)
    {
        var health = await watch.GetAsync(_health, static _ => { }, cancel).ConfigureAwait(false);
        if (health is 0 or 503)
        {
            // Started anew it may have another model.
            _totalSlots = 0;
            return default;
        }

        if (_totalSlots == 0)
        {
            await watch.GetAsync(_props, ReadProps, cancel).ConfigureAwait(false);
        }

        _busy = -1;
        _waiting = -1;
        _slotsOff = await AskAsync(watch, _slots, _slotsOff, ReadSlots, cancel).ConfigureAwait(false);
        _metricsOff = await AskAsync(watch, _metrics, _metricsOff, ReadMetrics, cancel).ConfigureAwait(false);
        return Snapshot();
    }

    /// <returns>How many looks the endpoint is left alone.</returns>
    private static async ValueTask<int> AskAsync(CapacityWatch watch, ReadOnlyMemory<byte> path, int off, Action<ReadOnlyMemory<byte>> read, CancellationToken cancel) =>
        off > 0 ? off - 1
            : await watch.GetAsync(path, read, cancel).ConfigureAwait(false) is 200 or 0 ? 0 : OffLooks;

    private CapacitySnapshot Snapshot() => new()
    {
        Available = true,
        TotalSlots = _totalSlots,
        FreeSlots = _busy < 0 || _totalSlots == 0 ? int.MaxValue : _waiting > 0 ? 0 : Math.Max(0, _totalSlots - _busy),
        InProgress = _busy < 0 ? -1 : _busy + Math.Max(0, _waiting),
        ContextTokens = _contextTokens,
    };

    private void ReadProps(ReadOnlyMemory<byte> json)
    {
        using var document = Parse(json);
        if (document is null)
        {
            return;
        }

        _totalSlots = Number(document.RootElement, "total_slots");
        _contextTokens = document.RootElement.TryGetProperty("default_generation_settings", out var settings) ? Number(settings, "n_ctx") : 0;
    }

    /// <summary>A list of slots, each with <c>is_processing</c> and its share of the context, <c>n_ctx</c>.</summary>
    private void ReadSlots(ReadOnlyMemory<byte> json)
    {
        using var document = Parse(json);
        if (document?.RootElement.ValueKind != JsonValueKind.Array)
        {
            return;
        }

        _busy = 0;
        _totalSlots = document.RootElement.GetArrayLength();
        foreach (var slot in document.RootElement.EnumerateArray())
        {
            _busy += slot.ValueKind == JsonValueKind.Object && slot.TryGetProperty("is_processing", out var busy) && busy.ValueKind == JsonValueKind.True ? 1 : 0;
            _contextTokens = Number(slot, "n_ctx") is > 0 and var context ? context : _contextTokens;
        }
    }

    private void ReadMetrics(ReadOnlyMemory<byte> text)
    {
        _busy = _busy >= 0 ? _busy : (int)(MetricsText.Sum(text.Span, "llamacpp:requests_processing"u8) ?? -1);
        _waiting = (int)(MetricsText.Sum(text.Span, "llamacpp:requests_deferred"u8) ?? -1);
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

    private static int Number(in JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number
            && value.TryGetInt32(out var number) ? Math.Max(0, number) : 0;
}
