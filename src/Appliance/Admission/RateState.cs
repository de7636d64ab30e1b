namespace Jesus.Appliance.Admission;

/// <summary>What one name has used of its rule. Belongs to the <see cref="AdmissionGate"/>, under its lock.</summary>
internal sealed class RateState(LimitScope scope, string name, LimitRule rule, long nowMs)
{
    private TokenBucket _requests = TokenBucket.Full(rule.RequestsPerMinute, nowMs);
    private TokenBucket _tokens = TokenBucket.Full(rule.TokensPerMinute, nowMs);
    private MeanLength _length = new(last: 10);

    /// <summary>Null until a first call was refused.</summary>
    private RefillLine? _forCalls;
    private RefillLine? _forTokens;
    private readonly Places _places = new();

    public LimitRule Rule { get; private set; } = rule;
    public int Inside => _places.Inside;
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

    /// <summary>Somebody was refused for its calls a minute or in progress, and will come back: who asks must be known.</summary>
    public bool AwaitsCalls(long nowMs) => (_forCalls is not null && !_forCalls.IsEmpty(nowMs)) || !_places.IsEmpty(nowMs);

    public bool AwaitsTokens(long nowMs) => _forTokens is not null && !_forTokens.IsEmpty(nowMs);

    /// <summary>Milliseconds until a call may enter; 0 is now.</summary>
    public long WaitForCall(ulong caller, long nowMs) => Math.Max(WaitForPlace(caller, nowMs), WaitForRefill(caller, nowMs));

    /// <summary>Of the two that a call waits for it is a place among those in progress that comes last.</summary>
    public bool LacksPlace(ulong caller, long nowMs) => WaitForPlace(caller, nowMs) is > 0 and var wait && wait >= WaitForRefill(caller, nowMs);

    /// <summary>Milliseconds until so many tokens are there; 0 is now.</summary>
    public long WaitForTokens(ulong caller, long tokens, long nowMs) => WaitIn(_tokens, Rule.TokensPerMinute, _forTokens, caller, tokens, nowMs);

    /// <summary>A call is refused, by this limit or another, and comes back after so long: what of this one it lacks is kept for it.</summary>
    public void TellCall(ulong caller, long waitMs, long nowMs)
    {
        var (forPlace, forRefill) = (WaitForPlace(caller, nowMs), WaitForRefill(caller, nowMs));
        if (forRefill > 0)
        {
            (_forCalls ??= new RefillLine()).Tell(caller, waitMs, 1, nowMs);
        }

        // Places are not kept for one that has to wait longer for something else: they would stand empty.
        if (forPlace > 0 && forPlace >= waitMs)
        {
            _places.Tell(caller, waitMs, nowMs);
        }
    }

    public void TellTokens(ulong caller, long waitMs, long tokens, long nowMs)
    {
        if (WaitForTokens(caller, tokens, nowMs) > 0)
        {
            (_forTokens ??= new RefillLine()).Tell(caller, waitMs, Math.Min(tokens, Rule.TokensPerMinute), nowMs);
        }
    }

    /// <returns>It came as it was told for want of a place; <see cref="Leave"/> has to know.</returns>
    public bool Enter(ulong caller, long nowMs)
    {
        LastMs = nowMs;
        _forCalls?.Came(caller);
        if (Rule.RequestsPerMinute > 0)
        {
            _ = _requests.TryTake(Rule.RequestsPerMinute, nowMs, out _requests, out _);
        }

        return _places.Enter(caller, nowMs);
    }

    public void TakeTokens(ulong caller, long tokens, long nowMs)
    {
        _forTokens?.Came(caller);
        if (Rule.TokensPerMinute > 0)
        {
            _ = _tokens.TryTake(Rule.TokensPerMinute, tokens, nowMs, out _tokens, out _);
        }
    }

    public void Leave(bool isAwaited, long takenTokens, long usedTokens, long enteredMs, long nowMs)
    {
        _places.Leave(isAwaited);
        LastMs = nowMs;
        _length.Add(nowMs - enteredMs);
        if (Rule.TokensPerMinute > 0)
        {
            _tokens = _tokens.At(Rule.TokensPerMinute, nowMs).Correct(Rule.TokensPerMinute, takenTokens, usedTokens);
        }
    }

    private long WaitForPlace(ulong caller, long nowMs) =>
        Rule.Concurrency > 0 ? _places.WaitMs(caller, Rule.Concurrency, _length.Ms, nowMs) : 0;

    private long WaitForRefill(ulong caller, long nowMs) => WaitIn(_requests, Rule.RequestsPerMinute, _forCalls, caller, 1, nowMs);

    private static long WaitIn(in TokenBucket bucket, long perMinute, RefillLine? line, ulong caller, long amount, long nowMs)
    {
        if (perMinute == 0)
        {
            return 0;
        }

        var (now, asked) = (bucket.At(perMinute, nowMs), Math.Min(amount, perMinute));
        return line is null ? now.UntilMs(perMinute, asked) : line.WaitMs(caller, asked, now, perMinute, nowMs);
    }

    /// <summary>Full buckets, nobody inside and nobody awaited: nothing is lost with it.</summary>
    public bool IsIdle(long nowMs) => Inside == 0 && !AwaitsCalls(nowMs) && !AwaitsTokens(nowMs)
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
