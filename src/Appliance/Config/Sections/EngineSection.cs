using Jesus.Appliance.Config.Shapes;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Lora;

namespace Jesus.Appliance.Config.Sections;

internal static class EngineSection
{
    public static RecordShape<EngineSettings> Shape { get; } = new(
        new Property<EngineSettings, IReadOnlyList<string>>("modelFolders",
            "Folders with GGUF files, searched in order; the first is where models are added. Empty means models/ in the state folder.",
            new ListShape<string>(new TextShape(), () => ""), o => o.ModelFolders, (o, v) => o with { ModelFolders = v }),
        new Property<EngineSettings, long>("threads", "Threads of the forward pass; 0 takes every core.",
            new IntegerShape(0, 256), o => o.Threads, (o, v) => o with { Threads = (int)v }),
        new Property<EngineSettings, IReadOnlyList<string>>("preload", "Models that are loaded as soon as the daemon is ready; others load when first called.",
            new ListShape<string>(new TextShape(), () => ""), o => o.Preload, (o, v) => o with { Preload = v }),
        new Property<EngineSettings, IReadOnlyDictionary<string, string>>("adapters",
            "LoRA adapters: MODEL:ADAPTER, which calls name as their model, to a GGUF file (relative: to the first of modelFolders). Loaded with their model.",
            new MapShape<string>(new TextShape(), () => ""), o => o.Adapters, (o, v) => o with { Adapters = v }),
        new Property<EngineSettings, IReadOnlyList<string>>("pinned", "Models that stay in memory once they are there: they go neither for another model nor by time.",
            new ListShape<string>(new TextShape(), () => ""), o => o.Pinned, (o, v) => o with { Pinned = v }),
        new Property<EngineSettings, double>("keepAliveSeconds", "A model that nobody called for so long is unloaded; 0: it stays until another needs its memory.",
            new NumberShape(0, 31_536_000), o => o.KeepAliveSeconds, (o, v) => o with { KeepAliveSeconds = v }),
        new Property<EngineSettings, double>("drainSeconds", "How long calls under way may take when their model is unloaded by order; those that are not over then end.",
            new NumberShape(0, 86_400), o => o.DrainSeconds, (o, v) => o with { DrainSeconds = v }),
        new Property<EngineSettings, long>("memoryBytesMax", "Bytes that all models together may take, with KV caches and working memory; 0 for what the box can give.",
            new IntegerShape(0, long.MaxValue), o => o.MemoryBytesMax, (o, v) => o with { MemoryBytesMax = v }),
        new Property<EngineSettings, long>("kvBytesMax", "Bytes of one model's KV cache.",
            new IntegerShape(1 << 20, long.MaxValue), o => o.KvBytesMax, (o, v) => o with { KvBytesMax = v }),
        new Property<EngineSettings, KvElementType>("kvType",
            "Element type of keys and values: f16, or q8_0 for nearly half of its bytes, where the model's heads are a multiple of 32 wide. Part of the numerics profile.",
            new Names<KvElementType>(("f16", KvElementType.F16), ("q8_0", KvElementType.Q8_0), ("f32", KvElementType.F32)), o => o.KvType, (o, v) => o with { KvType = v }),
        new Property<EngineSettings, bool>("draft",
            "Whether answers are guessed ahead: lookup takes what followed the same words earlier in the call, while measured speeds say that it wins. Answers are the same.",
            new Names<bool>(("lookup", true), ("off", false)), o => o.Drafts, (o, v) => o with { Drafts = v }),
        new Property<EngineSettings, IReadOnlyDictionary<string, string>>("draftModels",
            "Small models that guess for larger ones where lookup does not: MODEL to a GGUF file of the same vocabulary (relative: to the first of modelFolders). "
                + "Answers are the same.",
            new MapShape<string>(new TextShape(), () => ""), o => o.DraftModels, (o, v) => o with { DraftModels = v }))
    {
        Check = static (engine, node, path, errors) =>
        {
            foreach (var name in engine.Adapters.Keys.Where(name => !AdapterTable.TrySplit(name, out _, out _)))
            {
                errors.Add(new ConfigError((node.Find("adapters")?.Find(name) ?? node).Place, $"{path}.adapters.{name}",
                    "names no adapter; MODEL:ADAPTER does, MODEL being one of the box's own models"));
            }
        },
    };
}
