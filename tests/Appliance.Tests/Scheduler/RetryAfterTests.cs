using Jesus.Appliance.Scheduler;

namespace Jesus.Appliance.Tests.Scheduler;

/// <summary>What a refusal at a candidate's door tells, over many histories in simulated time.</summary>
public sealed class RetryAfterTests
{
    [Theory]
    [InlineData(1.0, 300)]
    [InlineData(0.5, 100)]
    [InlineData(0.05, 300)]
    public void Who_comes_back_as_told_is_let_in_at_four_times_the_load(double obeying, int seeds)
    {
        var (letIn, turnedAway, longest, least) = (0, 0, 0, 1.0);
        List<double> ratios = [];
        for (var seed = 1; seed <= seeds; seed++)
        {
            var crowd = new CrowdAtTheDoor(seed, obeying).Play();
            letIn += crowd.LetIn;
            turnedAway += crowd.TurnedAwayAgain;
            longest += crowd.ToldTheLongest;
            least = Math.Min(least, crowd.Used);
            ratios.AddRange(crowd.Ratios);
        }

        ratios.Sort();
        var (low, half, high) = (ratios[ratios.Count / 20], ratios[ratios.Count / 2], ratios[ratios.Count * 19 / 20]);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{letIn} let in, {turnedAway} turned away again, {longest} told the longest; place over told 5% {low:F2}, 50% {half:F2}, 95% {high:F2}; least use {least:F2}");
        Assert.True(letIn > 10 * seeds, $"only {letIn} came back: no overload");
        Assert.True(turnedAway <= 0.002 * letIn, $"{turnedAway} were turned away when they came back as told, {letIn} let in");

        // Not far too low: a place soon after the time told. Not far too high: nobody comes before the time, so what would show it is places that stand empty meanwhile.
        Assert.InRange(half, 0.95, 1.5);
        Assert.True(high <= 3, $"one in twenty waited {high:F1} times what it was told");
        Assert.True(least >= 0.75, $"places were used {least:P0} of the time");
    }

    [Fact]
    public void Callers_told_later_are_told_a_later_time_up_to_the_longest()
    {
        var book = new ReturnBook();
        for (var i = 1UL; i < 50; i++)
        {
            Assert.Equal(1_000 * (long)i, book.Tell(i, 1_000 * (long)i, 0));
        }

        Assert.Equal(ReturnBook.ToldMsMax, book.Tell(99, ReturnBook.ToldMsMax + 1, 0));
        Assert.False(book.IsBack(20, 19_900));
        Assert.True(book.IsBack(20, 20_000));
        Assert.False(book.IsBack(20, 20_001 + ReturnBook.GraceMs), "a claim for ever");
        Assert.False(book.IsBack(99, ReturnBook.ToldMsMax), "a claim beyond the longest time");
    }

    [Fact]
    public void Claims_of_callers_that_never_come_back_soon_weigh_nothing()
    {
        var book = new ReturnBook();
        var now = 0L;
        for (var i = 1UL; i <= 200; i++)
        {
            _ = book.Tell(i, 100, now);
            now += 100 + ReturnBook.GraceMs + 1;
        }

        _ = book.Tell(1_000, 100, now);
        Assert.InRange(book.Awaited, 0, 0.01);
    }

    [Fact]
    public async Task What_more_urgent_lanes_take_without_queueing_counts_as_standing_before_a_batch()
    {
        var now = 0L;
        var scheduler = new TicketScheduler(new SchedulerOptions { BatchWaitMs = 1 }, () => now);

        // One place; people hold it three quarters of the time, and never wait.
        for (var i = 0; i < 200; i++)
        {
            Assert.True(scheduler.TryEnter("a/m", 1, Lane.Interactive, out var ticket));
            now += 750;
            ticket.Dispose();
            now += 250;
        }

        Assert.True(scheduler.TryEnter("a/m", 1, Lane.Interactive, out _));
        var refused = await scheduler.WaitAsync("a/m", Lane.Batch, "f", 1, CancellationToken.None);
        Assert.Equal(TicketVerdict.Full, refused.Verdict);
        Assert.InRange(refused.ForeseenMs, 2 * 750, 6 * 750);
    }
}
