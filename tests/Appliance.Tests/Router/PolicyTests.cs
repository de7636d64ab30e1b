using Jesus.Appliance.Pricing;
using Jesus.Appliance.Router;
using Jesus.Appliance.Router.Policies;
using Jesus.Inference.Contract;
using Jesus.Tests.Faults;

namespace Jesus.Appliance.Tests.Router;

public sealed class PolicyTests
{
    private const int Rolls = 30_000;

    [Fact]
    public void Whatever_the_policy_and_the_dice_every_candidate_stands_in_the_order_once()
    {
        for (var seed = 0; seed < 2_000; seed++)
        {
            var dice = new TestDice(seed);
            var views = Enumerable.Range(0, dice.Next(16) + 1).Select(i => new CandidateView
            {
                Weight = dice.Next(1_000) + 1,
                Price = dice.Next(4) == 0 ? Price.Unknown : Price.Free,
                Bound = new CallBound(default, dice.Next(5)),
                Speed = new SpeedFigures(dice.Next(900), dice.Next(3) * 20, dice.Next(2), dice.Next(9)),
                InProgress = dice.Next(5),
                Slots = dice.Next(5),
                Hash = Roll(dice),
            }).ToArray();
            var policy = (RoutePolicyKind)dice.Next(6);
            var order = Order(policy, views, Roll(dice), Roll(dice));
            Assert.True(order.Order().SequenceEqual(Enumerable.Range(0, views.Length)), $"seed {seed}, {policy}: {string.Join(',', order)}");
        }
    }

    [Fact]
    public void Weights_are_shares_of_being_first()
    {
        CandidateView[] views = [new() { Weight = 1 }, new() { Weight = 2 }, new() { Weight = 7 }];
        var first = FirstOf(RoutePolicyKind.Weighted, views, samePrefix: true);
        Assert.InRange(first[0], 2_700, 3_300);
        Assert.InRange(first[2], 20_500, 21_500);
    }

    [Fact]
    public void The_cheapest_is_by_the_most_a_call_can_cost_and_what_has_no_price_is_last()
    {
        CandidateView[] views = [Priced(30), new() { Weight = 1, Price = Price.Unknown }, Priced(10), Priced(20)];
        Assert.Equal([2, 3, 0, 1], Order(RoutePolicyKind.Cheapest, views, 1, 0));
    }

    [Fact]
    public void The_fastest_is_by_when_the_answer_would_be_whole_and_the_unmeasured_are_measured_first()
    {
        CandidateView[] views =
        [
            Fast(firstMs: 100, perSecond: 10), Fast(firstMs: 2_000, perSecond: 1_000), new() { Weight = 1 }, Fast(firstMs: 300, perSecond: 100),
        ];
        Assert.Equal([2, 1, 3, 0], Order(RoutePolicyKind.Fastest, views, 1, 0));

        // A short answer is another matter: the network counts.
        Span<int> order = stackalloc int[4];
        PolicyOrder.Write(RoutePolicyKind.Fastest, new PolicyFacts(1, OutputTokens: 1), views, order);
        Assert.Equal([2, 0, 3, 1], order.ToArray());
    }

    [Fact]
    public void The_candidate_with_the_oldest_figures_is_looked_at_again_now_and_then()
    {
        CandidateView[] views = [Fast(100, 100) with { }, Fast(9_000, 100)];
        views[0].Speed = views[0].Speed with { AsOfMs = 99_000 };
        views[1].Speed = views[1].Speed with { AsOfMs = 1_000 };
        Span<int> order = stackalloc int[2];
        PolicyOrder.Write(RoutePolicyKind.Fastest, new PolicyFacts(Dice: 32, NowMs: 100_000), views, order);
        Assert.Equal(1, order[0]);
        PolicyOrder.Write(RoutePolicyKind.Fastest, new PolicyFacts(Dice: 33, NowMs: 100_000), views, order);
        Assert.Equal(0, order[0]);
    }

    [Fact]
    public void The_least_loaded_is_by_share_of_places_and_idle_ones_take_turns()
    {
        CandidateView[] views = [new() { InProgress = 3, Slots = 4 }, new() { InProgress = 10, Slots = 100 }, new() { InProgress = 1, Slots = 2 }];
        Assert.Equal([1, 0, 2], Order(RoutePolicyKind.LeastLoaded, views, 7, 0));
        CandidateView[] idle = [new() { Hash = 11 }, new() { Hash = 12 }, new() { Hash = 13 }];
        Assert.All(FirstOf(RoutePolicyKind.LeastLoaded, idle, samePrefix: true), count => Assert.InRange(count, 9_400, 10_600));
    }

    [Fact]
    public void A_conversation_stays_with_its_candidate_and_only_those_of_a_lost_one_move()
    {
        var views = Enumerable.Range(1, 5).Select(i => new CandidateView { Weight = i == 5 ? 2 : 1, Hash = StableHash.Mix((ulong)i) }).ToArray();
        var before = new int[5];
        for (var prefix = 0UL; prefix < 6_000; prefix++)
        {
            var mixed = StableHash.Mix(prefix);
            var order = Order(RoutePolicyKind.StickyPrefix, views, prefix, mixed);
            Assert.Equal(order, Order(RoutePolicyKind.StickyPrefix, views, prefix + 77, mixed));
            before[order[0]]++;

            // Without the fourth: whoever was not with it stays.
            var fewer = Order(RoutePolicyKind.StickyPrefix, [views[0], views[1], views[2], views[4]], 0, mixed);
            Assert.Equal(order.First(i => i != 3), fewer[0] == 3 ? 4 : fewer[0]);
        }

        Assert.InRange(before[4], 1_800, 2_200);
        Assert.InRange(before[0], 850, 1_150);
    }

    [Fact]
    public void A_busy_candidate_lets_its_conversations_go_to_the_next()
    {
        CandidateView[] views = [new() { Weight = 1, Hash = 1 }, new() { Weight = 1, Hash = 2 }, new() { Weight = 1, Hash = 3 }];
        var order = Order(RoutePolicyKind.StickyPrefix, views, 0, 99);
        views[order[0]].InProgress = views[order[0]].Slots = 8;
        Assert.Equal([order[1], order[2], order[0]], Order(RoutePolicyKind.StickyPrefix, views, 0, 99));
    }

    [Fact]
    public void A_conversation_keeps_its_prefix_while_it_grows()
    {
        var request = new ModelRequest();
        request.Turns.Add(TurnRole.System, request.Text.Copy("be brief"));
        request.Turns.Add(TurnRole.User, request.Text.Copy("hello"));
        var begun = PrefixHash.Of(request);
        request.Turns.Add(TurnRole.Assistant, request.Text.Copy("hi"));
        request.Turns.Add(TurnRole.User, request.Text.Copy("and now?"));
        Assert.Equal(begun, PrefixHash.Of(request));

        var other = new ModelRequest();
        other.Turns.Add(TurnRole.System, other.Text.Copy("be brief"));
        other.Turns.Add(TurnRole.User, other.Text.Copy("hallo"));
        Assert.NotEqual(begun, PrefixHash.Of(other));
    }

    [Fact]
    public void Speed_follows_the_last_answers_and_its_percentile_those_kept()
    {
        var health = new CandidateHealth();
        Assert.Equal(-1, health.FirstTokenPercentile(95));
        for (var i = 1; i <= 64; i++)
        {
            health.Measured(i, 1_000, 50, nowMs: i);
        }

        Assert.Equal(64, health.FirstTokenPercentile(99));
        Assert.Equal(33, health.FirstTokenPercentile(50));
        Assert.Equal(50, health.Speed.TokensPerSecond, 3);
        Assert.InRange(health.Speed.FirstTokenMs, 58, 62);
    }

    private static CandidateView Priced(long microUsd) => new() { Weight = 1, Bound = new CallBound(default, microUsd) };

    private static CandidateView Fast(double firstMs, double perSecond) => new() { Weight = 1, Speed = new SpeedFigures(firstMs, perSecond, 9, 0) };

    private static int[] Order(RoutePolicyKind policy, CandidateView[] views, ulong dice, ulong prefix)
    {
        var order = new int[views.Length];
        PolicyOrder.Write(policy, new PolicyFacts(dice, prefix), views, order);
        return order;
    }

    private static int[] FirstOf(RoutePolicyKind policy, CandidateView[] views, bool samePrefix)
    {
        var first = new int[views.Length];
        var dice = new TestDice(5);
        for (var i = 0; i < Rolls; i++)
        {
            first[Order(policy, views, Roll(dice), samePrefix ? 0 : Roll(dice))[0]]++;
        }

        return first;
    }

    private static ulong Roll(TestDice dice) => ((ulong)dice.Next(int.MaxValue) << 33) ^ (ulong)dice.Next(int.MaxValue);
}
