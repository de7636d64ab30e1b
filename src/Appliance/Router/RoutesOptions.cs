using Jesus.Appliance.Security;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Router;

public enum RoutePolicyKind : byte
{
    /// <summary>Candidates in the order written.</summary>
    Ordered,

    /// <summary>A random order in which a candidate's chance of being next is its weight's share.</summary>
    Weighted,
}

/// <summary>When an answer belongs to the client, so that no other candidate may start it again.</summary>
public enum CommitPoint : byte
{
    FirstToken,

    /// <summary>Held back until it is whole and valid.</summary>
    Complete,
}

/// <summary>One candidate of a route.</summary>
/// <param name="Weight">Share under the policy <c>weighted</c>; 1 to 1,000.</param>
public sealed record RouteCandidateOptions(string Provider, string Model, int Weight = 1);

/// <summary>Config section <c>routes</c>: name to route, and which one answers calls that name none.</summary>
public sealed record RoutesOptions
{
    /// <summary>Routes by name. At most 1,000: the table is rebuilt as a whole.</summary>
    public IReadOnlyDictionary<string, RouteOptions> Routes { get; init; } = new Dictionary<string, RouteOptions>();

    /// <summary>Route or model for calls that name none; empty: the only local model, or the only route.</summary>
    public string Default { get; init; } = "";
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

    /// <summary>Further rounds over the candidates that failed for a passing cause, with backoff; 0 to 5.</summary>
    public int Retries { get; init; } = 1;

    public static IReadOnlyList<ErrorCause> DefaultCauses { get; } =
    [
        ErrorCause.Unauthorized, ErrorCause.RateLimited, ErrorCause.Overloaded, ErrorCause.ConnectFailed, ErrorCause.FirstTokenTimeout,
        ErrorCause.Stalled, ErrorCause.Cut, ErrorCause.ContextTooSmall, ErrorCause.Malformed, ErrorCause.SchemaViolated,
        ErrorCause.UnsupportedField, ErrorCause.ModelNotFound, ErrorCause.Draining, ErrorCause.Internal,
    ];
}
