using System.Collections.Frozen;

namespace Jesus.Appliance.Router;

/// <summary>A rule as built: immutable. Pure: what is known of the call is an argument.</summary>
public sealed class RouteRule
{
    private readonly RuleConditions _when;
    private readonly FrozenSet<string>? _tasks;
    private readonly FrozenSet<string>? _teams;

    public RouteRule(int index, RouteRuleOptions options, Route route)
    {
        Name = $"routes.rules[{index}]";
        Route = route;
        _when = options.When;
        _tasks = _when.Task.Count == 0 ? null : _when.Task.ToFrozenSet(StringComparer.Ordinal);
        _teams = _when.Team.Count == 0 ? null : _when.Team.ToFrozenSet(StringComparer.Ordinal);
    }

    /// <summary>Its place in the configuration, for explanations.</summary>
    public string Name { get; }
    public Route Route { get; }

    /// <summary>The cheap conditions are looked at first; tokens are counted only where everything else holds.</summary>
    public bool Holds(ICallFacts call) => NameFits(call.Model)
        && _tasks?.Contains(call.Task) != false
        && _teams?.Contains(call.Team) != false
        && (_when.DataClass.Count == 0 || _when.DataClass.Contains(call.DataClass))
        && (call.Needs & _when.Needs) == _when.Needs
        && (_when.DeadlineMsMax is not { } deadline || call.DeadlineMs <= deadline)
        && SizeFits(call)
        && CostFits(call);

    private bool NameFits(string name)
    {
        for (var i = 0; i < _when.Model.Count; i++)
        {
            if (Glob.Matches(_when.Model[i], name))
            {
                return true;
            }
        }

        return _when.Model.Count == 0;
    }

    private bool SizeFits(ICallFacts call)
    {
        if (_when is { PromptTokensMin: null, PromptTokensMax: null, ContextTokensMin: null, ContextTokensMax: null })
        {
            return true;
        }

        if (Route.Candidates.Count == 0)
        {
            return false;
        }

        var prompt = call.PromptTokens(Route.Candidates[0]);
        return IsWithin(prompt, _when.PromptTokensMin, _when.PromptTokensMax)
            && IsWithin((long)prompt + call.OutputTokens, _when.ContextTokensMin, _when.ContextTokensMax);
    }

    private bool CostFits(ICallFacts call)
    {
        if (_when is { CostUsdMin: null, CostUsdMax: null })
        {
            return true;
        }

        return Route.Candidates.Count > 0 && call.CostMicroUsd(Route.Candidates[0]) is { } cost
            && !(cost < _when.CostUsdMin * 1_000_000m) && !(cost > _when.CostUsdMax * 1_000_000m);
    }

    private static bool IsWithin(long value, int? min, int? max) => !(value < min) && !(value > max);
}
