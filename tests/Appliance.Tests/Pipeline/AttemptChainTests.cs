using Jesus.Appliance.Pipeline;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Pipeline;

public sealed class AttemptChainTests
{
    [Fact]
    public void Candidates_are_tried_in_order_then_those_that_may_have_recovered_after_a_backoff()
    {
        var chain = Begin(3, retries: 1);
        Fail(chain, 0, ErrorCause.ConnectFailed, 0);
        Fail(chain, 1, ErrorCause.Unauthorized, 0);
        Fail(chain, 2, ErrorCause.Overloaded, 0);
        Assert.Equal(new ChainStep(ChainMove.Wait, 0, AttemptChain.BackoffMs), chain.Next(0, long.MaxValue));
        Assert.Equal(new ChainStep(ChainMove.Try, 0), chain.Next(AttemptChain.BackoffMs, long.MaxValue));
        chain.Failed(0, ErrorCause.ConnectFailed, true, 0, AttemptChain.BackoffMs);
        Assert.Equal(new ChainStep(ChainMove.Try, 2), chain.Next(AttemptChain.BackoffMs, long.MaxValue));
        chain.Failed(2, ErrorCause.ConnectFailed, true, 0, AttemptChain.BackoffMs);
        Assert.Equal(ChainMove.Stop, chain.Next(AttemptChain.BackoffMs, long.MaxValue).Move);
    }

    [Fact]
    public void A_candidate_that_named_a_pause_is_not_called_before_it_ends()
    {
        var chain = Begin(1, retries: 2);
        chain.Failed(0, ErrorCause.RateLimited, true, retryAfterMs: 3_000, nowMs: 100);
        Assert.Equal(new ChainStep(ChainMove.Wait, 0, 3_000), chain.Next(100, long.MaxValue));
        Assert.Equal(ChainMove.Try, chain.Next(3_100, long.MaxValue).Move);
    }

    [Fact]
    public void A_pause_that_is_too_long_or_past_the_deadline_ends_the_call()
    {
        var chain = Begin(1, retries: 2);
        chain.Failed(0, ErrorCause.RateLimited, true, AttemptChain.LongestWaitMs + 1, 0);
        Assert.Equal(ChainMove.Stop, chain.Next(0, long.MaxValue).Move);

        chain = Begin(1, retries: 2);
        chain.Failed(0, ErrorCause.RateLimited, true, 3_000, 0);
        Assert.Equal(ChainMove.Stop, chain.Next(0, deadlineMs: 2_000).Move);
    }

    [Fact]
    public void A_cause_that_is_not_passed_over_ends_the_call()
    {
        var chain = Begin(2, retries: 2);
        chain.Failed(0, ErrorCause.ContentPolicy, fallsBack: false, 0, 0);
        Assert.Equal(ChainMove.Stop, chain.Next(0, long.MaxValue).Move);
    }

    [Fact]
    public void A_candidate_that_rests_is_passed_over_while_another_can_be_asked()
    {
        var chain = Begin(2, retries: 0);
        chain.HoldBack(0, 500);
        Assert.Equal(new ChainStep(ChainMove.Try, 1), chain.Next(0, long.MaxValue));
        Assert.False(chain.HasOther(1, 0));
        Assert.True(chain.HasOther(1, 500));
    }

    [Fact]
    public void Another_key_has_a_door_of_its_own_and_is_no_other_server()
    {
        var chain = Begin(3, retries: 0);
        chain.Name(0, "a/m");
        chain.Name(1, "a/m");
        chain.Name(2, "b/m");
        Assert.Equal(2, chain.Other(0, 0));
        chain.HoldBack(2, 500);
        Assert.Equal((true, false, -1), (chain.HasOtherDoor(0, 0), chain.HasOther(0, 0), chain.Other(0, 0)));
        Assert.True(chain.HasOther(0, 500));
    }

    [Fact]
    public void Whatever_happens_a_chain_ends_after_its_rounds()
    {
        for (var seed = 0; seed < 2_000; seed++)
        {
            var dice = new Jesus.Tests.Faults.TestDice(seed);
            var places = dice.Next(6) + 1;
            var retries = dice.Next(6);
            var chain = Begin(places, retries);
            var now = 0L;
            var tries = new int[places];
            for (var step = chain.Next(now, long.MaxValue); step.Move != ChainMove.Stop; step = chain.Next(now, long.MaxValue))
            {
                now += step.WaitMs;
                if (step.Move == ChainMove.Try)
                {
                    tries[step.Place]++;
                    chain.Failed(step.Place, (ErrorCause)(dice.Next(17) + 1), fallsBack: true, dice.Next(3) * 400, now);
                }
            }

            Assert.True(tries.All(t => t >= 1 && t <= retries + 1), $"seed {seed}: {string.Join(',', tries)}");
        }
    }

    private static AttemptChain Begin(int places, int retries)
    {
        var chain = new AttemptChain();
        chain.Begin(places, retries);
        return chain;
    }

    private static void Fail(AttemptChain chain, int place, ErrorCause cause, long nowMs)
    {
        Assert.Equal(new ChainStep(ChainMove.Try, place), chain.Next(nowMs, long.MaxValue));
        chain.Failed(place, cause, fallsBack: true, 0, nowMs);
    }
}
