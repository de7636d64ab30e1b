using Jesus.Appliance.Router;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Router;

public sealed class BreakerTests
{
    [Fact]
    public void Failures_in_a_row_open_it_and_a_success_forgets_them()
    {
        var state = default(BreakerState);
        for (var i = 0; i < Breaker.FailureThreshold - 1; i++)
        {
            state = Breaker.OnFailure(state, ErrorCause.Cut, 0, 100);
        }

        Assert.Equal(0, Breaker.RestsUntil(state, 100));
        Assert.Equal(default, Breaker.OnSuccess(state));
        state = Breaker.OnFailure(state, ErrorCause.Cut, 0, 100);
        Assert.Equal(100 + Breaker.FirstRestMs, Breaker.RestsUntil(state, 100));
    }

    [Fact]
    public void A_trial_that_fails_doubles_the_rest_up_to_its_longest()
    {
        var state = new BreakerState(0, 1, 0, 0);
        var now = 0L;
        for (var rest = Breaker.FirstRestMs * 2; rest < Breaker.LongestRestMs; rest *= 2)
        {
            state = Breaker.OnFailure(state, ErrorCause.ConnectFailed, 0, now);
            Assert.Equal(now + rest, Breaker.RestsUntil(state, now));
            now += rest;
            Assert.Equal(0, Breaker.RestsUntil(state, now));
        }

        state = Breaker.OnFailure(state, ErrorCause.ConnectFailed, 0, now);
        Assert.Equal(now + Breaker.LongestRestMs, Breaker.RestsUntil(state, now));
    }

    [Fact]
    public void A_request_of_the_callers_own_fault_says_nothing_about_the_candidate()
    {
        var state = default(BreakerState);
        for (var i = 0; i < 100; i++)
        {
            state = Breaker.OnFailure(state, ErrorCause.Refused, 0, 0);
        }

        Assert.Equal(default, state);
    }

    [Fact]
    public void A_named_pause_is_kept_even_over_a_success_and_never_longer_than_an_hour()
    {
        var state = Breaker.OnFailure(default, ErrorCause.RateLimited, retryAfterMs: 7_000, nowMs: 10);
        Assert.Equal(7_010, Breaker.RestsUntil(Breaker.OnSuccess(state), 10));
        state = Breaker.OnFailure(default, ErrorCause.RateLimited, long.MaxValue / 2, 0);
        Assert.Equal(Breaker.LongestCooldownMs, Breaker.RestsUntil(state, 0));
    }
}
