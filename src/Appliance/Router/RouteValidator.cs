namespace Jesus.Appliance.Router;

/// <summary>Reports everything that is wrong with a route, not only the first thing.</summary>
internal static class RouteValidator
{
    private const int CandidatesMax = 16;
    private const int RetriesMax = 5;
    private const int WeightMax = 1_000;
    private const int TimeoutMsMax = 3_600_000;

    public static void Check(string name, RouteOptions route, IReadOnlyDictionary<string, Candidate> known, ICollection<string> errors)
    {
        var count = route.Candidates.Count;
        Require(count is > 0 and <= CandidatesMax, $"routes.{name}.candidates: has {count}; 1 to {CandidatesMax} are allowed.", errors);
        Require(route.Retries is >= 0 and <= RetriesMax, $"routes.{name}.retries: is {route.Retries}; 0 to {RetriesMax} are allowed.", errors);
        CheckTimeout(name, "firstTokenTimeoutMs", route.FirstTokenTimeoutMs, errors);
        CheckTimeout(name, "stallTimeoutMs", route.StallTimeoutMs, errors);
        foreach (var candidate in route.Candidates)
        {
            CheckCandidate(name, candidate, known, errors);
        }
    }

    private static void CheckCandidate(
        string name, RouteCandidateOptions candidate, IReadOnlyDictionary<string, Candidate> known, ICollection<string> errors)
    {
        var full = $"{candidate.Provider}/{candidate.Model}";
        Require(known.ContainsKey(full), $"routes.{name}.candidates: no provider offers '{full}'; add the model under providers, or load it.", errors);
        Require(
            candidate.Weight is >= 1 and <= WeightMax,
            $"routes.{name}.candidates: the weight of '{full}' is {candidate.Weight}; 1 to {WeightMax} are allowed.",
            errors);
    }

    private static void CheckTimeout(string name, string field, int milliseconds, ICollection<string> errors) =>
        Require(
            milliseconds is >= 0 and <= TimeoutMsMax,
            $"routes.{name}.{field}: is {milliseconds}; 0 (the default) to {TimeoutMsMax} milliseconds are allowed.",
            errors);

    private static void Require(bool holds, string error, ICollection<string> errors)
    {
        if (!holds)
        {
            errors.Add(error);
        }
    }
}
