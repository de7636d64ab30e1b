namespace Jesus.Appliance.Admission;

/// <summary>One limit as it stands after a call was admitted: what headers such as <c>x-ratelimit-remaining-requests</c> say.</summary>
/// <param name="Limit">What a full bucket holds, a minute's worth; 0 where no limit applies.</param>
/// <param name="Remaining">What could be asked for at once; never negative.</param>
/// <param name="ResetMs">Milliseconds until the bucket is full again if nothing more is asked for.</param>
public readonly record struct RateFigure(long Limit, long Remaining, long ResetMs)
{
    public bool IsNone => Limit == 0;
}

/// <summary>
/// The limits that apply to a call, each the one nearest its end of all the rules that match. Set by step 1, tokens by step 3; a refused call has them too.
/// </summary>
public readonly record struct RateLimits(RateFigure Requests, RateFigure Tokens)
{
    public bool IsNone => Requests.IsNone && Tokens.IsNone;
}
