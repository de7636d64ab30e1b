using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Scheduler;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Pipeline;

/// <summary>What a call does whose candidate has neither a place nor room in its queue.</summary>
public sealed class TurnedAwayTests
{
    private readonly TaskCompletionSource _release = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact]
    public async Task A_person_is_told_at_once_and_not_kept_waiting_outside_the_queue()
    {
        var slow = Slow("a");
        var test = Full([slow]);
        var taken = await FillAsync(test, doors: 1);
        var refused = test.RunAsync(new CollectingSink(), cancel: TestContext.Current.CancellationToken);
        Assert.True(refused.IsCompleted, "a refusal that waits");
        var outcome = await refused;
        Assert.Equal((ErrorCause.Overloaded, 1), (outcome.Error.Cause, slow.Calls));
        Assert.True(outcome.Error.RetryAfter > TimeSpan.Zero, "a refusal that does not say for how long");
        _release.SetResult();
        Assert.All(await Task.WhenAll(taken), o => Assert.True(o.Succeeded));
    }

    [Fact]
    public async Task A_step_of_a_run_asks_again_since_nobody_holds_a_connection_for_it()
    {
        var test = Full([Slow("a")]);
        var taken = await FillAsync(test, doors: 1);
        var asked = test.RunAsync(new CollectingSink(), call => call.Lane = Lane.Agent, TestContext.Current.CancellationToken).AsTask();
        Assert.False(asked.IsCompleted);
        _release.SetResult();
        Assert.All(await Task.WhenAll([.. taken, asked]), o => Assert.True(o.Succeeded));
    }

    [Fact]
    public async Task A_key_whose_places_are_all_taken_leads_to_the_next_key()
    {
        var second = FakeAdapter.Saying("a", "second key");
        var test = Full([Slow("a"), second]);
        var taken = await FillAsync(test, doors: 1);
        var sink = new CollectingSink();
        Assert.True((await test.RunAsync(sink, cancel: TestContext.Current.CancellationToken)).Succeeded);
        Assert.Equal("second key", sink.Text);
        _release.SetResult();
        _ = await Task.WhenAll(taken);
    }

    private static TestPipeline Full(FakeAdapter[] adapters) => new(adapters, scheduler: new SchedulerOptions { DefaultSlots = 1, QueueDepthMax = 1 });

    private FakeAdapter Slow(string provider) => new(provider, async (_, sink, _) =>
    {
        await _release.Task;
        return await FakeAdapter.SayAsync(sink, "slow");
    });

    /// <summary>One call in each place, and one in each queue.</summary>
    private static async Task<Task<Outcome>[]> FillAsync(TestPipeline test, int doors)
    {
        var calls = Enumerable.Range(0, 2 * doors).Select(_ => test.RunAsync(new CollectingSink()).AsTask()).ToArray();
        await Task.Yield();
        Assert.All(calls, call => Assert.False(call.IsCompleted));
        return calls;
    }
}
