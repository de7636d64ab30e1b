namespace Jesus.Inference.Contract;

/// <summary>Why a candidate did not answer. Routes choose per cause whether the next candidate is tried.</summary>
public enum ErrorCause : byte
{
    None,
    Refused,
    Unauthorized,
    RateLimited,
    Overloaded,
    ConnectFailed,
    FirstTokenTimeout,
    Stalled,
    Cut,
    ContextTooSmall,
    ContentPolicy,
    Malformed,
    SchemaViolated,
    UnsupportedField,
    ModelNotFound,
    Cancelled,
    Draining,
    Internal,
}

/// <summary>An expected failure: what, where and what to do about it, in words for the caller.</summary>
/// <param name="Cause">The class of failure.</param>
/// <param name="Message">Names the thing, the place and the remedy; never a secret.</param>
/// <param name="Param">The request field at fault, if one is.</param>
/// <param name="RetryAfter">How long the candidate asks to be left alone; zero when it did not say.</param>
public readonly record struct ModelError(ErrorCause Cause, string Message, string? Param = null, TimeSpan RetryAfter = default)
{
    public bool IsNone => Cause == ErrorCause.None;
}
