using Jesus.Appliance.Admission;
using Jesus.Appliance.Budgets;
using Jesus.Appliance.Cache;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Router;
using Jesus.Appliance.Security;
using Jesus.Appliance.Security.Redaction;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pipeline;

/// <summary>What one call carries along the nine steps. Pooled: owned by <see cref="ModelPipeline.RunAsync"/> from rent to return.</summary>
internal sealed class CallPath : IDisposable
{
    private static readonly Route NoRoute = new("", new RouteOptions(), Array.Empty<RouteLink>());
    private int _attempts;
    private Usage _setAside;

    public CallPath(PipelineRooms rooms)
    {
        Watch = new AttemptWatch(rooms.Time);
        Sink = new AttemptSink(Watch, Shown, rooms.Time);
        Facts = new CallFacts(rooms);
        First = new Attempt(Watch);
    }

    public ModelCall Call { get; private set; } = null!;
    public CancellationToken Cancel { get; private set; }
    public AttemptWatch Watch { get; }
    public AttemptSink Sink { get; }

    /// <summary>What the caller has of the answer, for whoever may have to go on with it.</summary>
    public ShownAnswer Shown { get; } = new();
    public AttemptChain Chain { get; } = new();
    public Reservation Reservation { get; } = new();
    public AdmissionPass Pass { get; } = new();

    /// <summary>The table that the call began with.</summary>
    public RouteTable? Table { get; set; }
    public CallFacts Facts { get; }
    public Route Route { get; set; } = NoRoute;

    /// <summary>The attempt under way, or the first of two.</summary>
    public Attempt First { get; }

    /// <summary>What a second attempt beside the first needs; made by the first call that may be hedged, kept with the path.</summary>
    public HedgeRace? Hedge { get; set; }

    /// <summary>Class of the call's data, the route's floor included.</summary>
    public DataClass DataClass { get; set; }

    /// <summary>Made by the first attempt that needs it; shared by all, so a value keeps its placeholder.</summary>
    public RedactionSession? Redaction { get; set; }

    /// <summary>Whom the route stood for when the call was planned.</summary>
    public CandidateList Candidates { get; } = new();

    /// <summary>Indexes into <see cref="Candidates"/>, in the order to try.</summary>
    public List<int> Plan { get; } = [];

    /// <summary>By index of <see cref="Candidates"/>.</summary>
    public int[] InputTokens { get; private set; } = new int[4];
    public CallBound[] Bounds { get; private set; } = new CallBound[4];
    public Price[] Prices { get; private set; } = new Price[4];
    public CandidateView[] Views { get; private set; } = new CandidateView[4];

    /// <summary>The kept answer that serves the call; null when none does.</summary>
    public CachedAnswer? Cached { get; set; }
    public CacheKey CacheKey { get; set; }

    /// <summary>Made by the first call on a route that keeps answers.</summary>
    public AnswerRecorder? Recorder { get; set; }

    public long StartedMs { get; set; }
    public long QueuedMs { get; set; }

    /// <summary>What the call is known by when it comes back after a refusal; 0 until that is needed.</summary>
    public ulong Caller { get; set; }
    public ModelError Error { get; set; }
    public string? RefusedByBudget { get; set; }

    /// <summary>Where a soft cap sends the call.</summary>
    public string RerouteTo { get; set; } = "";
    public Candidate? Answered { get; set; }
    public FinishReason Reason { get; set; }

    /// <summary>What all attempts used, as charged.</summary>
    public Usage Usage { get; set; }

    /// <summary>The same as the answer's: without what a rescue did a second time.</summary>
    public Usage AnswerUsage
    {
        get
        {
            var usage = Usage - _setAside;
            return usage with { CachedInputTokens = Math.Min(usage.CachedInputTokens, usage.InputTokens), ComputeMicroseconds = Usage.ComputeMicroseconds };
        }
    }
    public UsageQuality Quality { get; set; }
    public long CostMicroUsd { get; set; }
    public int Attempts => Volatile.Read(ref _attempts);

    /// <summary>The request as the caller gave it; attempts change these fields.</summary>
    public RequestOriginals Originals { get; private set; }

    public bool Succeeded => Error.IsNone;

    public void Begin(ModelCall call, long nowMs, CancellationToken cancel)
    {
        Call = call;
        Cancel = cancel;
        StartedMs = nowMs;
        Originals = RequestOriginals.Of(call.Request);
    }

    /// <summary>Room for one value per candidate.</summary>
    public void Fit()
    {
        var candidates = Candidates.Count;
        if (InputTokens.Length < candidates)
        {
            InputTokens = new int[candidates];
            Bounds = new CallBound[candidates];
            Prices = new Price[candidates];
            Views = new CandidateView[candidates];
        }
    }

    /// <summary>An adapter is being called. A hedge is not named as the call's candidate before it has won.</summary>
    public void NoteAttempt(Candidate candidate, bool isHedge)
    {
        Call.Attempts = Interlocked.Increment(ref _attempts);
        Call.Candidate = isHedge ? Call.Candidate : candidate;
    }

    public void Charge(in Settlement settlement)
    {
        Usage += settlement.Usage;
        CostMicroUsd += settlement.MicroUsd;
        Quality = settlement.Quality == UsageQuality.Estimated ? UsageQuality.Estimated : Quality;
    }

    /// <summary>Charged, but no part of what the caller is told that its answer used.</summary>
    public void SetAside(in Usage usage) => _setAside += usage;

    public Outcome ToOutcome() => new()
    {
        Error = Error,
        Reason = Reason,
        Candidate = Answered?.Name ?? Cached?.Candidate,
        Usage = Cached?.Usage ?? AnswerUsage,
        Quality = Quality,
        CostMicroUsd = CostMicroUsd,
        Attempts = Attempts,
        RefusedByBudget = RefusedByBudget,
        Committed = Sink.Committed,
    };

    public void Reset()
    {
        Originals.RestoreAll(Call.Request);
        Call = null!;
        Cancel = default;
        Sink.Reset();
        Shown.Reset();
        Reservation.Reset();
        Table?.Leave();
        Table = null;
        Route = NoRoute;
        Candidates.Clear();
        Plan.Clear();
        Pass.Reset();
        Cached = null;
        Recorder?.Reset();
        DataClass = DataClass.Public;
        Redaction = null;
        QueuedMs = 0;
        Caller = 0;
        Error = default;
        RefusedByBudget = null;
        RerouteTo = "";
        Answered = null;
        Reason = FinishReason.None;
        Usage = default;
        _setAside = default;
        Quality = UsageQuality.Exact;
        CostMicroUsd = 0;
        _attempts = 0;
    }

    public void Dispose()
    {
        Watch.Dispose();
        Hedge?.Dispose();
    }
}
