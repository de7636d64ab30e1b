using Jesus.Appliance.Pipeline;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway;

/// <summary>Why a request is answered with an error: the status, the class and code that clients switch on, and the words for a person.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Type">OpenAI's error class, such as <c>invalid_request_error</c>.</param>
/// <param name="Code">Stable code, such as <c>model_not_found</c>.</param>
/// <param name="Message">What, where and the remedy.</param>
/// <param name="Param">The request field at fault, as a path; null when none is.</param>
/// <param name="RetryAfter">When to come back; zero when unknown.</param>
public readonly record struct ApiFailure(int Status, string Type, string Code, string Message, string? Param = null, TimeSpan RetryAfter = default)
{
    public const string InvalidRequest = "invalid_request_error";
    private const string BudgetCode = "budget_exceeded";

    public bool IsNone => Status == 0;

    /// <summary>Why the model call failed; <see cref="ErrorCause.None"/> for failures before one. With <see cref="Status"/> it tells each API's own class.</summary>
    public ErrorCause Cause { get; init; }

    /// <summary>A budget refused: not the rate, and waiting for a moment does not help.</summary>
    public bool IsBudget => Code == BudgetCode;

    /// <summary>
    /// The same request, sent again as it is, may well succeed: what <c>x-should-retry</c> says. The official clients ask again after 408, 409, 429 and 5xx
    /// unless told otherwise, also where each try would only fail and cost anew.
    /// </summary>
    public bool ShouldRetry => Cause is ErrorCause.RateLimited or ErrorCause.Overloaded or ErrorCause.ConnectFailed or ErrorCause.FirstTokenTimeout
        or ErrorCause.Stalled or ErrorCause.Cut or ErrorCause.Malformed or ErrorCause.SchemaViolated or ErrorCause.Draining or ErrorCause.Internal
        || (RetryAfter > TimeSpan.Zero && !IsBudget);

    public static ApiFailure Invalid(string code, string message, string? param = null) => new(400, InvalidRequest, code, message, param);

    public static ApiFailure Unauthorized(string message) => new(401, "authentication_error", "invalid_api_key", message);

    public static ApiFailure Forbidden(string message) => new(403, "permission_error", "not_allowed", message);

    public static ApiFailure NotFound(string code, string message) => new(404, InvalidRequest, code, message);

    public static ApiFailure NotImplemented(string what) =>
        new(501, "not_implemented_error", "not_implemented", $"{what} is not implemented in this version.");

    /// <summary>Status and code of a model call that failed. A budget's refusal is told apart, since waiting does not help.</summary>
    public static ApiFailure Of(in Outcome outcome)
    {
        var error = outcome.Error;
        if (outcome.RefusedByBudget is not null)
        {
            return new ApiFailure(429, "insufficient_quota", BudgetCode, error.Message, error.Param, error.RetryAfter) { Cause = error.Cause };
        }

        // Where a candidate was asked, or a field is named, it is the request that was refused; else it is the caller.
        var (status, type, code) = error.Cause == ErrorCause.Refused && (outcome.Attempts > 0 || error.Param is not null)
            ? (400, InvalidRequest, "refused")
            : Class(error.Cause);
        return new ApiFailure(status, type, code, error.Message, error.Param, error.RetryAfter) { Cause = error.Cause };
    }

    private static (int Status, string Type, string Code) Class(ErrorCause cause) => cause switch
    {
        ErrorCause.Refused => (403, "permission_error", "refused"),
        ErrorCause.Unauthorized => (502, "api_error", "upstream_unauthorized"),
        ErrorCause.RateLimited => (429, "rate_limit_error", "rate_limit_exceeded"),
        ErrorCause.Overloaded => (503, "server_error", "overloaded"),
        ErrorCause.ConnectFailed => (502, "api_error", "upstream_unreachable"),
        ErrorCause.FirstTokenTimeout or ErrorCause.Stalled => (504, "api_error", "upstream_timeout"),
        ErrorCause.Cut or ErrorCause.Malformed => (502, "api_error", "upstream_broken_answer"),
        ErrorCause.ContextTooSmall => (400, InvalidRequest, "context_length_exceeded"),
        ErrorCause.ContentPolicy => (400, InvalidRequest, "content_filter"),
        ErrorCause.SchemaViolated => (502, "api_error", "schema_violated"),
        ErrorCause.UnsupportedField => (400, InvalidRequest, "unsupported_parameter"),
        ErrorCause.ModelNotFound => (404, InvalidRequest, "model_not_found"),
        ErrorCause.Cancelled => (499, "api_error", "cancelled"),
        ErrorCause.Draining => (503, "server_error", "draining"),
        _ => (500, "server_error", "internal_error"),
    };
}
