using Jesus.Appliance.Admission;
using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;
using Jesus.Tests.Faults;

namespace Jesus.Appliance.Tests.Admission;

public sealed class AdmissionGateTests
{
    private static readonly ModelRequest Request = new();

    [Fact]
    public void A_principal_is_refused_past_its_calls_a_minute_and_told_exactly_how_long_to_wait()
    {
        var gate = new AdmissionGate(new LimitsOptions { CallsPerMinute = 2 });
        Assert.True(Enter(gate, 0).Error.IsNone);
        Assert.True(Enter(gate, 0).Error.IsNone);
        var (refusal, figures, _) = Enter(gate, 10_000);
        Assert.Equal(ErrorCause.RateLimited, refusal.Cause);
        Assert.Equal(20_000, refusal.RetryAfter.TotalMilliseconds);
        Assert.Equal(new RateFigure(2, 0, 50_000), figures.Requests);
        Assert.False(Enter(gate, 29_999).Error.IsNone);
        Assert.True(Enter(gate, 30_000).Error.IsNone);
    }

    [Fact]
    public void A_principal_is_refused_past_its_calls_in_progress_until_one_ends()
    {
        var gate = new AdmissionGate(new LimitsOptions { CallsInProgress = 1 });
        var first = Enter(gate, 0);
        var refusal = Enter(gate, 0).Error;
        Assert.Equal(ErrorCause.RateLimited, refusal.Cause);
        Assert.True(refusal.RetryAfter > TimeSpan.Zero);
        Assert.True(Enter(gate, 0, Principal.System with { Id = "other" }).Error.IsNone);
        gate.Leave(first.Pass, 0, 5);
        Assert.True(Enter(gate, 5).Error.IsNone);
    }

    [Fact]
    public void The_wait_for_a_place_follows_from_how_long_calls_take()
    {
        var gate = new AdmissionGate(new LimitsOptions { CallsInProgress = 4 });
        var now = 0L;
        for (var i = 0; i < 100; i++)
        {
            var call = Enter(gate, now);
            now += 8_000;
            gate.Leave(call.Pass, 0, now);
        }

        for (var i = 0; i < 4; i++)
        {
            Assert.True(Enter(gate, now).Error.IsNone);
        }

        // Two of four that take eight seconds each are over after half of that; then four fifths of the places are dealt out one after another.
        double[] told = [.. Enumerable.Range(0, 3).Select(i => Enter(gate, now, model: $"m{i}").Error.RetryAfter.TotalMilliseconds)];
        Assert.InRange(told[0], 3_900, 4_100);
        Assert.InRange(told[1] - told[0], 2_400, 2_600);
        Assert.InRange(told[2] - told[1], 2_400, 2_600);
    }

    [Theory]
    [InlineData(true, "has 1 of 2 calls in progress, and the rest is kept for those that were told to come back")]
    [InlineData(false, "has 1 calls in progress of 2, and keeps the rest for those that were told to come back")]
    public void A_place_that_comes_free_is_kept_for_whoever_was_told_to_come_and_newcomers_are_told_why(bool ofOneKey, string why)
    {
        var gate = new AdmissionGate(ofOneKey ? new LimitsOptions { CallsInProgress = 2 } : new LimitsOptions { CallsInProgressTotal = 2 });
        AdmissionPass[] inside = [Enter(gate, 0, model: "a").Pass, Enter(gate, 0, model: "b").Pass];
        var told = Enter(gate, 0, model: "c").Error;
        var second = Enter(gate, 0, model: "d").Error;
        Assert.True(second.RetryAfter > told.RetryAfter);

        gate.Leave(inside[0], 0, 500);
        var newcomer = Enter(gate, 500, model: "e").Error;
        Assert.Contains(why, newcomer.Message, StringComparison.Ordinal);
        Assert.True(newcomer.RetryAfter > second.RetryAfter - TimeSpan.FromMilliseconds(500));
        Assert.True(Enter(gate, (long)told.RetryAfter.TotalMilliseconds, model: "c").Error.IsNone);
        gate.Leave(inside[1], 0, 900);
        Assert.True(Enter(gate, (long)second.RetryAfter.TotalMilliseconds, model: "d").Error.IsNone);
    }

    [Theory]
    [InlineData(Lane.Interactive, 8)]
    [InlineData(Lane.Agent, 6)]
    [InlineData(Lane.Batch, 4)]
    public void Work_that_may_wait_is_refused_while_people_still_get_in(Lane lane, int places)
    {
        var gate = new AdmissionGate(new LimitsOptions { CallsInProgressTotal = 8 });
        for (var i = 0; i < places; i++)
        {
            Assert.True(Enter(gate, 0, lane: lane).Error.IsNone);
        }

        var refusal = Enter(gate, 0, lane: lane).Error;
        Assert.Equal(ErrorCause.Overloaded, refusal.Cause);
        Assert.True(refusal.RetryAfter > TimeSpan.Zero);
        Assert.Equal(lane != Lane.Interactive, Enter(gate, 0).Error.IsNone);
    }

    [Theory]
    [InlineData(92, true, true, true)]
    [InlineData(93, true, true, false)]
    [InlineData(96, true, false, false)]
    [InlineData(98, false, false, false)]
    public void Lanes_are_shed_one_after_another_as_memory_runs_out(int percent, bool interactive, bool agent, bool batch)
    {
        var gate = new AdmissionGate(new LimitsOptions(), _ => percent);
        Assert.Equal(interactive, Enter(gate, 0).Error.IsNone);
        Assert.Equal(agent, Enter(gate, 0, lane: Lane.Agent).Error.IsNone);
        Assert.Equal(batch, Enter(gate, 0, lane: Lane.Batch).Error.IsNone);
    }

    [Fact]
    public void Every_rule_that_matches_counts_and_the_one_nearest_its_end_is_shown()
    {
        var gate = new AdmissionGate(new LimitsOptions
        {
            Rules =
            [
                new LimitRule { Scope = LimitScope.User, RequestsPerMinute = 100 },
                new LimitRule { Scope = LimitScope.Team, Name = "red", RequestsPerMinute = 10, TokensPerMinute = 1_000 },
                new LimitRule { Scope = LimitScope.Model, Name = "big-*", RequestsPerMinute = 3 },
            ],
        });
        var red = Principal.System with { Id = "key:1", User = "ann", Team = "red" };
        Assert.Equal(3, Enter(gate, 0, red, model: "big-1").Figures.Requests.Limit);
        Assert.Equal(new RateFigure(10, 8, 12_000), Enter(gate, 0, red, model: "small").Figures.Requests);
        Assert.Equal(1_000, Enter(gate, 0, red, model: "small").Figures.Tokens.Remaining);
        Assert.Equal(100, Enter(gate, 0, red with { Id = "key:2", User = "bob", Team = "blue" }, model: "small").Figures.Requests.Limit);
    }

    [Fact]
    public void Of_the_rules_of_one_scope_the_most_specific_one_holds_and_each_name_is_counted_by_itself()
    {
        var book = LimitBook.Of(new LimitsOptions
        {
            Rules =
            [
                new LimitRule { Scope = LimitScope.Model, RequestsPerMinute = 1 },
                new LimitRule { Scope = LimitScope.Model, Name = "gpt-*", RequestsPerMinute = 2 },
                new LimitRule { Scope = LimitScope.Model, Name = "gpt-5*", RequestsPerMinute = 3 },
                new LimitRule { Scope = LimitScope.Model, Name = "gpt-5-mini", RequestsPerMinute = 4 },
            ],
        });
        int[] found = [.. new[] { "other", "gpt-4", "gpt-5", "gpt-5-mini" }.Select(name => book.Find(LimitScope.Model, name)!.RequestsPerMinute)];
        Assert.Equal([1, 2, 3, 4], found);
        Assert.Null(book.Find(LimitScope.Team, "red"));
    }

    [Fact]
    public void Tokens_are_taken_by_the_bound_and_corrected_by_what_was_used()
    {
        var gate = new AdmissionGate(new LimitsOptions { Rules = [new LimitRule { Scope = LimitScope.Key, TokensPerMinute = 6_000 }] });
        var first = Enter(gate, 0);
        var figures = first.Figures;
        Assert.True(gate.TakeTokens(first.Pass, 5_000, 0, ref figures).IsNone);
        Assert.Equal(1_000, figures.Tokens.Remaining);
        var second = Enter(gate, 0);
        var refusal = gate.TakeTokens(second.Pass, 2_000, 0, ref figures);
        Assert.Equal((ErrorCause.RateLimited, 10_000.0), (refusal.Cause, refusal.RetryAfter.TotalMilliseconds));
        gate.Leave(first.Pass, 500, 0);
        gate.Leave(second.Pass, 0, 0);
        Assert.Equal(5_500, Enter(gate, 0).Figures.Tokens.Remaining);
    }

    [Fact]
    public void A_call_larger_than_a_minute_s_tokens_waits_for_a_full_bucket_and_leaves_a_debt()
    {
        var gate = new AdmissionGate(new LimitsOptions { Rules = [new LimitRule { Scope = LimitScope.Key, TokensPerMinute = 1_000 }] });
        var call = Enter(gate, 0);
        var figures = call.Figures;
        Assert.True(gate.TakeTokens(call.Pass, 50_000, 0, ref figures).IsNone);
        gate.Leave(call.Pass, 3_000, 0);
        var next = Enter(gate, 0);
        figures = next.Figures;
        Assert.Equal(0, figures.Tokens.Remaining);
        Assert.Equal(121_000, gate.TakeTokens(next.Pass, 17, 0, ref figures).RetryAfter.TotalMilliseconds, tolerance: 1_000);
    }

    [Fact]
    public void A_reload_changes_the_rates_and_keeps_who_is_inside()
    {
        var gate = new AdmissionGate(new LimitsOptions { CallsInProgress = 2 });
        var call = Enter(gate, 0);
        gate.Replace(new LimitsOptions { CallsInProgress = 1 }, 0);
        Assert.False(Enter(gate, 0).Error.IsNone);
        gate.Leave(call.Pass, 0, 0);
        Assert.True(Enter(gate, 0).Error.IsNone);
    }

    [Fact]
    public void A_bucket_grants_what_its_rate_allows_over_any_hour()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var dice = new TestDice(seed);
            var rate = dice.Next(100) + 1;
            var bucket = TokenBucket.Full(rate, 0);
            var granted = 0;
            for (var now = 0L; now < 3_600_000; now += dice.Next(3_000))
            {
                granted += bucket.TryTake(rate, now, out bucket, out _) ? 1 : 0;
            }

            Assert.True(granted <= rate * 61, $"seed {seed}: {granted} calls at {rate} a minute");
        }
    }

    [Fact]
    public void A_bucket_of_tokens_never_lets_more_be_used_than_its_rate_and_the_last_calls_over_it()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var dice = new TestDice(seed);
            var rate = dice.Next(5_000) + 1;
            var bucket = TokenBucket.Full(rate, 0);
            var used = 0L;
            for (var now = 0L; now < 3_600_000; now += dice.Next(5_000))
            {
                var bound = dice.Next(rate) + 1;
                if (bucket.TryTake(rate, bound, now, out bucket, out var waitMs))
                {
                    var real = dice.Next(bound + 1);
                    bucket = bucket.Correct(rate, bound, real);
                    used += real;
                }
                else
                {
                    Assert.True(bucket.TryTake(rate, bound, now + waitMs, out _, out _), $"seed {seed}: the wait was too short");
                    Assert.False(bucket.TryTake(rate, bound, now + waitMs - 1, out _, out _), $"seed {seed}: the wait was too long");
                }
            }

            Assert.True(used <= rate * 61L, $"seed {seed}: {used} tokens at {rate} a minute");
        }
    }

    [Theory]
    [InlineData(9, 10, "n")]
    [InlineData(0, 10, "n")]
    [InlineData(1, 200_000, "max_tokens")]
    public void A_request_out_of_shape_is_refused_by_the_field_s_name(int choices, int maxTokens, string param)
    {
        var gate = new AdmissionGate(new LimitsOptions());
        var error = gate.Enter(new AdmissionPass(), Principal.System, Lane.Interactive, "m", new ModelRequest { Choices = choices, MaxOutputTokens = maxTokens }, 0, out _);
        Assert.Equal((ErrorCause.Refused, param), (error.Cause, error.Param));
        Assert.Equal(0, gate.Inside);
    }

    private static (ModelError Error, RateLimits Figures, AdmissionPass Pass) Enter(
        AdmissionGate gate, long nowMs, Principal? principal = null, Lane lane = Lane.Interactive, string model = "m")
    {
        var pass = new AdmissionPass();
        var error = gate.Enter(pass, principal ?? Principal.System, lane, model, Request, nowMs, out var figures);
        return (error, figures, pass);
    }
}
