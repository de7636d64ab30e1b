using Jesus.Appliance.Config.Shapes;
using Jesus.Appliance.Router;
using Jesus.Appliance.Security;

namespace Jesus.Appliance.Config.Sections;

/// <summary><c>routes.rules</c>: which calls take which route, whatever name they asked for.</summary>
internal static class RulesSection
{
    private const int TokensMax = 100_000_000;

    public static ListShape<RouteRuleOptions> Shape { get; } = new(Rule(), () => new RouteRuleOptions());

    private static RecordShape<RouteRuleOptions> Rule() => new(
        new Property<RouteRuleOptions, RuleConditions>("when", "All of these must hold; what is left out holds for every call.",
            Conditions(), o => o.When, (o, v) => o with { When = v }),
        new Property<RouteRuleOptions, string>("route", "A route, or a model as a caller may name it.", new TextShape(), o => o.Route, (o, v) => o with { Route = v }));

    private static RecordShape<RuleConditions> Conditions() => new(
        Texts("model", "Names asked for, with * for any run of characters; one must fit.", o => o.Model, (o, v) => o with { Model = v }),
        Tokens("promptTokensMin", "Tokens of the prompt, for the first candidate of the rule's route: exact for local models, else a bound that is never too low.",
            o => o.PromptTokensMin, (o, v) => o with { PromptTokensMin = v }),
        Tokens("promptTokensMax", "As promptTokensMin.", o => o.PromptTokensMax, (o, v) => o with { PromptTokensMax = v }),
        Tokens("contextTokensMin", "Tokens of the prompt and of the longest answer that the call allows.", o => o.ContextTokensMin, (o, v) => o with { ContextTokensMin = v }),
        Tokens("contextTokensMax", "As contextTokensMin.", o => o.ContextTokensMax, (o, v) => o with { ContextTokensMax = v }),
        new Property<RuleConditions, IReadOnlyList<Abilities>>("needs", "The call needs all of these.",
            new ListShape<Abilities>(new Names<Abilities>([.. AbilityNames.All]), () => Abilities.None),
            o => [.. AbilityNames.All.Where(a => o.Needs.HasFlag(a.Ability)).Select(a => a.Ability)],
            (o, v) => o with { Needs = v.Aggregate(Abilities.None, (all, one) => all | one) }),
        Texts("task", "Task classes (header x-jesus-task); one must fit.", o => o.Task, (o, v) => o with { Task = v }),
        Texts("team", "The caller's team; one must fit.", o => o.Team, (o, v) => o with { Team = v }),
        new Property<RuleConditions, IReadOnlyList<DataClass>>("dataClass", "The class of the call's data; one must fit.",
            new ListShape<DataClass>(RoutesSection.Classes(), () => DataClass.Public), o => o.DataClass, (o, v) => o with { DataClass = v }),
        new Property<RuleConditions, decimal?>("costUsdMin", "US dollars of the worst case at the first candidate of the rule's route.",
            Maybe.Money(), o => o.CostUsdMin, (o, v) => o with { CostUsdMin = v }),
        new Property<RuleConditions, decimal?>("costUsdMax", "As costUsdMin.", Maybe.Money(), o => o.CostUsdMax, (o, v) => o with { CostUsdMax = v }),
        new Property<RuleConditions, int?>("deadlineMsMax", "The caller waits at most so long (header x-jesus-deadline-ms).",
            Maybe.Integer(1, 86_400_000), o => o.DeadlineMsMax, (o, v) => o with { DeadlineMsMax = v }));

    private static Property<RuleConditions, IReadOnlyList<string>> Texts(
        string name, string doc, Func<RuleConditions, IReadOnlyList<string>> get, Func<RuleConditions, IReadOnlyList<string>, RuleConditions> set) =>
        new(name, doc, new ListShape<string>(new TextShape(), () => ""), get, set);

    private static Property<RuleConditions, int?> Tokens(string name, string doc, Func<RuleConditions, int?> get, Func<RuleConditions, int?, RuleConditions> set) =>
        new(name, doc, Maybe.Integer(0, TokensMax), get, set);
}
