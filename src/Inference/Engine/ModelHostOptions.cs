using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Batching;

namespace Jesus.Inference.Engine;

/// <summary>A model file given by its path instead of by lying in the models folder.</summary>
/// <param name="Path">Absolute, or relative to the working folder.</param>
/// <param name="Sha256">64 hexadecimal digits that the file must have; null to take any.</param>
public sealed record ModelPath(string Path, string? Sha256 = null);

/// <summary>Where models lie and what they may take of the box.</summary>
public sealed record ModelHostOptions
{
    /// <summary>Every <c>*.gguf</c> in it is a model under its file name without the ending; null for none. Need not exist.</summary>
    public string? ModelsFolder { get; init; }

    /// <summary>Further models by name; a name here hides the same one in the folder.</summary>
    public IReadOnlyDictionary<string, ModelPath> Paths { get; init; } = new Dictionary<string, ModelPath>();

    /// <summary>LoRA adapters by <c>base:adapter</c>, which is what requests call them; each is loaded with its base.</summary>
    public IReadOnlyDictionary<string, ModelPath> Adapters { get; init; } = new Dictionary<string, ModelPath>();

    /// <summary>Small models that guess ahead, by the model that they guess for; each is loaded with it, and must have its vocabulary.</summary>
    public IReadOnlyDictionary<string, ModelPath> Drafts { get; init; } = new Dictionary<string, ModelPath>();

    /// <summary>Threads of a forward pass; 1 to 256. The default is one a core.</summary>
    public int Threads { get; init; } = Math.Clamp(Environment.ProcessorCount, 1, 256);

    /// <summary>Bytes that all models together may take, KV caches and working memory included; 0 for what the box can give.</summary>
    public long MemoryBytesMax { get; init; }

    /// <summary>Bytes of one model's KV cache. Pages are taken when first used; 1 GiB holds 47,000 positions of a 1.1B model.</summary>
    public long KvBytesMax { get; init; } = 1L << 30;

    /// <summary>Models that stay in memory once they are there: they go neither for another model nor by time.</summary>
    public IReadOnlySet<string> Pinned { get; init; } = new HashSet<string>();

    /// <summary>How long a model may be without a call before it is unloaded; zero: for ever. Looked at each quarter of it, from a second to a minute.</summary>
    public TimeSpan KeepAlive { get; init; }

    /// <summary>How long calls under way may take when their model is unloaded: as long as a long answer of a slow model.</summary>
    public TimeSpan DrainMax { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Where hashes of model files are kept over restarts; null: nowhere.</summary>
    public string? HashFile { get; init; }

    /// <summary>Whether engines take turns at the cores. Off only to measure what that is worth.</summary>
    public bool TakesTurns { get; init; } = true;

    /// <summary>What the box could give now; for tests.</summary>
    internal Func<long>? AvailableBytes { get; init; }

    public KvElementType KvType { get; init; } = KvElementType.F16;
    public BatchLimits Batch { get; init; } = new();

    /// <summary>For tests and benches; leave it to the CPU otherwise.</summary>
    public Isa Isa { get; init; }

    /// <summary>Use the plain C# arithmetic instead of the kernels: slow, for tests.</summary>
    public bool UseReferenceBackend { get; init; }
}
