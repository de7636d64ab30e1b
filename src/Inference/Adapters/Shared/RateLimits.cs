using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Jesus.Transport.Http;

namespace Jesus.Inference.Adapters.Shared;

/// <summary>
/// When a limit that is used up is whole again (Anthropic API reference, "Rate limits": <c>anthropic-ratelimit-*-remaining</c> and <c>-reset</c>, in RFC 3339).
/// For a refusal that does not say <c>retry-after</c>.
/// </summary>
internal static class RateLimits
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);

    public static TimeSpan RetryAfter(HttpResponse response, DateTimeOffset now)
    {
        var wait = Wait(response, "anthropic-ratelimit-requests-remaining"u8, "anthropic-ratelimit-requests-reset"u8, now);
        wait = Longer(wait, Wait(response, "anthropic-ratelimit-tokens-remaining"u8, "anthropic-ratelimit-tokens-reset"u8, now));
        wait = Longer(wait, Wait(response, "anthropic-ratelimit-input-tokens-remaining"u8, "anthropic-ratelimit-input-tokens-reset"u8, now));
        return Longer(wait, Wait(response, "anthropic-ratelimit-output-tokens-remaining"u8, "anthropic-ratelimit-output-tokens-reset"u8, now));
    }

    private static TimeSpan Wait(HttpResponse response, ReadOnlySpan<byte> remaining, ReadOnlySpan<byte> reset, DateTimeOffset now)
    {
        if (!response.TryGetHeader(remaining, out var left) || !Utf8Parser.TryParse(left, out long count, out _) || count > 0
            || !response.TryGetHeader(reset, out var at)
            || !DateTimeOffset.TryParse(Encoding.ASCII.GetString(at), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment))
        {
            return TimeSpan.Zero;
        }

        var wait = moment - now;
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait > LongestWait ? LongestWait : wait;
    }

    private static TimeSpan Longer(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
