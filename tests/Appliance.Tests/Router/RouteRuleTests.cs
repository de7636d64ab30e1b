using Jesus.Appliance.Router;
using Jesus.Appliance.Security;
using Jesus.Appliance.Tests.Pipeline;

namespace Jesus.Appliance.Tests.Router;

public sealed class RouteRuleTests
{
    private static readonly Candidate A = new(FakeAdapter.Saying("a", ""), "m", new CandidateTraits());
    private static readonly Candidate B = new(FakeAdapter.Saying("b", ""), "m", new CandidateTraits());

    public static TheoryData<RuleConditions, bool> Conditions => new()
    {
        { new RuleConditions(), true },
        { new RuleConditions { Model = ["gpt-*"] }, true },
        { new RuleConditions { Model = ["claude-*", "*-4o"] }, true },
        { new RuleConditions { Model = ["gpt"] }, false },
        { new RuleConditions { PromptTokensMin = 1_000, PromptTokensMax = 1_000 }, true },
        { new RuleConditions { PromptTokensMin = 1_001 }, false },
        { new RuleConditions { PromptTokensMax = 999 }, false },
        { new RuleConditions { ContextTokensMin = 1_500, ContextTokensMax = 1_500 }, true },
        { new RuleConditions { ContextTokensMax = 1_499 }, false },
        { new RuleConditions { Needs = Abilities.Tools }, true },
        { new RuleConditions { Needs = Abilities.Tools | Abilities.Images }, false },
        { new RuleConditions { Task = ["chat", "summarise"] }, true },
        { new RuleConditions { Task = ["chat"] }, false },
        { new RuleConditions { Team = ["research"] }, true },
        { new RuleConditions { Team = ["sales"] }, false },
        { new RuleConditions { DataClass = [DataClass.Internal, DataClass.Restricted] }, true },
        { new RuleConditions { DataClass = [DataClass.Public] }, false },
        { new RuleConditions { CostUsdMin = 0.02m, CostUsdMax = 0.02m }, true },
        { new RuleConditions { CostUsdMax = 0.019m }, false },
        { new RuleConditions { CostUsdMin = 0.021m }, false },
        { new RuleConditions { DeadlineMsMax = 4_000 }, true },
        { new RuleConditions { DeadlineMsMax = 3_999 }, false },
    };

    [Theory]
    [MemberData(nameof(Conditions))]
    public void A_rule_holds_when_all_its_conditions_do(RuleConditions when, bool holds)
    {
        var rule = new RouteRule(0, new RouteRuleOptions { When = when }, new Route("a", new RouteOptions(), [A]));
        Assert.Equal(holds, rule.Holds(new Facts()));
    }

    [Fact]
    public void The_first_rule_that_holds_chooses_and_the_name_does_where_none_holds()
    {
        var table = Build(
            new RouteRuleOptions { When = new RuleConditions { Team = ["sales"] }, Route = "a/m" },
            new RouteRuleOptions { When = new RuleConditions { Model = ["gpt-*"] }, Route = "b/m" },
            new RouteRuleOptions { Route = "a/m" });
        Assert.Same(B, table.Choose(new Facts(), out var rule)!.Candidates[0]);
        Assert.Equal("routes.rules[1]", rule!.Name);
        Assert.Null(Build(new RouteRuleOptions { When = new RuleConditions { Team = ["sales"] }, Route = "a/m" }).Choose(new Facts(), out rule));
        Assert.Null(rule);
    }

    [Fact]
    public void Tokens_are_not_counted_where_another_condition_fails()
    {
        var table = Build(new RouteRuleOptions { When = new RuleConditions { Team = ["sales"], PromptTokensMin = 1 }, Route = "a/m" });
        var facts = new Facts();
        _ = table.Choose(facts, out _);
        Assert.Equal(0, facts.Counted);
    }

    [Fact]
    public void What_is_wrong_with_a_rule_is_named_with_its_place_and_the_nearest_name()
    {
        var errors = new List<string>();
        _ = RouteTable.Build(
            new RoutesOptions
            {
                Rules = [new RouteRuleOptions { Route = "a/n", When = new RuleConditions { PromptTokensMin = 5, PromptTokensMax = 4 } }],
            },
            [A, B], errors);
        Assert.Equal(2, errors.Count);
        Assert.Contains(errors, e => e.StartsWith("routes.rules[0].route: 'a/n' is neither a route nor a model; did you mean 'a/m'", StringComparison.Ordinal));
        Assert.Contains(errors, e => e.StartsWith("routes.rules[0].when.promptTokensMin: is 5, above promptTokensMax (4)", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("*", "", true)]
    [InlineData("*", "anything", true)]
    [InlineData("gpt-*-mini", "gpt-4o-mini", true)]
    [InlineData("gpt-*-mini", "gpt-4o-mini-2", false)]
    [InlineData("*a*b*", "xxaxxbxx", true)]
    [InlineData("*a*b", "ab-ba", false)]
    [InlineData("", "", true)]
    [InlineData("", "x", false)]
    public void A_star_stands_for_any_run_of_characters(string pattern, string text, bool matches) => Assert.Equal(matches, Glob.Matches(pattern, text));

    private static RouteTable Build(params RouteRuleOptions[] rules)
    {
        var errors = new List<string>();
        var table = RouteTable.Build(new RoutesOptions { Rules = rules }, [A, B], errors);
        Assert.Empty(errors);
        return table;
    }

    private sealed class Facts : ICallFacts
    {
        public int Counted { get; private set; }
        public string Model => "gpt-4o";
        public string Task => "summarise";
        public string Team => "research";
        public DataClass DataClass => DataClass.Internal;
        public Abilities Needs => Abilities.Text | Abilities.Tools;
        public int OutputTokens => 500;
        public long DeadlineMs => 4_000;

        public int PromptTokens(Candidate candidate)
        {
            Counted++;
            return 1_000;
        }

        public long? CostMicroUsd(Candidate candidate) => 20_000;
    }
}
