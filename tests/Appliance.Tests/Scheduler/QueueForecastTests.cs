using Jesus.Appliance.Scheduler;

namespace Jesus.Appliance.Tests.Scheduler;

public sealed class QueueForecastTests
{
    [Theory]
    [InlineData(Lane.Interactive, 10)]
    [InlineData(Lane.Agent, 6)]
    [InlineData(Lane.Batch, 3)]
    public async Task Batches_and_agents_leave_room_in_the_queue_for_people(Lane lane, int places)
    {
        var scheduler = new TicketScheduler(new SchedulerOptions { QueueDepthMax = 10 });
        using var cancel = new CancellationTokenSource();
        Assert.True(scheduler.TryEnter("a/m", 1, lane, out _));
        var waiting = Enumerable.Range(0, places).Select(_ => scheduler.WaitAsync("a/m", lane, "f", 1, cancel.Token).AsTask()).ToArray();
        Assert.All(waiting, task => Assert.False(task.IsCompleted));
        Assert.Equal(TicketVerdict.Full, (await scheduler.WaitAsync("a/m", lane, "f", 1, cancel.Token)).Verdict);
        await cancel.CancelAsync();
        await Task.WhenAll(waiting);
    }

    [Fact]
    public async Task Who_would_wait_too_long_is_told_at_once_how_long()
    {
        var now = 0L;
        var scheduler = new TicketScheduler(new SchedulerOptions { InteractiveWaitMs = 2_500 }, () => now);
        using var cancel = new CancellationTokenSource();
        Assert.True(scheduler.TryEnter("a/m", 1, Lane.Interactive, out var first));
        now += 1_000;
        first.Dispose();
        Assert.True(scheduler.TryEnter("a/m", 1, Lane.Interactive, out _));
        var waiting = Enumerable.Range(0, 2).Select(_ => scheduler.WaitAsync("a/m", Lane.Interactive, "f", 1, cancel.Token).AsTask()).ToArray();
        var turnedAway = await scheduler.WaitAsync("a/m", Lane.Interactive, "f", 1, cancel.Token);
        Assert.Equal((TicketVerdict.Full, 3_000L), (turnedAway.Verdict, turnedAway.ForeseenMs));
        await cancel.CancelAsync();
        await Task.WhenAll(waiting);
    }

    [Fact]
    public async Task A_lane_s_wait_is_foreseen_by_who_stands_before_it()
    {
        var now = 0L;
        var scheduler = new TicketScheduler(new SchedulerOptions { BatchWaitMs = 100 }, () => now);
        using var cancel = new CancellationTokenSource();
        Assert.True(scheduler.TryEnter("a/m", 1, Lane.Batch, out var first));
        now += 1_000;
        first.Dispose();
        Assert.True(scheduler.TryEnter("a/m", 1, Lane.Interactive, out _));
        var person = scheduler.WaitAsync("a/m", Lane.Interactive, "f", 1, cancel.Token).AsTask();

        // The person who waits, then the batch: of seventeen places people would get sixteen only if so many came.
        Assert.InRange((await scheduler.WaitAsync("a/m", Lane.Batch, "f", 1, cancel.Token)).ForeseenMs, 2_000, 2_100);
        await cancel.CancelAsync();
        await person;
    }
}
