using Jesus.Appliance.Pipeline;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Pipeline;

public sealed class AttemptWatchTests : IDisposable
{
    private readonly OneTimer _time = new();

    public void Dispose() => _time.Dispose();

    [Theory]
    [InlineData(false, ErrorCause.FirstTokenTimeout)]
    [InlineData(true, ErrorCause.Stalled)]
    public void Silence_ends_the_attempt_at_its_limit_and_not_before(bool begun, ErrorCause cause)
    {
        using var watch = Started(waitsForWork: true);
        if (begun)
        {
            watch.Progress();
        }

        _time.Advance(9_999);
        Assert.Equal(ErrorCause.None, watch.Cause);
        _time.Advance(2);
        Assert.Equal(cause, watch.Cause);
        Assert.True(watch.Token.IsCancellationRequested);
    }

    [Theory]
    [InlineData(true, ErrorCause.None)]
    [InlineData(false, ErrorCause.Stalled)]
    public void A_candidate_that_says_that_it_works_is_waited_for_where_nobody_else_could_answer(bool waitsForWork, ErrorCause cause)
    {
        using var watch = Started(waitsForWork);
        watch.Progress();
        for (var second = 0; second < 60; second++)
        {
            _time.Advance(1_000);
            watch.Works();
        }

        Assert.Equal(cause, watch.Cause);
        _time.Advance(10_001);
        Assert.Equal(ErrorCause.Stalled, watch.Cause);
    }

    [Fact]
    public void Work_does_not_outlast_the_deadline()
    {
        using var watch = Started(waitsForWork: true, leftMs: 5_000);
        for (var second = 0; second < 6; second++)
        {
            watch.Works();
            _time.Advance(1_000);
        }

        Assert.True(watch.IsLate);
    }

    private AttemptWatch Started(bool waitsForWork, long leftMs = long.MaxValue)
    {
        var watch = new AttemptWatch(_time);
        watch.Start(firstMs: 10_000, stallMs: 10_000, committedStallMs: 10_000, waitsForWork, leftMs, CancellationToken.None);
        return watch;
    }

    /// <summary>A clock by hand with the one timer that a watch has.</summary>
    private sealed class OneTimer : TimeProvider, ITimer
    {
        private TimerCallback? _callback;
        private object? _state;
        private long _nowMs = 1_000_000;
        private long _dueMs = long.MaxValue;

        public override long TimestampFrequency => 1_000;

        public override long GetTimestamp() => _nowMs;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddMilliseconds(_nowMs);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            (_callback, _state) = (callback, state);
            return this;
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            _dueMs = _nowMs + (long)dueTime.TotalMilliseconds;
            return true;
        }

        public void Advance(int milliseconds)
        {
            for (; milliseconds > 0; milliseconds--)
            {
                _nowMs++;
                if (_nowMs >= _dueMs)
                {
                    _dueMs = long.MaxValue;
                    _callback!(_state);
                }
            }
        }

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
