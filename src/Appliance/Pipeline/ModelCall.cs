using Jesus.Appliance.Admission;
using Jesus.Appliance.Router;
using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pipeline;

/// <summary>
/// One call through the pipeline: who, how urgent, which route, on which budget, and the request. Owned by the caller that rented it (a gateway
/// handler, a runner step), reset and reused by it after <see cref="ModelPipeline.RunAsync"/> has completed.
/// </summary>
public sealed class ModelCall
{
    private readonly PauseTally _pauses = new();

    public ModelCall() => Pauses = _pauses;

    public ModelRequest Request { get; } = new();
    public Principal Principal { get; set; } = Principal.System;
    public Lane Lane { get; set; }

    /// <summary>The model or route name as the caller wrote it; empty means the default route.</summary>
    public string RouteName { get; set; } = "";

    /// <summary>Exactly this route: neither a rule, nor a soft cap, nor a peer's offer sends the call elsewhere. For calls of peers, who chose this box.</summary>
    public bool IsPinned { get; set; }

    /// <summary>The run whose cap applies as well; empty outside runs.</summary>
    public string RunId { get; set; } = "";

    /// <summary>Cap of the run in micro-dollars; 0 means none.</summary>
    public long RunCapMicroUsd { get; set; }

    /// <summary>Cap of the run in tokens, input and output together; 0 means none.</summary>
    public long RunCapTokens { get; set; }

    /// <summary>The moment whose prices hold: when its run began, so that a run keeps the table it began with. <c>default</c> means now.</summary>
    public DateTimeOffset PricedAt { get; set; }
    public DataClass DataClass { get; set; }

    /// <summary>What the call is for, in the caller's own word (header <c>x-jesus-task</c>), for the rules of routes; empty when not said.</summary>
    public string Task { get; set; } = "";

    /// <summary>What the answerer must be able to beyond what the request shows; for explanations.</summary>
    public Abilities AlsoNeeds { get; set; }

    /// <summary>The route taken; empty until one is. Set by the pipeline, for the answer's headers.</summary>
    public string RouteTaken { get; internal set; } = "";

    /// <summary>The candidate being called or that answered; null before the first attempt. Set by the pipeline.</summary>
    public Candidate? Candidate { get; internal set; }

    /// <summary>Attempts begun so far. Set by the pipeline.</summary>
    public int Attempts { get; internal set; }

    /// <summary>What the caller asks of the route's cache of answers.</summary>
    public CacheWish CacheWish { get; set; }

    /// <summary>What became of it. Set by the pipeline before the first event.</summary>
    public CacheUse CacheUse { get; internal set; }

    /// <summary>The API that received it, for metrics: <c>openai</c>, <c>anthropic</c>, <c>runner</c>, <c>cli</c>.</summary>
    public string Api { get; set; } = "";
    public DecisionLog Decisions { get; } = new();

    /// <summary>
    /// Awaited before the adapter of each attempt that may cost money is called (one that leaves the box, or has a price), with what the call will then have cost at most; null for
    /// none. For callers that must have announced durably what they pay.
    /// </summary>
    public Func<CallCeiling, ValueTask>? BeforeAttempt { get; set; }

    /// <summary>How often the Scheduler set the call aside; a caller that shows it while the call is under way puts one of its own here.</summary>
    public PauseTally Pauses { get; set; }

    /// <summary>Rate limits as they stand after this call, for the answer's headers: set before the first event, and where the call was refused.</summary>
    public RateLimits RateLimits { get; set; }

    public void Reset()
    {
        Request.Reset();
        Principal = Principal.System;
        Lane = Lane.Interactive;
        RouteName = "";
        IsPinned = false;
        RunId = "";
        RunCapMicroUsd = 0;
        RunCapTokens = 0;
        PricedAt = default;
        DataClass = DataClass.Public;
        Task = "";
        AlsoNeeds = Abilities.None;
        RouteTaken = "";
        Candidate = null;
        Attempts = 0;
        CacheWish = CacheWish.Use;
        CacheUse = CacheUse.None;
        Api = "";
        RateLimits = default;
        BeforeAttempt = null;
        Pauses = _pauses;
        _pauses.Reset();
        Decisions.Reset();
    }
}

/// <summary>What a call may have used at most, its earlier attempts included. Only a bill above the provider's bound can pass it.</summary>
public readonly record struct CallCeiling(long InputTokens, long OutputTokens, long MicroUsd);
