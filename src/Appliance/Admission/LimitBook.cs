namespace Jesus.Appliance.Admission;

/// <summary>The rules by scope: an immutable snapshot. Pure.</summary>
public sealed class LimitBook
{
    private readonly LimitRule[] _rules;

    private LimitBook(LimitRule[] rules)
    {
        _rules = rules;
        HasModels = Array.Exists(rules, r => r.Scope == LimitScope.Model);
    }

    /// <summary>Some rule counts by model.</summary>
    public bool HasModels { get; }

    public static LimitBook Of(LimitsOptions options)
    {
        var standard = new LimitRule
        {
            Scope = LimitScope.Key,
            RequestsPerMinute = options.CallsPerMinute,
            Concurrency = options.CallsInProgress,
        };
        return new LimitBook([.. options.Rules, standard]);
    }

    /// <summary>Errors name the rule and the remedy.</summary>
    public static void Check(LimitsOptions options, ICollection<string> errors)
    {
        for (var i = 0; i < options.Rules.Count; i++)
        {
            var rule = options.Rules[i];
            if (rule is { RequestsPerMinute: 0, TokensPerMinute: 0, Concurrency: 0 })
            {
                errors.Add($"limits.rules[{i}]: limits nothing; set requestsPerMinute, tokensPerMinute or concurrency, or remove the rule.");
            }

            if (rule.Name.Length == 0)
            {
                errors.Add($"limits.rules[{i}]: names nobody; set 'name', or leave it out for everyone.");
            }
        }
    }

    /// <summary>The rule that holds for a name; null when none does. The first of equally specific ones.</summary>
    public LimitRule? Find(LimitScope scope, string name)
    {
        LimitRule? best = null;
        var bestRank = -1;
        foreach (var rule in _rules)
        {
            if (rule.Scope == scope && Rank(rule.Name, name) is var rank && rank > bestRank)
            {
                (best, bestRank) = (rule, rank);
            }
        }

        return best;
    }

    /// <summary>How well a pattern names a name: -1 not at all, its letters, or above all for the name itself.</summary>
    private static int Rank(string pattern, string name)
    {
        if (pattern == name)
        {
            return int.MaxValue;
        }

        return System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false) ? pattern.Length - pattern.AsSpan().Count('*') : -1;
    }
}
