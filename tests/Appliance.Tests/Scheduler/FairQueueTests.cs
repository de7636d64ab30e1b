using Jesus.Appliance.Scheduler;
using Jesus.Tests.Faults;
using Jesus.Tests.Memory;

namespace Jesus.Appliance.Tests.Scheduler;

public sealed class FairQueueTests
{
    [Fact]
    public void Flows_of_a_lane_get_the_same_tokens_whatever_their_calls_cost()
    {
        var queue = new FairQueue(new SchedulerOptions());
        for (var i = 0; i < 2_000; i++)
        {
            queue.Add(new Named("short"), Lane.Agent, "short", 500);
            queue.Add(new Named("long"), Lane.Agent, "long", 5_000);
        }

        var tokens = new Dictionary<string, long> { ["short"] = 0, ["long"] = 0 };
        for (var i = 0; i < 2_000; i++)
        {
            var entry = (Named)queue.Take()!;
            tokens[entry.Name] += entry.Cost;
        }

        Assert.InRange(tokens["short"] / (double)tokens["long"], 0.9, 1.1);
    }

    [Fact]
    public void Lanes_share_by_weight_and_none_starves()
    {
        var queue = new FairQueue(new SchedulerOptions());
        var taken = new int[3];
        for (var i = 0; i < 5_000; i++)
        {
            foreach (var lane in Enum.GetValues<Lane>())
            {
                queue.Add(new QueueEntry(), lane, "f", 1_000);
            }
        }

        for (var i = 0; i < 2_100; i++)
        {
            taken[(int)queue.Take()!.Lane]++;
        }

        Assert.Equal([1_600, 400, 100], taken);
    }

    [Fact]
    public void A_lane_that_was_empty_does_not_catch_up_on_what_it_never_asked_for()
    {
        var queue = new FairQueue(new SchedulerOptions());
        for (var i = 0; i < 1_000; i++)
        {
            queue.Add(new QueueEntry(), Lane.Interactive, "f", 1_000);
        }

        for (var i = 0; i < 500; i++)
        {
            queue.Take();
        }

        for (var i = 0; i < 100; i++)
        {
            queue.Add(new QueueEntry(), Lane.Batch, "b", 1_000);
        }

        var batches = Enumerable.Range(0, 34).Count(_ => queue.Take()!.Lane == Lane.Batch);
        Assert.InRange(batches, 1, 3);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(20_261_122)]
    public void Every_entry_comes_out_once_whatever_leaves_in_between(int seed)
    {
        var dice = new TestDice(seed);
        for (var round = 0; round < 300; round++)
        {
            var queue = new FairQueue(new SchedulerOptions());
            var waiting = new HashSet<QueueEntry>();
            for (var step = 0; step < 200; step++)
            {
                Step(queue, waiting, dice);
                Assert.Equal(waiting.Count, queue.Count);
            }

            while (queue.Take() is { } entry)
            {
                Assert.True(waiting.Remove(entry), $"seed {seed}, round {round}: an entry came out twice");
            }

            Assert.True(waiting.Count == 0, $"seed {seed}, round {round}: {waiting.Count} entries never came out");
        }
    }

    [Fact]
    public void Queueing_ten_thousand_and_taking_them_allocates_nothing_once_warm()
    {
        var queue = new FairQueue(new SchedulerOptions());
        var entries = Enumerable.Range(0, 10_000).Select(_ => new QueueEntry()).ToArray();
        var flows = Enumerable.Range(0, 100).Select(i => $"flow {i}").ToArray();
        Assert.Equal(0, Allocation.LeastOf(() => Fill(queue, entries, flows)));
    }

    private static void Fill(FairQueue queue, QueueEntry[] entries, string[] flows)
    {
        for (var i = 0; i < entries.Length; i++)
        {
            queue.Add(entries[i], (Lane)(i % 3), flows[i % flows.Length], (i * 37 % 9_000) + 1);
        }

        while (queue.Take() is not null)
        {
        }
    }

    private static void Step(FairQueue queue, HashSet<QueueEntry> waiting, TestDice dice)
    {
        switch (dice.Next(5))
        {
            case 0 when queue.Take() is { } taken:
                Assert.True(waiting.Remove(taken));
                break;
            case 1 when waiting.Count > 0:
                var leaves = waiting.First();
                queue.Remove(leaves);
                waiting.Remove(leaves);
                break;
            default:
                var entry = new QueueEntry();
                queue.Add(entry, (Lane)dice.Next(3), $"f{dice.Next(4)}", dice.Next(50_000));
                waiting.Add(entry);
                break;
        }
    }

    private sealed class Named(string name) : QueueEntry
    {
        public string Name { get; } = name;
    }
}
