namespace Jesus.Appliance.Router;

/// <summary>Reports everything that is wrong with routes and rules, not only the first thing.</summary>
internal static class RouteValidator
{
    private const int CandidatesMax = 16;
    private const int RetriesMax = 5;
    private const int WeightMax = 1_000;
    private const int TimeoutMsMax = 3_600_000;

    public static void Check(string name, RouteOptions route, IReadOnlyCollection<string> known, ICollection<string> errors)
    {
        var at = $"routes.{name}";
        var count = route.Candidates.Count;
        Require(count is > 0 and <= CandidatesMax, $"{at}.candidates: has {count}; 1 to {CandidatesMax} are allowed.", errors);
        Require(route.Retries is >= 0 and <= RetriesMax, $"{at}.retries: is {route.Retries}; 0 to {RetriesMax} are allowed.", errors);
        CheckTimeout($"{at}.firstTokenTimeoutMs", route.FirstTokenTimeoutMs, errors);
        CheckTimeout($"{at}.stallTimeoutMs", route.StallTimeoutMs, errors);
        for (var i = 0; i < count; i++)
        {
            CheckCandidate($"{at}.candidates[{i}]", route.Candidates[i], known, errors);
        }

        if (route.Hedge is { } hedge)
        {
            CheckHedge(at + ".hedge", route, hedge, errors);
        }
    }

    public static void Check(int index, RouteRuleOptions rule, IReadOnlyCollection<string> routes, ICollection<string> errors)
    {
        var at = $"routes.rules[{index}]";
        Require(routes.Contains(rule.Route), $"{at}.route: '{rule.Route}' is neither a route nor a model{Hint(rule.Route, routes)}.", errors);
        CheckRange($"{at}.when.promptTokens", rule.When.PromptTokensMin, rule.When.PromptTokensMax, errors);
        CheckRange($"{at}.when.contextTokens", rule.When.ContextTokensMin, rule.When.ContextTokensMax, errors);
        CheckRange($"{at}.when.costUsd", rule.When.CostUsdMin, rule.When.CostUsdMax, errors);
    }

    /// <summary>What a name may have meant, as the end of a sentence.</summary>
    public static string Hint(string name, IReadOnlyCollection<string> names)
    {
        var near = NearestNames.Of(name, names);
        return near.Count > 0
            ? $"; did you mean {string.Join(" or ", near.Select(n => $"'{n}'"))}?"
            : $"; there are: {string.Join(", ", names.Order(StringComparer.Ordinal).Take(20))}";
    }

    private static void CheckCandidate(string at, RouteCandidateOptions candidate, IReadOnlyCollection<string> known, ICollection<string> errors)
    {
        var full = candidate.Peer.Length > 0 ? $"peer/{candidate.Peer}/{candidate.Model}" : $"{candidate.Provider}/{candidate.Model}";
        CheckPeer(at, candidate, errors);
        Require(candidate.Peer.Length > 0 || known.Contains(full), $"{at}: no provider offers '{full}'{Hint(full, known)}. Add the model under providers, or load it.", errors);
        Require(candidate.Weight is >= 1 and <= WeightMax, $"{at}.weight: of '{full}' is {candidate.Weight}; 1 to {WeightMax} are allowed.", errors);
        CheckTimeout($"{at}.firstTokenTimeoutMs", candidate.FirstTokenTimeoutMs, errors);
        CheckTimeout($"{at}.stallTimeoutMs", candidate.StallTimeoutMs, errors);
    }

    private static void CheckPeer(string at, RouteCandidateOptions candidate, ICollection<string> errors)
    {
        Require(
            candidate.Peer.Length == 0 || candidate.Provider.Length == 0,
            $"{at}: names the provider '{candidate.Provider}' and the peer '{candidate.Peer}'; give one.",
            errors);
        Require(
            candidate.Peer is "" or "*" || PeerId.IsValid(candidate.Peer),
            $"{at}.peer: '{candidate.Peer}' is no id of a box; give its federation.peer, or * for any.",
            errors);
    }

    private static void CheckHedge(string at, RouteOptions route, HedgeOptions hedge, ICollection<string> errors)
    {
        Require(
            hedge.AfterMs > 0 != hedge.Percentile > 0,
            $"{at}: give either afterMs or percentile: when the second candidate is called.",
            errors);
        Require(route.Candidates.Count > 1 || route.Candidates.Any(c => c.Peer == "*"), $"{at}: the route has one candidate; a hedge needs a second.", errors);
    }

    private static void CheckRange<T>(string at, T? min, T? max, ICollection<string> errors)
        where T : struct, IComparable<T> =>
        Require(
            min is not { } low || max is not { } high || low.CompareTo(high) <= 0,
            $"{at}Min: is {min}, above {at[(at.LastIndexOf('.') + 1)..]}Max ({max}); nothing fits.", errors);

    private static void CheckTimeout(string at, int milliseconds, ICollection<string> errors) =>
        Require(milliseconds is >= 0 and <= TimeoutMsMax, $"{at}: is {milliseconds}; 0 (the default) to {TimeoutMsMax} milliseconds are allowed.", errors);

    private static void Require(bool holds, string error, ICollection<string> errors)
    {
        if (!holds)
        {
            errors.Add(error);
        }
    }
}
