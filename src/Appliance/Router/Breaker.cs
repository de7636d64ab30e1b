using Jesus.Inference.Contract;

namespace Jesus.Appliance.Router;

/// <summary>
/// What recent attempts say about a candidate. Times are milliseconds of one monotonic clock; 0 means never.
/// </summary>
/// <param name="Failures">Failures in a row.</param>
/// <param name="Trips">How often the breaker opened since the last success: the rest doubles with each.</param>
/// <param name="OpenUntilMs">The breaker keeps calls away until then; after it, one at a time may try.</param>
/// <param name="CooldownUntilMs">The candidate itself asked to be left alone until then (retry-after).</param>
public readonly record struct BreakerState(int Failures, int Trips, long OpenUntilMs, long CooldownUntilMs);

/// <summary>Circuit breaker and cooldown of one candidate: pure, time is an argument.</summary>
public static class Breaker
{
    /// <summary>Failures in a row that open it: fewer would let one bad minute of a provider's load balancer close a good door.</summary>
    public const int FailureThreshold = 5;

    /// <summary>First rest; doubles up to <see cref="LongestRestMs"/>. Longer than most restarts, shorter than an operator's patience.</summary>
    public const long FirstRestMs = 5_000;
    public const long LongestRestMs = 300_000;

    /// <summary>A provider that names a longer pause is believed only this far: its clock or header may be wrong.</summary>
    public const long LongestCooldownMs = 3_600_000;

    /// <summary>Causes that speak about the candidate's health, not about the request.</summary>
    public static bool Counts(ErrorCause cause) => cause is ErrorCause.ConnectFailed or ErrorCause.FirstTokenTimeout or ErrorCause.Stalled
        or ErrorCause.Cut or ErrorCause.Malformed or ErrorCause.Overloaded or ErrorCause.Internal or ErrorCause.Unauthorized;

    public static BreakerState OnSuccess(BreakerState state) => default(BreakerState) with { CooldownUntilMs = state.CooldownUntilMs };

    public static BreakerState OnFailure(BreakerState state, ErrorCause cause, long retryAfterMs, long nowMs)
    {
        if (retryAfterMs > 0)
        {
            var until = nowMs + Math.Min(retryAfterMs, LongestCooldownMs);
            state = state with { CooldownUntilMs = Math.Max(state.CooldownUntilMs, until) };
        }

        return Counts(cause) ? Count(state, nowMs) : state;
    }

    /// <summary>When the candidate may be called again; 0 when it may now.</summary>
    public static long RestsUntil(BreakerState state, long nowMs)
    {
        var until = Math.Max(state.OpenUntilMs, state.CooldownUntilMs);
        return until > nowMs ? until : 0;
    }

    private static BreakerState Count(BreakerState state, long nowMs)
    {
        var failures = state.Failures + 1;

        // A trial call after a rest that fails opens again at once.
        if (failures < FailureThreshold && state.Trips == 0)
        {
            return state with { Failures = failures };
        }

        var rest = Math.Min(FirstRestMs << Math.Min(state.Trips, 16), LongestRestMs);
        return state with { Failures = 0, Trips = state.Trips + 1, OpenUntilMs = nowMs + rest };
    }
}
