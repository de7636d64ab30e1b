using Jesus.Appliance.Config.Shapes;
using Jesus.Appliance.Router;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Config.Sections;

/// <summary>
/// <c>routes</c> is a map of name to route; the entry <c>default</c> may instead be a text (which route answers calls that name none), and <c>rules</c>
/// a list (which calls take which route).
/// </summary>
internal static class RoutesSection
{
    private const int TimeoutMsMax = 3_600_000;

    public static RoutesShape Shape { get; } = new(Route(), RulesSection.Shape);

    public static Names<DataClass> Classes() => new([.. DataClasses.Names]);

    private static RecordShape<RouteOptions> Route() => new(
        new Property<RouteOptions, IReadOnlyList<RouteCandidateOptions>>("candidates", "1 to 16, in order.",
            new ListShape<RouteCandidateOptions>(Candidate(), () => new RouteCandidateOptions("", "")), o => o.Candidates, (o, v) => o with { Candidates = v }),
        new Property<RouteOptions, RoutePolicyKind>("policy",
            "ordered: as written; weighted: drawn by weight; cheapest: by the most the call can cost; fastest: as measured lately; "
            + "least_loaded: by the share of places taken; sticky_prefix: conversations stay with a candidate.",
            Policies(), o => o.Policy, (o, v) => o with { Policy = v }),
        new Property<RouteOptions, IReadOnlyList<ErrorCause>>("on", "Causes after which the next candidate is tried.",
            new ListShape<ErrorCause>(Causes(), () => ErrorCause.None), o => o.On, (o, v) => o with { On = v }),
        new Property<RouteOptions, CommitPoint>("commit", "first_token: nothing later may restart an answer; complete: it is held back until whole and valid.",
            new Names<CommitPoint>(("first_token", CommitPoint.FirstToken), ("complete", CommitPoint.Complete)), o => o.Commit, (o, v) => o with { Commit = v }),
        new Property<RouteOptions, DataClass>("dataClass", "Calls on this route are treated as at least this class.",
            Classes(), o => o.DataClass, (o, v) => o with { DataClass = v }),
        new Property<RouteOptions, long>("firstTokenTimeoutMs", "Milliseconds until the first event; 0: 2,000 while another candidate is left, 120,000 for the last.",
            new IntegerShape(0, TimeoutMsMax), o => o.FirstTokenTimeoutMs, (o, v) => o with { FirstTokenTimeoutMs = (int)v }),
        new Property<RouteOptions, long>("stallTimeoutMs", "Milliseconds between two events; 0: as the first token's, and 60,000 once committed.",
            new IntegerShape(0, TimeoutMsMax), o => o.StallTimeoutMs, (o, v) => o with { StallTimeoutMs = (int)v }),
        new Property<RouteOptions, bool>("allowUnpriced", "Candidates without a price may answer where a cap of money applies; they are charged no money.",
            new BooleanShape(), o => o.AllowUnpriced, (o, v) => o with { AllowUnpriced = v }),
        new Property<RouteOptions, HedgeOptions?>("hedge", "Left out: no call is made twice at once. A second candidate is called when the first has not begun in time.",
            Maybe.Of(Hedge(), new HedgeOptions()), o => o.Hedge, (o, v) => o with { Hedge = v }),
        new Property<RouteOptions, RouteCacheOptions>("cache", "Whole answers kept in memory and given again to the same question.",
            Cache(), o => o.Cache, (o, v) => o with { Cache = v }),
        new Property<RouteOptions, long>("retries", "Further rounds over the candidates that failed for a passing cause.",
            new IntegerShape(0, 5), o => o.Retries, (o, v) => o with { Retries = (int)v }));

    private static RecordShape<RouteCacheOptions> Cache() => new(
        new Property<RouteCacheOptions, long>("ttlSeconds", "Seconds for which an answer may be given again; 0 turns the cache off.",
            new IntegerShape(0, 2_592_000), o => o.TtlSeconds, (o, v) => o with { TtlSeconds = (int)v }),
        new Property<RouteCacheOptions, long>("maxBytes", "Memory of the route's answers together.",
            new IntegerShape(65_536, 4_294_967_296), o => o.MaxBytes, (o, v) => o with { MaxBytes = v }),
        new Property<RouteCacheOptions, CacheSharing>("shared", "Who may be given another's answer: none, team, organisation, all; never across data classes.",
            new Names<CacheSharing>(("none", CacheSharing.None), ("team", CacheSharing.Team), ("organisation", CacheSharing.Organisation), ("all", CacheSharing.All)),
            o => o.Shared, (o, v) => o with { Shared = v }));

    private static RecordShape<RouteCandidateOptions> Candidate() => new(
        new Property<RouteCandidateOptions, string>("provider", "A name of section providers, or local.", new TextShape(), o => o.Provider, (o, v) => o with { Provider = v }),
        new Property<RouteCandidateOptions, string>("peer", "Instead of provider: a box of the federation, or * for whichever is best then.",
            new TextShape(), o => o.Peer, (o, v) => o with { Peer = v }),
        new Property<RouteCandidateOptions, string>("model", "The provider's own name for the model; for a peer, left out: the name asked for.",
            new TextShape(), o => o.Model, (o, v) => o with { Model = v }),
        new Property<RouteCandidateOptions, long>("weight", "Share under the policies weighted and sticky_prefix.",
            new IntegerShape(1, 1000), o => o.Weight, (o, v) => o with { Weight = (int)v }),
        new Property<RouteCandidateOptions, IReadOnlyList<ErrorCause>?>("on", "Causes after which the candidate behind this one is tried; left out: the route's.",
            Maybe.Of<IReadOnlyList<ErrorCause>>(new ListShape<ErrorCause>(Causes(), () => ErrorCause.None), []), o => o.On, (o, v) => o with { On = v }),
        new Property<RouteCandidateOptions, long>("firstTokenTimeoutMs", "As the route's, for this candidate; 0: the route's.",
            new IntegerShape(0, TimeoutMsMax), o => o.FirstTokenTimeoutMs, (o, v) => o with { FirstTokenTimeoutMs = (int)v }),
        new Property<RouteCandidateOptions, long>("stallTimeoutMs", "As the route's, for this candidate; 0: the route's.",
            new IntegerShape(0, TimeoutMsMax), o => o.StallTimeoutMs, (o, v) => o with { StallTimeoutMs = (int)v }));

    private static RecordShape<HedgeOptions> Hedge() => new(
        new Property<HedgeOptions, long>("afterMs", "Milliseconds without content after which the second candidate is called.",
            new IntegerShape(0, TimeoutMsMax), o => o.AfterMs, (o, v) => o with { AfterMs = (int)v }),
        new Property<HedgeOptions, long>("percentile", "Instead of afterMs: the time that so many of 100 answers of the first candidate kept to lately; 0 or 50 to 99.",
            new IntegerShape(0, 99), o => o.Percentile, (o, v) => o with { Percentile = (int)v }),
        new Property<HedgeOptions, decimal>("maxCostUsd", "The most that the second call may cost in the worst case; 0: any price that the caps bear.",
            new MoneyShape(), o => o.MaxCostUsd, (o, v) => o with { MaxCostUsd = v }),
        new Property<HedgeOptions, long>("maxPercent", "The most of 100 calls of this route that may be hedged.",
            new IntegerShape(1, 100), o => o.MaxPercent, (o, v) => o with { MaxPercent = (int)v }));

    private static Names<RoutePolicyKind> Policies() => new(
        ("ordered", RoutePolicyKind.Ordered), ("weighted", RoutePolicyKind.Weighted), ("cheapest", RoutePolicyKind.Cheapest), ("fastest", RoutePolicyKind.Fastest),
        ("least_loaded", RoutePolicyKind.LeastLoaded), ("sticky_prefix", RoutePolicyKind.StickyPrefix));

    private static Names<ErrorCause> Causes() => new(
        ("refused", ErrorCause.Refused), ("unauthorized", ErrorCause.Unauthorized), ("rate_limited", ErrorCause.RateLimited), ("overloaded", ErrorCause.Overloaded),
        ("connect_failed", ErrorCause.ConnectFailed), ("first_token_timeout", ErrorCause.FirstTokenTimeout), ("stalled", ErrorCause.Stalled), ("cut", ErrorCause.Cut),
        ("context_too_small", ErrorCause.ContextTooSmall), ("content_policy", ErrorCause.ContentPolicy), ("malformed", ErrorCause.Malformed),
        ("schema_violated", ErrorCause.SchemaViolated), ("unsupported_field", ErrorCause.UnsupportedField), ("model_not_found", ErrorCause.ModelNotFound),
        ("draining", ErrorCause.Draining), ("internal", ErrorCause.Internal));
}
