using Jesus.Appliance.Federation.Membership;
using Jesus.Tests.Faults;

namespace Jesus.Appliance.Tests.Federation.Membership;

public sealed class AnnouncePlanTests
{
    [Theory]
    [InlineData(1, 1_000)]
    [InlineData(3, 1_000)]
    [InlineData(45, 1_000)]
    [InlineData(46, 1_035)]
    [InlineData(100, 4_950)]
    [InlineData(1_000, 499_500)]
    public void A_fleet_of_any_size_makes_at_most_two_thousand_deliveries_a_second(int boxes, int interval)
    {
        Assert.Equal(interval, StatusPace.Default.For(boxes));
        Assert.True((long)boxes * (boxes - 1) * 1_000 / interval <= 2_000);
    }

    [Theory]
    [InlineData(-5, StatusPace.IntervalMsMin)]
    [InlineData(0, StatusPace.IntervalMsMin)]
    [InlineData(int.MaxValue, StatusPace.IntervalMsMax)]
    public void An_absurd_interval_is_brought_within_reason(int announced, int taken) => Assert.Equal(taken, StatusPace.Announced(announced));

    [Fact]
    public void Statuses_come_at_the_announced_interval_with_phases_spread_over_it()
    {
        var phases = new HashSet<long>();
        for (var seed = 0; seed < 300; seed++)
        {
            var dice = new TestDice(seed);
            var plan = new AnnouncePlan(StatusPace.Default);
            var sent = new List<long>();
            for (var now = 0L; now < 20_000; now++)
            {
                if (plan.IsDue(now, 5, (ulong)dice.Next(int.MaxValue)))
                {
                    sent.Add(now);
                }
            }

            Assert.Equal(20, sent.Count);
            Assert.All(sent.Zip(sent.Skip(1)), pair => Assert.Equal(1_000, pair.Second - pair.First));
            _ = phases.Add(sent[0] / 100);
        }

        Assert.Equal(10, phases.Count);
    }

    [Fact]
    public void A_box_that_was_late_does_not_make_up_for_it()
    {
        var plan = new AnnouncePlan(StatusPace.Default);
        Assert.True(plan.IsDue(0, 1, 0));
        Assert.True(plan.IsDue(7_500, 1, 0));
        Assert.False(plan.IsDue(7_750, 1, 0));
        Assert.True(plan.IsDue(8_500, 1, 0));
    }

    [Fact]
    public void A_new_box_is_greeted_by_a_thousand_over_seconds_and_by_each_once()
    {
        var dice = new TestDice(5);
        var perSecond = new int[10];
        for (var box = 0; box < 1_000; box++)
        {
            var plan = new AnnouncePlan(StatusPace.Default);
            plan.Greet("new", 0, 1_000, (ulong)dice.Next(int.MaxValue));
            var greetings = 0;
            for (var now = 0; now < 10_000; now += 250)
            {
                while (plan.TryTakeGreeting(now, out var peer))
                {
                    Assert.Equal("new", peer);
                    perSecond[now / 1_000]++;
                    greetings++;
                }
            }

            Assert.Equal(1, greetings);
        }

        Assert.All(perSecond[..5], count => Assert.InRange(count, 100, 300));
    }

    [Fact]
    public void Greetings_that_wait_are_bounded()
    {
        var plan = new AnnouncePlan(StatusPace.Default);
        for (var i = 0; i < 10_000; i++)
        {
            plan.Greet($"p{i}", 0, 10_000, 0);
        }

        var sent = 0;
        while (plan.TryTakeGreeting(1_000_000, out _))
        {
            sent++;
        }

        Assert.Equal(AnnouncePlan.GreetingsMax, sent);
    }
}
