using Jesus.Appliance.Admission;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Admission;

public sealed class AdmissionGateTests
{
    private static readonly ModelRequest Request = new();

    [Fact]
    public void A_principal_is_refused_past_its_calls_a_minute_and_told_exactly_how_long_to_wait()
    {
        var gate = new AdmissionGate(new LimitsOptions { CallsPerMinute = 2 });
        Assert.True(Enter(gate, 0).IsNone);
        Assert.True(Enter(gate, 0).IsNone);
        var refusal = Enter(gate, 10_000);
        Assert.Equal(ErrorCause.RateLimited, refusal.Cause);
        Assert.Equal(20_000, refusal.RetryAfter.TotalMilliseconds);
        Assert.False(Enter(gate, 29_999).IsNone);
        Assert.True(Enter(gate, 30_000).IsNone);
    }

    [Fact]
    public void A_principal_is_refused_past_its_calls_in_progress_until_one_ends()
    {
        var gate = new AdmissionGate(new LimitsOptions { CallsInProgress = 1 });
        Assert.True(Enter(gate, 0).IsNone);
        Assert.Equal(ErrorCause.RateLimited, Enter(gate, 0).Cause);
        Assert.True(Enter(gate, 0, Principal.System with { Id = "other" }).IsNone);
        gate.Leave(Principal.System);
        Assert.True(Enter(gate, 0).IsNone);
    }

    [Fact]
    public void The_appliance_sheds_load_past_its_own_limit()
    {
        var gate = new AdmissionGate(new LimitsOptions { CallsInProgressTotal = 1 });
        Assert.True(Enter(gate, 0).IsNone);
        var refusal = Enter(gate, 0, Principal.System with { Id = "other" });
        Assert.Equal(ErrorCause.Overloaded, refusal.Cause);
        Assert.True(refusal.RetryAfter > TimeSpan.Zero);
    }

    [Fact]
    public void A_bucket_grants_what_its_rate_allows_over_any_hour()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var dice = new Jesus.Tests.Faults.TestDice(seed);
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

    [Theory]
    [InlineData(9, 10, "n")]
    [InlineData(0, 10, "n")]
    [InlineData(1, 200_000, "max_tokens")]
    public void A_request_out_of_shape_is_refused_by_the_field_s_name(int choices, int maxTokens, string param)
    {
        var gate = new AdmissionGate(new LimitsOptions());
        var error = gate.Enter(Principal.System, new ModelRequest { Choices = choices, MaxOutputTokens = maxTokens }, 0);
        Assert.Equal((ErrorCause.Refused, param), (error.Cause, error.Param));
        Assert.Equal(0, gate.Inside);
    }

    private static ModelError Enter(AdmissionGate gate, long nowMs, Principal? principal = null) =>
        gate.Enter(principal ?? Principal.System, Request, nowMs);
}
