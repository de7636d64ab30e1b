using Jesus.Appliance.Config.Shapes;

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
        new Property<EngineSettings, long>("memoryBytesMax", "Bytes that one model may take with its KV cache; 0 for what the box has free when it loads.",
            new IntegerShape(0, long.MaxValue), o => o.MemoryBytesMax, (o, v) => o with { MemoryBytesMax = v }),
        new Property<EngineSettings, long>("kvBytesMax", "Bytes of one model's KV cache.",
            new IntegerShape(1 << 20, long.MaxValue), o => o.KvBytesMax, (o, v) => o with { KvBytesMax = v }));
}
