using System.Diagnostics;
using System.Globalization;
using Jesus.Appliance.Admission;
using Jesus.Appliance.Pipeline;
using Microsoft.AspNetCore.Http;

namespace Jesus.Appliance.Gateway;

/// <summary>
/// Headers beside the answer that clients of OpenAI's API read (OpenAI API reference, "Debugging requests" and "Rate limits"; the official clients' retry
/// rules). Anthropic's own names are with its endpoints.
/// </summary>
internal static class AnswerHeaders
{
    /// <summary>The version of OpenAI's API that is spoken here; it has had no other.</summary>
    private const string OpenAiVersion = "2020-10-01";

    /// <summary><c>openai-version</c> and <c>openai-processing-ms</c>: from the request's arrival to the head of the answer. Call before the head goes out.</summary>
    public static void WriteTime(in GatewayRequest request)
    {
        if (request.Started == 0 || request.Http.Response.HasStarted)
        {
            return;
        }

        var headers = request.Http.Response.Headers;
        headers["openai-version"] = OpenAiVersion;
        headers["openai-processing-ms"] = Number((long)Stopwatch.GetElapsedTime(request.Started).TotalMilliseconds);
    }

    /// <summary>The head of an event stream; it goes out with what is written next.</summary>
    public static void BeginEvents(in GatewayRequest request, ModelCall call)
    {
        var response = request.Http.Response;
        response.StatusCode = 200;
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache";
        Write(request, call);
    }

    /// <summary>All that is known before the answer's head goes out: time, limits, and which route was taken.</summary>
    public static void Write(in GatewayRequest request, ModelCall call)
    {
        WriteTime(request);
        WriteLimits(request.Http.Response, call.RateLimits);
        RouteHeaders.Write(request.Http.Response, call);
    }

    /// <summary><c>x-ratelimit-{limit,remaining,reset}-{requests,tokens}</c>, where a limit applies.</summary>
    public static void WriteLimits(HttpResponse response, in RateLimits limits)
    {
        if (limits.IsNone || response.HasStarted)
        {
            return;
        }

        var headers = response.Headers;
        if (!limits.Requests.IsNone)
        {
            headers["x-ratelimit-limit-requests"] = Number(limits.Requests.Limit);
            headers["x-ratelimit-remaining-requests"] = Number(limits.Requests.Remaining);
            headers["x-ratelimit-reset-requests"] = Span(limits.Requests.ResetMs);
        }

        if (!limits.Tokens.IsNone)
        {
            headers["x-ratelimit-limit-tokens"] = Number(limits.Tokens.Limit);
            headers["x-ratelimit-remaining-tokens"] = Number(limits.Tokens.Remaining);
            headers["x-ratelimit-reset-tokens"] = Span(limits.Tokens.ResetMs);
        }
    }

    /// <summary><c>x-should-retry</c>, and <c>retry-after</c> with <c>retry-after-ms</c> where it is known when to come back.</summary>
    public static void WriteRetry(HttpResponse response, in ApiFailure failure)
    {
        response.Headers["x-should-retry"] = failure.ShouldRetry ? "true" : "false";
        if (failure.RetryAfter > TimeSpan.Zero)
        {
            response.Headers.RetryAfter = Number((long)Math.Ceiling(failure.RetryAfter.TotalSeconds));
            response.Headers["retry-after-ms"] = Number((long)Math.Ceiling(failure.RetryAfter.TotalMilliseconds));
        }
    }

    /// <summary>As OpenAI writes times to go: <c>450ms</c>, <c>12.5s</c>, <c>6m3s</c>.</summary>
    internal static string Span(long milliseconds)
    {
        if (milliseconds < 1_000)
        {
            return Number(milliseconds) + "ms";
        }

        var (minutes, rest) = Math.DivRem(milliseconds, 60_000);
        var seconds = (rest / 1_000m).ToString("0.###", CultureInfo.InvariantCulture) + "s";
        return minutes == 0 ? seconds : Number(minutes) + "m" + seconds;
    }

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
