using Jesus.Appliance.Runner.Views;

namespace Jesus.Appliance.Tests.Runner;

public sealed class EarlyTimerTests
{
    [Fact]
    public async Task A_timer_that_fires_early_is_set_again()
    {
        var time = new EarlyTime();
        using var rig = new RunnerRig(time: time);
        var view = await rig.RunAsync("name: asking\nsteps:\n  ask: {approve: {message: go, timeout: 2s}}");
        Assert.Equal(RunStateName.Failed, view.State);
        Assert.True(time.Early > 0);
    }

    /// <summary>The first timers fire at once, before their time.</summary>
    private sealed class EarlyTime : TimeProvider
    {
        private int _early;

        public int Early => _early;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => new Timer(this, callback, state, dueTime, period);

        private sealed class Timer(EarlyTime time, TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) : ITimer
        {
            private readonly ITimer _inner = TimeProvider.System.CreateTimer(callback, state, dueTime, period);

            public bool Change(TimeSpan dueTime, TimeSpan period) =>
                _inner.Change(dueTime > TimeSpan.FromMilliseconds(5) && Interlocked.Increment(ref time._early) == 1 ? TimeSpan.FromMilliseconds(1) : dueTime, period);

            public void Dispose() => _inner.Dispose();

            public ValueTask DisposeAsync() => _inner.DisposeAsync();
        }
    }
}
