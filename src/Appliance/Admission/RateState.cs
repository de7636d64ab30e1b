namespace Jesus.Appliance.Admission;

/// <summary>What one name has used of its rule. Belongs to the <see cref="AdmissionGate"/>, under its lock.</summary>
internal sealed class RateState(LimitScope scope, string name, LimitRule rule, long nowMs)
{
    /// <summary>Weight of the newest call in the mean length: about the last ten count.</summary>
    private const double Newest = 0.1;

    private TokenBucket _requests = TokenBucket.Full(rule.RequestsPerMinute, nowMs);
    private TokenBucket _tokens = TokenBucket.Full(rule.TokensPerMinute, nowMs);
    private double _meanMs = 1_000;

    public LimitRule Rule { get; private set; } = rule;
    public int Inside { get; private set; }
    public long LastMs { get; private set; } = nowMs;

    /// <summary>As in messages: <c>team 'red'</c>.</summary>
    public string Display => $"{LimitScopes.Of(scope)} '{name}'";

    /// <summary>A reload changed the rule: what is in the buckets stays, up to what they may hold now.</summary>
    public void Follow(LimitRule rule, long nowMs)
    {
        _requests = Rule.RequestsPerMinute == 0 ? TokenBucket.Full(rule.RequestsPerMinute, nowMs) : _requests.At(rule.RequestsPerMinute, nowMs);
        _tokens = Rule.TokensPerMinute == 0 ? TokenBucket.Full(rule.TokensPerMinute, nowMs) : _tokens.At(rule.TokensPerMinute, nowMs);
        Rule = rule;
    }

    /// <summary>Milliseconds until another call may enter; 0 is now.</summary>
    public long WaitForCall(long nowMs)
    {
        var wait = 0L;
        if (Rule.Concurrency > 0 && Inside >= Rule.Concurrency)
        {
            // One of so many calls, each of the mean length, ends after this long in the mean.
            wait = Math.Max(1, (long)(_meanMs / Rule.Concurrency));
        }

        if (Rule.RequestsPerMinute > 0 && !_requests.TryTake(Rule.RequestsPerMinute, nowMs, out _, out var refillMs))
        {
            wait = Math.Max(wait, refillMs);
        }

        return wait;
    }

    /// <summary>Milliseconds until so many tokens are there; 0 is now.</summary>
    public long WaitForTokens(long tokens, long nowMs) =>
        Rule.TokensPerMinute > 0 && !_tokens.TryTake(Rule.TokensPerMinute, tokens, nowMs, out _, out var waitMs) ? waitMs : 0;

    public void Enter(long nowMs)
    {
        Inside++;
        LastMs = nowMs;
        if (Rule.RequestsPerMinute > 0)
        {
            _ = _requests.TryTake(Rule.RequestsPerMinute, nowMs, out _requests, out _);
        }
    }

    public void TakeTokens(long tokens, long nowMs)
    {
        if (Rule.TokensPerMinute > 0)
        {
            _ = _tokens.TryTake(Rule.TokensPerMinute, tokens, nowMs, out _tokens, out _);
        }
    }

    public void Leave(long takenTokens, long usedTokens, long enteredMs, long nowMs)
    {
        Inside--;
        LastMs = nowMs;
        _meanMs += ((nowMs - enteredMs) - _meanMs) * Newest;
        if (Rule.TokensPerMinute > 0)
        {
            _tokens = _tokens.At(Rule.TokensPerMinute, nowMs).Correct(Rule.TokensPerMinute, takenTokens, usedTokens);
        }
    }

    /// <summary>Full buckets and nobody inside: nothing is lost with it.</summary>
    public bool IsIdle(long nowMs) => Inside == 0
        && _requests.At(Rule.RequestsPerMinute, nowMs).Level >= TokenBucket.Full(Rule.RequestsPerMinute, nowMs).Level
        && _tokens.At(Rule.TokensPerMinute, nowMs).Level >= TokenBucket.Full(Rule.TokensPerMinute, nowMs).Level;

    public RateFigure Requests(long nowMs) => Rule.RequestsPerMinute > 0 ? _requests.Figure(Rule.RequestsPerMinute, nowMs) : default;

    public RateFigure Tokens(long nowMs) => Rule.TokensPerMinute > 0 ? _tokens.Figure(Rule.TokensPerMinute, nowMs) : default;
}

internal static class LimitScopes
{
    private static readonly string[] Names = ["key", "user", "team", "organisation", "model"];

    public static string Of(LimitScope scope) => Names[(int)scope];
}
