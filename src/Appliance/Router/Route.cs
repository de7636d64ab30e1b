using System.Collections.Frozen;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Router;

/// <summary>A route as built: immutable.</summary>
public sealed class Route
{
    private readonly FrozenSet<ErrorCause> _on;

    public Route(string name, RouteOptions options, IReadOnlyList<Candidate> candidates)
    {
        Name = name;
        Options = options;
        Candidates = candidates;
        Weights = options.Candidates.Count == candidates.Count ? [.. options.Candidates.Select(c => c.Weight)] : [.. candidates.Select(_ => 1)];
        _on = options.On.ToFrozenSet();
    }

    public string Name { get; }
    public RouteOptions Options { get; }
    public IReadOnlyList<Candidate> Candidates { get; }
    public IReadOnlyList<int> Weights { get; }
    public DataClass DataClass => Options.DataClass;

    public bool FallsBackOn(ErrorCause cause) => _on.Contains(cause);
}
