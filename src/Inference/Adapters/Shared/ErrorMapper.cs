using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Jesus.Inference.Contract;
using Jesus.Transport.Http;

namespace Jesus.Inference.Adapters.Shared;

/// <summary>Turns a server's failures into causes, with words that name it and never its key.</summary>
internal sealed class ErrorMapper(string provider, string key, TimeProvider time)
{
    /// <summary>Of an error's body this much is read, and this many characters of its message are passed on.</summary>
    public const int BodyBytesMax = 64 * 1024;
    private const int MessageMax = 400;

    public ModelError Of(HttpError error) => error.Fault switch
    {
        HttpFault.ConnectFailed => new ModelError(ErrorCause.ConnectFailed, $"'{provider}': {error.Message} Check providers.{provider}.url and that the server runs."),
        HttpFault.TlsFailed => new ModelError(ErrorCause.ConnectFailed, $"'{provider}': {error.Message} Check providers.{provider}.url and providers.{provider}.tls."),
        HttpFault.Busy => new ModelError(ErrorCause.Overloaded, $"'{provider}': {error.Message}", RetryAfter: TimeSpan.FromSeconds(1)),
        HttpFault.TimedOut => new ModelError(ErrorCause.Stalled, $"'{provider}': {error.Message}"),
        HttpFault.Malformed => new ModelError(ErrorCause.Malformed, $"'{provider}': {error.Message}"),
        HttpFault.Cancelled => new ModelError(ErrorCause.Cancelled, "The call was cancelled."),
        _ => new ModelError(ErrorCause.Cut, $"'{provider}': {error.Message}"),
    };

    /// <summary>A status other than 200.</summary>
    public ModelError Of(HttpResponse response, ReadOnlySpan<byte> body)
    {
        if (response.Status is >= 300 and < 400)
        {
            return Redirected(response);
        }

        var (code, message) = ErrorBody.Read(body);
        var cause = CauseOf(response.Status, code, message);
        var said = message.Length > 0 ? $": {Clean(message)}" : ".";
        return new ModelError(cause, $"'{provider}' answered {response.Status}{said}{Remedy(cause)}", RetryAfter: RetryAfter(response));
    }

    /// <summary>An error inside an answer that began with 200.</summary>
    public ModelError BrokeOff(string code, string message)
    {
        var cause = int.TryParse(code, NumberStyles.None, CultureInfo.InvariantCulture, out var status)
            ? CauseOf(status, "", message)
            : CauseOf(500, code, message);
        return new ModelError(cause, $"'{provider}' broke off with an error: {Clean(message)}");
    }

    public ModelError NotAnAnswer(string wrong, ReadOnlySpan<byte> body)
    {
        var page = body.IndexOf("<html"u8) >= 0 || body.IndexOf("<!DOCTYPE"u8) >= 0 ? " (a web page: something else than the API answers at this address)" : "";
        return new ModelError(ErrorCause.Malformed, $"'{provider}' answered 200 with {wrong}{page}; check providers.{provider}.url.");
    }

    /// <summary>A redirect is never followed: the key and the prompt would go to an address that nobody configured.</summary>
    private ModelError Redirected(HttpResponse response)
    {
        var to = response.TryGetHeader("location"u8, out var location) ? $" to {Clean(Encoding.Latin1.GetString(location))}" : "";
        return new ModelError(
            ErrorCause.Malformed,
            $"'{provider}' answered {response.Status}, a redirect{to}, which is not followed; set providers.{provider}.url to the address meant.");
    }

    public ModelError Stream(string wrong) => new(ErrorCause.Malformed, $"'{provider}' sent {wrong} in its stream.");

    public ModelError EndedEarly() => new(ErrorCause.Cut, $"'{provider}' ended its stream before the answer was finished.");

    /// <summary>
    /// Codes of OpenAI's and types of Anthropic's errors (Anthropic API reference, "Errors"); where neither says enough, the status, and words for a prompt too
    /// long.
    /// </summary>
    private static ErrorCause CauseOf(int status, string code, string message) => code switch
    {
        "context_length_exceeded" or "string_above_max_length" or "request_too_large" => ErrorCause.ContextTooSmall,
        "content_filter" or "content_policy_violation" => ErrorCause.ContentPolicy,
        "unsupported_parameter" or "unknown_parameter" or "unsupported_value" => ErrorCause.UnsupportedField,
        "model_not_found" or "not_found_error" => ErrorCause.ModelNotFound,
        "insufficient_quota" or "invalid_api_key" or "authentication_error" or "permission_error" or "billing_error" => ErrorCause.Unauthorized,
        "rate_limit_exceeded" or "rate_limit_error" => ErrorCause.RateLimited,
        "overloaded_error" or "server_overloaded" or "timeout_error" => ErrorCause.Overloaded,
        _ when (status == 400 || code == "invalid_request_error") && SaysTooLong(message) => ErrorCause.ContextTooSmall,
        "invalid_request_error" when message.Contains("content filtering policy", StringComparison.OrdinalIgnoreCase) => ErrorCause.ContentPolicy,
        "invalid_request_error" when status >= 500 => ErrorCause.Refused,
        _ => CauseOf(status),
    };

    /// <summary>Anthropic and several servers give no code for it. Words as they are sent: "prompt is too long", "exceed context limit", "maximum context length".</summary>
    private static bool SaysTooLong(string message) =>
        message.Contains("prompt is too long", StringComparison.OrdinalIgnoreCase)
        || message.Contains("exceed context limit", StringComparison.OrdinalIgnoreCase)
        || message.Contains("maximum context length", StringComparison.OrdinalIgnoreCase);

    private static ErrorCause CauseOf(int status) => status switch
    {
        401 or 402 or 403 => ErrorCause.Unauthorized,
        404 => ErrorCause.ModelNotFound,
        413 => ErrorCause.ContextTooSmall,
        429 => ErrorCause.RateLimited,
        408 or 409 or 425 or 502 or 503 or 504 or 529 => ErrorCause.Overloaded,
        501 => ErrorCause.UnsupportedField,
        >= 500 => ErrorCause.Internal,

        // A redirect or a success without an answer: something else than the API is at the address.
        < 400 => ErrorCause.Malformed,
        _ => ErrorCause.Refused,
    };

    private string Remedy(ErrorCause cause) => cause switch
    {
        ErrorCause.Unauthorized => $" Check providers.{provider}.key.",
        ErrorCause.ModelNotFound => $" Check providers.{provider}.models and the url.",
        _ => "",
    };

    /// <summary>Seconds, a date (RFC 9110, section 10.2.3), or milliseconds in the header that some servers add.</summary>
    private TimeSpan RetryAfter(HttpResponse response)
    {
        if (response.TryGetHeader("retry-after-ms"u8, out var value) && Utf8Parser.TryParse(value, out double milliseconds, out _))
        {
            return Bounded(milliseconds / 1000);
        }

        if (!response.TryGetHeader("retry-after"u8, out value))
        {
            return response.Status == 429 ? RateLimits.RetryAfter(response, time.GetUtcNow()) : TimeSpan.Zero;
        }

        if (Utf8Parser.TryParse(value, out double seconds, out var used) && used == value.Length)
        {
            return Bounded(seconds);
        }

        return DateTimeOffset.TryParseExact(Encoding.ASCII.GetString(value), "r", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at)
            ? Bounded((at - time.GetUtcNow()).TotalSeconds)
            : TimeSpan.Zero;
    }

    private static TimeSpan Bounded(double seconds) => double.IsFinite(seconds) ? TimeSpan.FromSeconds(Math.Clamp(seconds, 0, 86_400)) : TimeSpan.Zero;

    /// <summary>A server may quote the key that it refuses.</summary>
    private string Clean(string message)
    {
        message = key.Length > 0 ? message.Replace(key, "***", StringComparison.Ordinal) : message;
        return message.Length > MessageMax ? message[..MessageMax] + "..." : message;
    }
}
