using Jesus.Appliance.Router;
using Jesus.Appliance.Security;
using Jesus.Appliance.Tests.Pipeline;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Router;

public sealed class RouteTableTests
{
    private static readonly Candidate Here = Make("local", "nano", "local", context: 100);
    private static readonly Candidate A = Make("a", "big");
    private static readonly Candidate B = Make("b", "big");

    [Fact]
    public void Routes_local_models_and_full_names_can_all_be_called()
    {
        var table = Build(new RoutesOptions { Routes = new Dictionary<string, RouteOptions> { ["smart"] = Chain(A, B) } });
        Assert.Equal(["a/big", "b/big"], table.Find("smart")!.Candidates.Select(c => c.Name));
        Assert.Same(Here, table.Find("nano")!.Candidates[0]);
        Assert.Same(B, table.Find("b/big")!.Candidates[0]);
        Assert.Equal([A, B], table.Find("big")!.Candidates);
        Assert.Null(table.Find("bog"));
        Assert.Equal(["big"], table.Nearest("bog"));
        Assert.Equal("smart", table.DefaultName);
        Assert.Same(Here, Build(new RoutesOptions()).Find("")!.Candidates[0]);
    }

    [Fact]
    public void Everything_that_is_wrong_is_reported_at_once()
    {
        var errors = new List<string>();
        _ = RouteTable.Build(
            new RoutesOptions
            {
                Default = "none",
                Routes = new Dictionary<string, RouteOptions>
                {
                    ["x"] = new() { Candidates = [new RouteCandidateOptions("a", "unknown", Weight: 0)], Retries = 9, StallTimeoutMs = -1 },
                    ["empty"] = new(),
                },
            },
            [A, A],
            errors);
        Assert.Equal(7, errors.Count);
    }

    [Fact]
    public void A_prompt_longer_than_the_box_s_model_goes_to_the_next_and_is_refused_where_there_is_none()
    {
        var route = new Route("r", Chain(Here, A), [Here, A]);
        Assert.Equal([1], Plan(route, new PlanFacts(DataClass.Public, true, 0, 0), [100, 100]).Plan);
        var alone = new Route("r", Chain(Here), [Here]);
        Assert.Equal(ErrorCause.ContextTooSmall, Plan(alone, new PlanFacts(DataClass.Public, true, 0, 0), [100]).Error.Cause);
        Assert.Equal([0], Plan(alone, new PlanFacts(DataClass.Public, true, 0, 0), [99]).Plan);
    }

    [Theory]
    [InlineData(DataClass.Public, false, 3)]
    [InlineData(DataClass.Internal, true, 3)]
    [InlineData(DataClass.Internal, false, 1)]
    [InlineData(DataClass.Restricted, true, 1)]
    public void Data_goes_only_where_its_class_allows(DataClass data, bool canRedact, int candidates)
    {
        var route = new Route("r", Chain(A, Here, B), [A, Here, B]);
        Assert.Equal(candidates, Plan(route, new PlanFacts(data, canRedact, 0, 0), [1, 1, 1]).Plan.Count);
    }

    [Fact]
    public void Who_rests_is_asked_last()
    {
        var tired = Make("t", "big");
        tired.Health.Failed(ErrorCause.RateLimited, TimeSpan.FromSeconds(5), nowMs: 0);
        var route = new Route("r", Chain(tired, A, B), [tired, A, B]);
        Assert.Equal([1, 2, 0], Plan(route, new PlanFacts(DataClass.Public, true, 0, 0), [1, 1, 1]).Plan);
        Assert.Equal([0, 1, 2], Plan(route, new PlanFacts(DataClass.Public, true, 5_000, 0), [1, 1, 1]).Plan);
    }

    [Fact]
    public void What_a_candidate_does_not_offer_is_asked_of_the_next_and_named_where_there_is_none()
    {
        var blind = Make("blind", "m", abilities: Abilities.Text);
        var facts = new PlanFacts(DataClass.Public, true, 0, 0) { Needs = Abilities.Text | Abilities.Tools };
        Assert.Equal([1], Plan(new Route("r", Chain(blind, A), [blind, A]), facts, [1, 1]).Plan);
        var (plan, error) = Plan(new Route("r", Chain(blind), [blind]), facts, [1]);
        Assert.Empty(plan);
        Assert.Equal((ErrorCause.UnsupportedField, "tools"), (error.Cause, error.Param));
    }

    [Fact]
    public void A_field_that_only_the_callers_own_bytes_can_say_goes_only_where_they_are_sent_on()
    {
        var forwards = new Candidate(new FakeAdapter("f", (_, _, _) => default) { ForwardedShape = ApiShape.OpenAiChat }, "m", new CandidateTraits());
        var route = new Route("r", Chain(A, forwards), [A, forwards]);
        var facts = new PlanFacts(DataClass.Public, true, 0, 0) { BodyShape = ApiShape.OpenAiChat, VerbatimOnly = "web_search_options" };
        Assert.Equal([1], Plan(route, facts, [1, 1]).Plan);
        var (plan, error) = Plan(route, facts with { DataClass = DataClass.Internal }, [1, 1]);
        Assert.Empty(plan);
        Assert.Equal("web_search_options", error.Param);
    }

    [Fact]
    public void A_bound_that_no_tokenizer_could_fit_goes_past_a_small_context()
    {
        var small = Make("s", "m", context: 1_000);
        var route = new Route("r", Chain(small, A), [small, A]);
        Assert.Equal([0, 1], Plan(route, new PlanFacts(DataClass.Public, true, 0, 0), [7_999, 7_999]).Plan);
        Assert.Equal([1], Plan(route, new PlanFacts(DataClass.Public, true, 0, 0), [8_000, 8_000]).Plan);
    }

    [Fact]
    public void Each_key_of_a_provider_is_a_candidate_behind_the_one_before()
    {
        var second = new Candidate(A.Adapter, "big", A.Traits, key: 2);
        var errors = new List<string>();
        var options = new RoutesOptions { Routes = new Dictionary<string, RouteOptions> { ["r"] = Chain(A, B) } };
        var table = RouteTable.Build(options, [A, second, B], errors);
        Assert.Empty(errors);
        Assert.Equal(["a/big", "a/big#2", "b/big"], table.Find("r")!.Candidates.Select(c => c.Label));
        Assert.Equal(["a/big", "a/big#2"], table.Find("a/big")!.Candidates.Select(c => c.Label));
    }

    private static (List<int> Plan, ModelError Error) Plan(Route route, PlanFacts facts, int[] inputTokens)
    {
        var plan = new List<int>();
        var views = route.Candidates.Select((c, i) => new CandidateView
        {
            Weight = route.WeightOf(i),
            InputTokens = inputTokens[i],
            Rests = c.Health.Rests(facts.NowMs),
            Hash = c.Hash,
        }).ToArray();
        var list = new CandidateList();
        for (var i = 0; i < route.Candidates.Count; i++)
        {
            list.Add(route.Candidates[i], i);
        }

        return (plan, RoutePlanner.Plan(route, list, facts, views, plan, new DecisionLog()));
    }

    private static RouteTable Build(RoutesOptions options)
    {
        var errors = new List<string>();
        var table = RouteTable.Build(options, [Here, A, B], errors);
        Assert.Empty(errors);
        return table;
    }

    private static RouteOptions Chain(params Candidate[] candidates) =>
        new() { Candidates = [.. candidates.Select(c => new RouteCandidateOptions(c.Provider, c.Model))] };

    private static Candidate Make(string provider, string model, string kind = "fake", int context = 0, Abilities abilities = Abilities.All) =>
        new(FakeAdapter.Saying(provider, "", kind: kind), model,
            new CandidateTraits { LeavesBox = kind != "local", ContextTokens = context, Abilities = abilities });
}
