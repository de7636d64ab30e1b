using Jesus.Appliance.Security;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Router;

public enum RoutePolicyKind : byte
{
    /// <summary>Candidates in the order written.</summary>
    Ordered,

    /// <summary>A random order in which a candidate's chance of being next is its weight's share.</summary>
    Weighted,

    /// <summary>By the most that the call can cost there.</summary>
    Cheapest,

    /// <summary>By when an answer would be whole, as measured lately.</summary>
    Fastest,

    /// <summary>By the share of its places that is taken.</summary>
    LeastLoaded,

    /// <summary>Conversations with the same beginning go to the same candidate while it has a place free.</summary>
    StickyPrefix,
}

/// <summary>When an answer belongs to the client, so that no other candidate may start it again.</summary>
public enum CommitPoint : byte
{
    FirstToken,

    /// <summary>Held back until it is whole and valid.</summary>
    Complete,
}

/// <summary>One candidate of a route: a link of its chain.</summary>
/// <param name="Weight">Share under the policies <c>weighted</c> and <c>sticky_prefix</c>; 1 to 1,000.</param>
public sealed record RouteCandidateOptions(string Provider, string Model, int Weight = 1)
{
    /// <summary>
    /// Instead of a provider: the id of a box of the federation, or <c>*</c> for whichever is best when a call is planned. Then an empty <see cref="Model"/> is the
    /// name that the caller asked for.
    /// </summary>
    public string Peer { get; init; } = "";

    /// <summary>Causes after which the candidate behind this one is tried; null: the route's.</summary>
    public IReadOnlyList<ErrorCause>? On { get; init; }

    /// <summary>As the route's, for this link; 0: the route's.</summary>
    public int FirstTokenTimeoutMs { get; init; }
    public int StallTimeoutMs { get; init; }
}

/// <summary>A second candidate is called when the first has not begun in time; the first content wins, the other is cancelled and paid for.</summary>
public sealed record HedgeOptions
{
    /// <summary>Milliseconds without content after which the second is called; 0: see <see cref="Percentile"/>.</summary>
    public int AfterMs { get; init; }

    /// <summary>
    /// Instead of milliseconds, the time that so many of 100 answers of the first candidate kept to lately, 50 to 99; 0: <see cref="AfterMs"/>.
    /// Nothing is hedged while fewer than 8 answers were measured.
    /// </summary>
    public int Percentile { get; init; }

    /// <summary>The most that the second call may cost in the worst case; 0: any price that the caps bear.</summary>
    public decimal MaxCostUsd { get; init; }

    /// <summary>The most of 100 calls of this route that may be hedged, 1 to 100. Default 10: a provider that is slow altogether is not helped by twice the load.</summary>
    public int MaxPercent { get; init; } = 10;
}

/// <summary>One line of <c>routes.rules</c>: calls that meet all of <see cref="When"/> take the route, whatever name they asked for. The first that fits holds.</summary>
public sealed record RouteRuleOptions
{
    public RuleConditions When { get; init; } = new();

    /// <summary>A route, or a model as a caller may name it.</summary>
    public string Route { get; init; } = "";
}

/// <summary>What is known of a call before it is made. What is left out holds for every call.</summary>
public sealed record RuleConditions
{
    /// <summary>Names asked for, with <c>*</c> for any run of characters; one must fit.</summary>
    public IReadOnlyList<string> Model { get; init; } = [];

    /// <summary>
    /// Tokens of the prompt, counted for the first candidate of the rule's route: exact for the box's own models, for others a bound that is never too low.
    /// </summary>
    public int? PromptTokensMin { get; init; }
    public int? PromptTokensMax { get; init; }

    /// <summary>The same with the longest answer that the call allows.</summary>
    public int? ContextTokensMin { get; init; }
    public int? ContextTokensMax { get; init; }

    /// <summary>The call needs all of these.</summary>
    public Abilities Needs { get; init; }

    /// <summary>Task classes (header <c>x-jesus-task</c>); one must fit.</summary>
    public IReadOnlyList<string> Task { get; init; } = [];
    public IReadOnlyList<string> Team { get; init; } = [];
    public IReadOnlyList<DataClass> DataClass { get; init; } = [];

    /// <summary>The most that the call can cost at the first candidate of the rule's route, in dollars. What has no price meets neither.</summary>
    public decimal? CostUsdMin { get; init; }
    public decimal? CostUsdMax { get; init; }

    /// <summary>The caller waits at most so long; a call without a deadline does not meet it.</summary>
    public int? DeadlineMsMax { get; init; }
}

/// <summary>Config section <c>routes</c>: name to route, and which one answers calls that name none.</summary>
public sealed record RoutesOptions
{
    /// <summary>Routes by name. At most 1,000: the table is rebuilt as a whole.</summary>
    public IReadOnlyDictionary<string, RouteOptions> Routes { get; init; } = new Dictionary<string, RouteOptions>();

    /// <summary>Route or model for calls that name none; empty: the only local model, or the only route.</summary>
    public string Default { get; init; } = "";

    /// <summary>Looked through in order before the name is. At most 1,000.</summary>
    public IReadOnlyList<RouteRuleOptions> Rules { get; init; } = [];
}

/// <summary>A named, ordered list of candidates with a policy.</summary>
public sealed record RouteOptions
{
    /// <summary>1 to 16: a longer chain would outlast every client's patience.</summary>
    public IReadOnlyList<RouteCandidateOptions> Candidates { get; init; } = [];
    public RoutePolicyKind Policy { get; init; }

    /// <summary>Causes after which the next candidate is tried. Left out: those that say nothing against the request itself.</summary>
    public IReadOnlyList<ErrorCause> On { get; init; } = DefaultCauses;
    public CommitPoint Commit { get; init; }

    /// <summary>Calls on this route are treated as at least this class.</summary>
    public DataClass DataClass { get; init; }

    /// <summary>
    /// Milliseconds until the first event of an answer; 0: 2,000 while another candidate is left (a person notices more), 120,000 for the last.
    /// </summary>
    public int FirstTokenTimeoutMs { get; init; }

    /// <summary>Milliseconds between two events of an answer; 0: as <see cref="FirstTokenTimeoutMs"/>'s, and 60,000 once it is committed.</summary>
    public int StallTimeoutMs { get; init; }

    /// <summary>
    /// Candidates without a price may answer where a cap of money applies: they are charged nothing in money, and their tokens as ever. False by default:
    /// what cannot be priced cannot be capped.
    /// </summary>
    public bool AllowUnpriced { get; init; }

    /// <summary>Null: no call is made twice at once.</summary>
    public HedgeOptions? Hedge { get; init; }

    /// <summary>Further rounds over the candidates that failed for a passing cause, with backoff; 0 to 5.</summary>
    public int Retries { get; init; } = 1;

    /// <summary>Whether whole answers are kept and given again.</summary>
    public RouteCacheOptions Cache { get; init; } = new();

    public static IReadOnlyList<ErrorCause> DefaultCauses { get; } =
    [
        ErrorCause.Unauthorized, ErrorCause.RateLimited, ErrorCause.Overloaded, ErrorCause.ConnectFailed, ErrorCause.FirstTokenTimeout,
        ErrorCause.Stalled, ErrorCause.Cut, ErrorCause.ContextTooSmall, ErrorCause.Malformed, ErrorCause.SchemaViolated,
        ErrorCause.UnsupportedField, ErrorCause.ModelNotFound, ErrorCause.Draining, ErrorCause.Internal,
    ];
}
