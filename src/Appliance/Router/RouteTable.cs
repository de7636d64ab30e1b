using System.Collections.Frozen;

namespace Jesus.Appliance.Router;

/// <summary>
/// Every name that a call may use, as one immutable snapshot: a call keeps the table it began with. Rules come first, then routes by name, then each
/// local model under its own name, then every candidate as <c>provider/model</c>, then the providers' models under their own names.
/// </summary>
public sealed class RouteTable
{
    private readonly FrozenDictionary<string, Route> _routes;
    private readonly Route? _default;
    private int _calls;

    private RouteTable(FrozenDictionary<string, Route> routes, Route? fallback, RouteRule[] rules, IReadOnlyList<Candidate> candidates)
    {
        _routes = routes;
        _default = fallback;
        Rules = rules;
        Candidates = candidates;
    }

    public static RouteTable Empty { get; } = new(FrozenDictionary<string, Route>.Empty, null, [], []);

    public IReadOnlyList<Candidate> Candidates { get; }
    public IReadOnlyList<RouteRule> Rules { get; }
    public IEnumerable<Route> Routes => _routes.Values;

    /// <summary>Calls under way that began with this table.</summary>
    public int Calls => Volatile.Read(ref _calls);

    /// <summary>The route's name that answers calls without one; empty when there is none.</summary>
    public string DefaultName => _default?.Name ?? "";

    /// <summary>A call begins with it; by <see cref="RouteTableHolder.Enter"/>.</summary>
    internal void Enter() => Interlocked.Increment(ref _calls);

    /// <summary>That call is over.</summary>
    public void Leave() => Interlocked.Decrement(ref _calls);

    /// <summary>The route of that name, the default one for an empty name, or null.</summary>
    public Route? Find(string name) => name.Length == 0 ? _default : _routes.GetValueOrDefault(name);

    /// <summary>The route of the first rule that holds, else of the name; null when there is neither.</summary>
    public Route? Choose(ICallFacts call, out RouteRule? rule)
    {
        for (var i = 0; i < Rules.Count; i++)
        {
            if (Rules[i].Holds(call))
            {
                rule = Rules[i];
                return rule.Route;
            }
        }

        rule = null;
        return Find(call.Model);
    }

    /// <summary>What a name that is not known may have meant.</summary>
    public IReadOnlyList<string> Nearest(string name) => NearestNames.Of(name, _routes.Keys);

    /// <summary>Builds a table. Errors name the route and the remedy; the table is then to be thrown away.</summary>
    public static RouteTable Build(RoutesOptions options, IReadOnlyList<Candidate> candidates, ICollection<string> errors)
    {
        var byName = new Dictionary<string, List<Candidate>>(StringComparer.Ordinal);
        var labels = new HashSet<string>(StringComparer.Ordinal);
        foreach (var candidate in candidates)
        {
            if (!labels.Add(candidate.Label))
            {
                errors.Add($"providers: the model '{candidate.Label}' is listed twice; remove one.");
                continue;
            }

            byName.TryAdd(candidate.Name, []);
            byName[candidate.Name].Add(candidate);
        }

        var routes = new Dictionary<string, Route>(StringComparer.Ordinal);
        AddExplicit(options, byName, routes, errors);
        AddImplicit(byName.Values, routes);
        var rules = RulesOf(options, routes, errors);
        return new RouteTable(routes.ToFrozenDictionary(StringComparer.Ordinal), DefaultOf(options, routes, candidates, errors), rules, candidates);
    }

    /// <summary>A candidate of the configuration stands for one candidate per key of its provider, one after the other.</summary>
    private static void AddExplicit(
        RoutesOptions options, Dictionary<string, List<Candidate>> byName, Dictionary<string, Route> routes, ICollection<string> errors)
    {
        foreach (var (name, route) in options.Routes)
        {
            RouteValidator.Check(name, route, byName.Keys, errors);
            var links = new List<RouteLink>();
            foreach (var wanted in route.Candidates)
            {
                if (wanted.Peer.Length > 0)
                {
                    links.Add(new RouteLink(null, wanted));
                }
                else if (byName.TryGetValue($"{wanted.Provider}/{wanted.Model}", out var offered))
                {
                    links.AddRange(offered.Select(candidate => new RouteLink(candidate, wanted)));
                }
            }

            routes[name] = new Route(name, route, [.. links]);
        }
    }

    /// <summary>A model that several providers offer under one name is asked for in the order of the providers.</summary>
    private static void AddImplicit(ICollection<List<Candidate>> offers, Dictionary<string, Route> routes)
    {
        foreach (var offer in offers.Where(o => o[0].IsLocal))
        {
            routes.TryAdd(offer[0].Model, new Route(offer[0].Model, new RouteOptions(), offer));
        }

        foreach (var offer in offers)
        {
            routes.TryAdd(offer[0].Name, new Route(offer[0].Name, new RouteOptions(), offer));
        }

        foreach (var same in offers.GroupBy(o => o[0].Model, StringComparer.Ordinal))
        {
            routes.TryAdd(same.Key, new Route(same.Key, new RouteOptions(), [.. same.SelectMany(o => o)]));
        }
    }

    private static RouteRule[] RulesOf(RoutesOptions options, Dictionary<string, Route> routes, ICollection<string> errors)
    {
        var rules = new List<RouteRule>();
        for (var i = 0; i < options.Rules.Count; i++)
        {
            var rule = options.Rules[i];
            RouteValidator.Check(i, rule, routes.Keys, errors);
            if (routes.TryGetValue(rule.Route, out var route))
            {
                rules.Add(new RouteRule(i, rule, route));
            }
        }

        return [.. rules];
    }

    private static Route? DefaultOf(
        RoutesOptions options, Dictionary<string, Route> routes, IReadOnlyList<Candidate> candidates, ICollection<string> errors)
    {
        if (options.Default.Length > 0)
        {
            if (!routes.TryGetValue(options.Default, out var named))
            {
                errors.Add($"routes.default: '{options.Default}' is neither a route nor a model{RouteValidator.Hint(options.Default, routes.Keys)}.");
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
