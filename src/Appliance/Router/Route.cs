using System.Collections.Frozen;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Router;

/// <summary>A candidate with what the route says about this link of its chain.</summary>
public readonly record struct RouteLink(Candidate Candidate, RouteCandidateOptions Options);

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
        Candidates = [.. links.Select(l => l.Candidate)];
        _on = options.On.ToFrozenSet();
        _linkOn = [.. links.Select(l => l.Options.On?.ToFrozenSet())];
        Hedges = options.Hedge is { } hedge ? new HedgeCount(hedge.MaxPercent) : null;
    }

    public string Name { get; }
    public RouteOptions Options { get; }
    public IReadOnlyList<Candidate> Candidates { get; }
    public DataClass DataClass => Options.DataClass;

    /// <summary>How many calls were hedged; null where none may be.</summary>
    public HedgeCount? Hedges { get; }

    public int WeightOf(int index) => _links[index].Options.Weight;

    /// <summary>The candidate behind this one is tried after this cause.</summary>
    public bool FallsBackOn(int index, ErrorCause cause) => (_linkOn[index] ?? _on).Contains(cause);

    /// <summary>Milliseconds until the first event; 0 when neither link nor route says.</summary>
    public int FirstTokenTimeoutMs(int index) => _links[index].Options.FirstTokenTimeoutMs is > 0 and var own ? own : Options.FirstTokenTimeoutMs;

    /// <summary>Milliseconds between two events; 0 when neither link nor route says.</summary>
    public int StallTimeoutMs(int index) => _links[index].Options.StallTimeoutMs is > 0 and var own ? own : Options.StallTimeoutMs;

    private static RouteCandidateOptions LinkOf(RouteOptions options, Candidate candidate, int index) =>
        options.Candidates.Count > index ? options.Candidates[index] : new RouteCandidateOptions(candidate.Provider, candidate.Model);
}
