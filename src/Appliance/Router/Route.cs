using System.Collections.Frozen;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Router;

/// <summary>A link of a route's chain and what the route says about it.</summary>
/// <param name="Candidate">Null for a link to peers, who are found when a call is planned.</param>
public readonly record struct RouteLink(Candidate? Candidate, RouteCandidateOptions Options)
{
    /// <summary>For explanations.</summary>
    public string Name => Candidate?.Label ?? "peer/" + Options.Peer;
}

/// <summary>A route as built: immutable but for its count of hedges.</summary>
public sealed class Route
{
    private readonly RouteLink[] _links;
    private readonly FrozenSet<ErrorCause> _on;
    private readonly FrozenSet<ErrorCause>?[] _linkOn;

    public Route(string name, RouteOptions options, IReadOnlyList<Candidate> candidates)
        : this(name, options, [.. candidates.Select((c, i) => new RouteLink(c, LinkOf(options, c, i)))])
    {
    }

    public Route(string name, RouteOptions options, RouteLink[] links)
    {
        Name = name;
        Options = options;
        _links = links;
        Candidates = [.. links.Select(l => l.Candidate).OfType<Candidate>()];
        _on = options.On.ToFrozenSet();
        _linkOn = [.. links.Select(l => l.Options.On?.ToFrozenSet())];
        Hedges = options.Hedge is { } hedge ? new HedgeCount(hedge.MaxPercent) : null;
    }

    public string Name { get; }
    public RouteOptions Options { get; }
    public IReadOnlyList<RouteLink> Links => _links;

    /// <summary>Those that the route itself knows: all but peers.</summary>
    public IReadOnlyList<Candidate> Candidates { get; }
    public DataClass DataClass => Options.DataClass;

    /// <summary>How many calls were hedged; null where none may be.</summary>
    public HedgeCount? Hedges { get; }

    public int WeightOf(int link) => _links[link].Options.Weight;

    /// <summary>The candidate behind this link is tried after this cause.</summary>
    public bool FallsBackOn(int link, ErrorCause cause) => (_linkOn[link] ?? _on).Contains(cause);

    /// <summary>Milliseconds until the first event; 0 when neither link nor route says.</summary>
    public int FirstTokenTimeoutMs(int link) => _links[link].Options.FirstTokenTimeoutMs is > 0 and var own ? own : Options.FirstTokenTimeoutMs;

    /// <summary>Milliseconds between two events; 0 when neither link nor route says.</summary>
    public int StallTimeoutMs(int link) => _links[link].Options.StallTimeoutMs is > 0 and var own ? own : Options.StallTimeoutMs;

    private static RouteCandidateOptions LinkOf(RouteOptions options, Candidate candidate, int index) =>
        options.Candidates.Count > index ? options.Candidates[index] : new RouteCandidateOptions(candidate.Provider, candidate.Model);
}
