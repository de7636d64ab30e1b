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
        Assert.Null(table.Find("big"));
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
    public void Weights_are_shares_of_being_first()
    {
        int[] weights = [1, 2, 7];
        var first = new int[3];
        var dice = new Jesus.Tests.Faults.TestDice(5);
        Span<int> order = stackalloc int[3];
        for (var i = 0; i < 30_000; i++)
        {
            PolicyOrder.Write(RoutePolicyKind.Weighted, weights, ((ulong)dice.Next(int.MaxValue) << 33) ^ (ulong)dice.Next(int.MaxValue), order);
            Assert.Equal(3, order[0] + order[1] + order[2]);
            first[order[0]]++;
        }

        Assert.InRange(first[0], 2_700, 3_300);
        Assert.InRange(first[2], 20_500, 21_500);
    }

    private static (List<int> Plan, ModelError Error) Plan(Route route, PlanFacts facts, int[] inputTokens)
    {
        var plan = new List<int>();
        return (plan, RoutePlanner.Plan(route, facts, inputTokens, plan, new DecisionLog()));
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

    private static Candidate Make(string provider, string model, string kind = "fake", int context = 0) =>
        new(FakeAdapter.Saying(provider, "", kind: kind), model, new CandidateTraits { LeavesBox = kind != "local", ContextTokens = context });
}
