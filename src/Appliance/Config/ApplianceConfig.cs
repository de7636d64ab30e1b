using Jesus.Appliance.Admission;
using Jesus.Appliance.Artifacts;
using Jesus.Appliance.Budgets;
using Jesus.Appliance.Federation;
using Jesus.Appliance.Gateway;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Responses;
using Jesus.Appliance.Router;
using Jesus.Appliance.Runner;
using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Security;
using Jesus.Appliance.Telemetry;
using Jesus.Inference.Engine.Backends;

namespace Jesus.Appliance.Config;

/// <summary>Every room's options; each record lives beside its feature.</summary>
public sealed record ApplianceConfig
{
    public GatewayOptions Listen { get; init; } = new();
    public EngineSettings Engine { get; init; } = new();

    /// <summary>By the name that routes use.</summary>
    public IReadOnlyDictionary<string, ProviderOptions> Providers { get; init; } = new Dictionary<string, ProviderOptions>();
    public RoutesOptions Routes { get; init; } = new();
    public PricesOptions Prices { get; init; } = new();
    public DirectoryOptions Directory { get; init; } = new();
    public BudgetsOptions Budgets { get; init; } = new();
    public LimitsOptions Limits { get; init; } = new();
    public SchedulerOptions Scheduler { get; init; } = new();
    public RunnerOptions Runner { get; init; } = new();
    public ArtifactOptions Artifacts { get; init; } = new();
    public ResponseOptions Responses { get; init; } = new();
    public FederationOptions Federation { get; init; } = new();
    public SecurityOptions Security { get; init; } = new();
    public LogOptions Telemetry { get; init; } = new();
}

/// <summary>Config section <c>engine</c>: the box's own inference.</summary>
public sealed record EngineSettings
{
    /// <summary>Folders with GGUF files, searched in order; the first is where models are added. Empty means <c>models</c> in the state folder.</summary>
    public IReadOnlyList<string> ModelFolders { get; init; } = [];

    /// <summary>Threads of the forward pass; 0 takes every core. They spin within a bound, so Kestrel's threads get their turn.</summary>
    public int Threads { get; init; }

    /// <summary>Models that are loaded as soon as the daemon is ready; others load when first called. Names that are not there are a warning.</summary>
    public IReadOnlyList<string> Preload { get; init; } = [];

    /// <summary>LoRA adapters by <c>MODEL:ADAPTER</c>, which calls name; each a GGUF file, a relative path being one in the first of the folders.</summary>
    public IReadOnlyDictionary<string, string> Adapters { get; init; } = new Dictionary<string, string>();

    /// <summary>Models that stay in memory once they are there: they go neither for another model nor by time.</summary>
    public IReadOnlyList<string> Pinned { get; init; } = [];

    /// <summary>How long a model may be without a call before it is unloaded; 0: for ever, since memory that nobody else wants is best used by the next call.</summary>
    public double KeepAliveSeconds { get; init; }

    /// <summary>How long calls under way may take when their model is unloaded by order.</summary>
    public double DrainSeconds { get; init; } = 120;

    /// <summary>Bytes that all models together may take, KV caches and working memory included; 0 for what the box can give.</summary>
    public long MemoryBytesMax { get; init; }

    /// <summary>Bytes of one model's KV cache.</summary>
    public long KvBytesMax { get; init; } = 1L << 30;

    /// <summary>Element type of keys and values.</summary>
    public KvElementType KvType { get; init; } = KvElementType.F16;

    /// <summary>Whether answers are guessed ahead where that wins; the file says <c>draft: lookup</c> or <c>off</c>.</summary>
    public bool Drafts { get; init; } = true;

    /// <summary>Small models that guess ahead, by the model that they guess for; each a GGUF file, a relative path being one in the first of the folders.</summary>
    public IReadOnlyDictionary<string, string> DraftModels { get; init; } = new Dictionary<string, string>();
}
