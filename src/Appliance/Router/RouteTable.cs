using System.Collections.Frozen;

namespace Jesus.Appliance.Router;

/// <summary>
/// Every name that a call may use, as one immutable snapshot: a call keeps the table it began with. Routes by name come first, then each local model
/// under its own name, then every candidate as <c>provider/model</c>.
/// </summary>
public sealed class RouteTable
{
    private readonly FrozenDictionary<string, Route> _routes;
    private readonly Route? _default;

    private RouteTable(FrozenDictionary<string, Route> routes, Route? fallback, IReadOnlyList<Candidate> candidates)
    {
        _routes = routes;
        _default = fallback;
        Candidates = candidates;
    }

    public static RouteTable Empty { get; } = new(FrozenDictionary<string, Route>.Empty, null, []);

    public IReadOnlyList<Candidate> Candidates { get; }
    public IEnumerable<Route> Routes => _routes.Values;

    /// <summary>The route's name that answers calls without one; empty when there is none.</summary>
    public string DefaultName => _default?.Name ?? "";

    /// <summary>The route of that name, the default one for an empty name, or null.</summary>
    public Route? Find(string name) => name.Length == 0 ? _default : _routes.GetValueOrDefault(name);

    /// <summary>Builds a table. Errors name the route and the remedy; the table is then to be thrown away.</summary>
    public static RouteTable Build(RoutesOptions options, IReadOnlyList<Candidate> candidates, ICollection<string> errors)
    {
        var byName = new Dictionary<string, Candidate>(StringComparer.Ordinal);
        foreach (var candidate in candidates)
        {
            if (!byName.TryAdd(candidate.Name, candidate))
            {
                errors.Add($"providers: the model '{candidate.Name}' is listed twice; remove one.");
            }
        }

        var routes = new Dictionary<string, Route>(StringComparer.Ordinal);
        AddExplicit(options, byName, routes, errors);
        AddImplicit(byName.Values, routes);
        return new RouteTable(routes.ToFrozenDictionary(StringComparer.Ordinal), DefaultOf(options, routes, candidates, errors), candidates);
    }

    private static void AddExplicit(
        RoutesOptions options, Dictionary<string, Candidate> byName, Dictionary<string, Route> routes, ICollection<string> errors)
    {
        foreach (var (name, route) in options.Routes)
        {
            RouteValidator.Check(name, route, byName, errors);
            var chosen = new List<Candidate>();
            foreach (var wanted in route.Candidates)
            {
                if (byName.TryGetValue($"{wanted.Provider}/{wanted.Model}", out var candidate))
                {
                    chosen.Add(candidate);
                }
            }

            routes[name] = new Route(name, route, chosen);
        }
    }

    private static void AddImplicit(IEnumerable<Candidate> candidates, Dictionary<string, Route> routes)
    {
        foreach (var candidate in candidates)
        {
            routes.TryAdd(candidate.Name, new Route(candidate.Name, new RouteOptions(), [candidate]));
            if (candidate.IsLocal)
            {
                routes.TryAdd(candidate.Model, new Route(candidate.Model, new RouteOptions(), [candidate]));
            }
        }
    }

    private static Route? DefaultOf(
        RoutesOptions options, Dictionary<string, Route> routes, IReadOnlyList<Candidate> candidates, ICollection<string> errors)
    {
        if (options.Default.Length > 0)
        {
            if (!routes.TryGetValue(options.Default, out var named))
            {
                errors.Add($"routes: the default '{options.Default}' is neither a route nor a model; name one of: {string.Join(", ", routes.Keys.Order().Take(20))}.");
            }

            return named;
        }

        if (options.Routes.Count == 1)
        {
            return routes[options.Routes.Keys.First()];
        }

        var local = candidates.FirstOrDefault(c => c.IsLocal) ?? (candidates.Count > 0 ? candidates[0] : null);
        return local is null || options.Routes.Count > 1 ? null : routes[local.Name];
    }
}
