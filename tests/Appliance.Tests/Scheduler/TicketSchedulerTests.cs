using Jesus.Appliance.Scheduler;
using Jesus.Tests.Faults;

namespace Jesus.Appliance.Tests.Scheduler;

public sealed class TicketSchedulerTests
{
    [Fact]
    public async Task A_returned_ticket_goes_to_whoever_waits()
    {
        var scheduler = new TicketScheduler(new SchedulerOptions());
        Assert.True(scheduler.TryEnter("a/m", 1, Lane.Agent, out var first));
        Assert.False(scheduler.TryEnter("a/m", 1, Lane.Agent, out _));
        var waiting = scheduler.WaitAsync("a/m", Lane.Agent, "f", 1, TestContext.Current.CancellationToken);
        Assert.False(waiting.IsCompleted);
        first.Dispose();
        var second = await waiting;
        Assert.Equal(TicketVerdict.Granted, second.Verdict);
        Assert.False(scheduler.TryEnter("a/m", 1, Lane.Agent, out _));
        second.Ticket.Dispose();
        Assert.True(scheduler.TryEnter("a/m", 1, Lane.Agent, out _));
    }

    [Fact]
    public async Task A_full_queue_turns_calls_away()
    {
        var scheduler = new TicketScheduler(new SchedulerOptions { QueueDepthMax = 1 });
        using var cancel = new CancellationTokenSource();
        Assert.True(scheduler.TryEnter("a/m", 1, Lane.Agent, out _));
        var waiting = scheduler.WaitAsync("a/m", Lane.Agent, "f", 1, cancel.Token);
        Assert.Equal(TicketVerdict.Full, (await scheduler.WaitAsync("a/m", Lane.Agent, "f", 1, cancel.Token)).Verdict);
        await cancel.CancelAsync();
        Assert.Equal(TicketVerdict.Left, (await waiting).Verdict);
    }

    [Theory]
    [InlineData(7)]
    [InlineData(8)]
    public async Task Never_more_are_inside_than_there_are_slots_and_all_come_in(int seed)
    {
        const int Slots = 5;
        var scheduler = new TicketScheduler(new SchedulerOptions { QueueDepthMax = 10_000 });
        var inside = 0;
        var most = 0;
        var calls = Enumerable.Range(0, 500).Select(async i =>
        {
            var dice = new TestDice(seed + i);
            await Task.Yield();
            if (!scheduler.TryEnter("a/m", Slots, Lane.Batch, out var ticket))
            {
                ticket = (await scheduler.WaitAsync("a/m", (Lane)dice.Next(3), $"f{dice.Next(9)}", dice.Next(9_000), CancellationToken.None)).Ticket;
            }

            InterlockedMax(ref most, Interlocked.Increment(ref inside));
            await Task.Yield();
            Interlocked.Decrement(ref inside);
            ticket.Dispose();
        });
        await Task.WhenAll(calls);
        Assert.InRange(most, 1, Slots);
        Assert.Equal(0, inside);
    }

    private static void InterlockedMax(ref int place, int value)
    {
        var seen = Volatile.Read(ref place);
        while (value > seen && Interlocked.CompareExchange(ref place, value, seen) != seen)
        {
            seen = Volatile.Read(ref place);
        }
    }
}
