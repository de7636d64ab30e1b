using System.Diagnostics.Metrics;
using Jesus.Appliance.Telemetry;
using Jesus.Inference.Engine;
using Jesus.Inference.Engine.Batching;

namespace Jesus.Appliance.Host;

/// <summary>The instruments of the box's own models, by model: as many series as models are loaded. Counters begin anew when a model is loaded again.</summary>
internal static class EngineMetrics
{
    private static volatile ModelHost? _watched;

    static EngineMetrics()
    {
        Gauge("engine_answers_running", static s => s.Running, "Answers in progress.");
        Gauge("engine_calls_waiting", static s => s.Waiting, "Calls that wait for a place, and answers that gave theirs up to others.");
        Gauge("engine_kv_blocks", static s => s.KvBlocksTotal, "Blocks of 16 positions in the KV cache.");
        Gauge("engine_kv_blocks_used", static s => s.KvBlocksUsed, "Blocks that answers hold; the others are empty or remember prompts.");
        Counter("engine_passes_total", static s => s.Steps, "Forward passes.");
        Counter("engine_generated_tokens_total", static s => s.Counts.TokensDrawn, "Tokens of answers.");
        Counter("engine_prompt_tokens_total", static s => s.Counts.TokensRead, "Tokens of prompts that were computed.");
        Counter("engine_prefix_hit_tokens_total", static s => s.Counts.TokensReused, "Tokens of prompts whose keys and values were found in the cache.");
        Counter("engine_kv_evictions_total", static s => s.Counts.Evictions, "Blocks whose remembered content was given up for another's.");
        Counter("engine_preemptions_total", static s => s.Counts.Preemptions, "Times that an answer gave its blocks back and was computed again.");
        Gauge("engine_text_calls", static s => s.Texts.CallsUnderWay, "Calls whose texts are embedded or ranked, or wait for it.");
        Counter("engine_embedded_texts_total", static s => s.Texts.Texts, "Texts embedded, and pairs ranked.");
        Counter("engine_embedded_tokens_total", static s => s.Texts.Tokens, "Tokens of texts embedded and of pairs ranked.");
        _ = JesusMeter.Instance.CreateObservableCounter("engine_draft_tokens_total", static () => Drafts(static drafts => drafts.Computed),
            description: "Guessed tokens that passes computed, by who guessed them: lookup, or the draft model.");
        _ = JesusMeter.Instance.CreateObservableCounter("engine_draft_tokens_accepted_total", static () => Drafts(static drafts => drafts.Accepted),
            description: "Guessed tokens that were the drawn ones.");
        _ = JesusMeter.Instance.CreateObservableGauge("models_memory_cap_bytes", static () => _watched?.Memory.Cap ?? 0, description: "Bytes that all models together may take.");
        _ = JesusMeter.Instance.CreateObservableGauge("models_memory_used_bytes", static () => _watched?.Memory.Used ?? 0,
            description: "Bytes reserved by models in memory and those being loaded.");
        _ = JesusMeter.Instance.CreateObservableGauge("models_loaded_bytes", LoadedBytes, description: "Bytes reserved by a model in memory.");
        _ = JesusMeter.Instance.CreateObservableCounter("models_loads_total", Loads, description: "Loads of models, by how they ended.");
        _ = JesusMeter.Instance.CreateObservableCounter("models_load_seconds_total", static () => _watched?.Counts.LoadSeconds ?? 0,
            description: "Seconds that successful loads took.");
        _ = JesusMeter.Instance.CreateObservableCounter("models_unloads_total", Unloads, description: "Models taken out of memory: by order, for another's sake, or by time.");
    }

    /// <summary>The host that the instruments show: the one started last; a process of the product has one.</summary>
    public static void Watch(ModelHost host) => _watched = host;

    private static void Gauge(string name, Func<EngineSnapshot, long> value, string description) =>
        _ = JesusMeter.Instance.CreateObservableGauge(name, () => PerModel(value), description: description);

    private static void Counter(string name, Func<EngineSnapshot, long> value, string description) =>
        _ = JesusMeter.Instance.CreateObservableCounter(name, () => PerModel(value), description: description);

    private static IEnumerable<Measurement<long>> PerModel(Func<EngineSnapshot, long> value)
    {
        foreach (var model in _watched?.Loaded ?? [])
        {
            yield return new Measurement<long>(value(model.Engine.Snapshot), new KeyValuePair<string, object?>("model", model.Name));
        }
    }

    private static IEnumerable<Measurement<long>> Drafts(Func<DraftCounts, long> value)
    {
        foreach (var model in _watched?.Loaded ?? [])
        {
            var counts = model.Engine.Snapshot.Counts;
            var name = new KeyValuePair<string, object?>("model", model.Name);
            yield return new Measurement<long>(value(counts.Lookup), name, new KeyValuePair<string, object?>("source", "lookup"));
            yield return new Measurement<long>(value(counts.Model), name, new KeyValuePair<string, object?>("source", "model"));
        }
    }

    private static IEnumerable<Measurement<long>> LoadedBytes()
    {
        foreach (var model in _watched?.Loaded ?? [])
        {
            yield return new Measurement<long>(model.MemoryBytes, new KeyValuePair<string, object?>("model", model.Name));
        }
    }

    private static IEnumerable<Measurement<long>> Loads()
    {
        var counts = _watched?.Counts ?? default;
        yield return new Measurement<long>(counts.Loads, new KeyValuePair<string, object?>("outcome", "loaded"));
        yield return new Measurement<long>(counts.LoadFailures, new KeyValuePair<string, object?>("outcome", "failed"));
    }

    private static IEnumerable<Measurement<long>> Unloads()
    {
        var counts = _watched?.Counts ?? default;
        yield return new Measurement<long>(counts.UnloadsAsked, new KeyValuePair<string, object?>("reason", "asked"));
        yield return new Measurement<long>(counts.UnloadsMemory, new KeyValuePair<string, object?>("reason", "memory"));
        yield return new Measurement<long>(counts.UnloadsIdle, new KeyValuePair<string, object?>("reason", "idle"));
    }
}
