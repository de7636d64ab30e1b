using Jesus.Appliance.Federation.Messages;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Federation.Calls;

/// <summary>A peer's refusal in the words and causes of this box: each leads to the next candidate.</summary>
internal static class PeerErrors
{
    /// <summary>A busy box is left alone for about one answer.</summary>
    private static readonly TimeSpan BusyRest = TimeSpan.FromMilliseconds(500);

    /// <summary>What only a change of configuration mends.</summary>
    private static readonly TimeSpan LongRest = TimeSpan.FromSeconds(30);

    public static ModelError Of(PeerLink link, RefusalReason reason, in ModelError said)
    {
        var words = said.Message is { Length: > 0 } ? $" It says: {said.Message}" : "";
        var (cause, what, rest) = reason switch
        {
            RefusalReason.Busy => (ErrorCause.RateLimited, "is busy.", BusyRest),
            RefusalReason.Draining => (ErrorCause.Draining, "is about to stop.", LongRest),
            RefusalReason.NoSuchModel => (ErrorCause.ModelNotFound, $"does not offer '{link.Model}' any more.", BusyRest),
            RefusalReason.OtherNumerics => (ErrorCause.ModelNotFound, "computes otherwise than whoever began the answer.", default),
            RefusalReason.NotAllowed => (ErrorCause.Unauthorized, "does not let this box call it (federation.callers there).", LongRest),
            RefusalReason.BudgetExceeded => (ErrorCause.RateLimited, "has no budget left for this box.", LongRest),
            RefusalReason.TooOften => (ErrorCause.RateLimited, "was asked too often by this box.", BusyRest),
            RefusalReason.TooLarge => (ErrorCause.ContextTooSmall, "finds the request too large.", default),
            RefusalReason.DeadlinePassed => (ErrorCause.FirstTokenTimeout, "had no time left to answer.", default),
            RefusalReason.Loop => (ErrorCause.ModelNotFound, "was passed by this call already, or is one box too many.", default),
            _ => (ErrorCause.Malformed, "cannot read the request.", default(TimeSpan)),
        };
        return new ModelError(cause, $"'{link.Peer}' {what}{words}", RetryAfter: said.RetryAfter > TimeSpan.Zero ? said.RetryAfter : rest);
    }
}
