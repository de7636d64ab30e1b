using System.Globalization;
using Jesus.Appliance.Admission;
using Jesus.Transport.Buffers;
using Microsoft.AspNetCore.Http;

namespace Jesus.Appliance.Gateway.Anthropic;

/// <summary>The headers of Anthropic's API: version and betas in, limits out (Anthropic API reference, "Versions", "Beta headers", "Rate limits").</summary>
internal static class AnthropicHeaders
{
    /// <summary>The versions spoken here; what is read and written is alike in both. A request that names none means the first.</summary>
    public static readonly string[] Versions = ["2023-06-01", "2026-10-21"];

    private const string VersionHeader = "anthropic-version";
    private const string BetaHeader = "anthropic-beta";

    /// <summary>They choose among what a key may act for.</summary>
    public static readonly string[] Refused = ["anthropic-workspace-id", "anthropic-user-profile-id"];

    /// <summary>The caller speaks Anthropic's API where a path alone does not tell.</summary>
    public static bool AreGiven(HttpRequest request) => request.Headers.ContainsKey(VersionHeader);

    /// <summary>A version that is not spoken, or a header that asks for what a gateway with keys of its own cannot do.</summary>
    public static ApiFailure Check(HttpRequest request)
    {
        var version = request.Headers[VersionHeader];
        if (version.Count > 0 && !Versions.Contains(version.ToString()))
        {
            return ApiFailure.Invalid("invalid_request", $"anthropic-version: '{version}' is not spoken here; send {string.Join(" or ", Versions)}.");
        }

        foreach (var name in Refused)
        {
            if (request.Headers.ContainsKey(name))
            {
                return ApiFailure.Invalid("invalid_request", $"{name}: is not honoured here, where the provider's keys are the box's own. Leave it out.", name);
            }
        }

        return default;
    }

    /// <summary>The betas as one list, in the arena; empty when there is none.</summary>
    public static Utf8Slice Betas(HttpRequest request, Utf8Arena arena)
    {
        var betas = request.Headers[BetaHeader];
        return betas.Count == 0 ? default : arena.Copy(betas.Count == 1 ? betas[0] : string.Join(',', betas.ToArray()));
    }

    /// <summary>The version as it was named, in the arena; empty when it was not.</summary>
    public static Utf8Slice Version(HttpRequest request, Utf8Arena arena) => arena.Copy(request.Headers[VersionHeader].ToString());

    /// <summary>The first beta that asks for more than every answer does anyway; empty when there is none.</summary>
    public static string FirstUnhonoured(HttpRequest request)
    {
        foreach (var header in request.Headers[BetaHeader])
        {
            foreach (var beta in (header ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            {
                if (!MessageFields.HonouredBetas.Contains(beta))
                {
                    return beta;
                }
            }
        }

        return "";
    }

    public static void SayLimits(IHeaderDictionary headers, in RateLimits limits, TimeProvider time)
    {
        Say(headers, "anthropic-ratelimit-requests-limit", "anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset", limits.Requests, time);
        Say(headers, "anthropic-ratelimit-tokens-limit", "anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset", limits.Tokens, time);
    }

    private static void Say(IHeaderDictionary headers, string limit, string remaining, string reset, in RateFigure figure, TimeProvider time)
    {
        if (figure.IsNone)
        {
            return;
        }

        headers[limit] = figure.Limit.ToString(CultureInfo.InvariantCulture);
        headers[remaining] = figure.Remaining.ToString(CultureInfo.InvariantCulture);
        headers[reset] = time.GetUtcNow().AddMilliseconds(figure.ResetMs).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
    }
}
