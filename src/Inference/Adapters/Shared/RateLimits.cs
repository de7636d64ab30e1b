using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Jesus.Transport.Http;

namespace Jesus.Inference.Adapters.Shared;

/// <summary>
/// When a limit that is used up is whole again (Anthropic API reference, "Rate limits": <c>anthropic-ratelimit-*-remaining</c> and <c>-reset</c>, in RFC 3339;
/// OpenAI API reference, "Rate limits": <c>x-ratelimit-remaining-*</c> and <c>x-ratelimit-reset-*</c>, such as <c>6m0s</c>). For a refusal that does not say
/// <c>retry-after</c>.
/// </summary>
internal static class RateLimits
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);

    public static TimeSpan RetryAfter(HttpResponse response, DateTimeOffset now)
    {
        var wait = Wait(response, "anthropic-ratelimit-requests-remaining"u8, "anthropic-ratelimit-requests-reset"u8, now);
        wait = Longer(wait, Wait(response, "anthropic-ratelimit-tokens-remaining"u8, "anthropic-ratelimit-tokens-reset"u8, now));
        wait = Longer(wait, Wait(response, "anthropic-ratelimit-input-tokens-remaining"u8, "anthropic-ratelimit-input-tokens-reset"u8, now));
        wait = Longer(wait, Wait(response, "anthropic-ratelimit-output-tokens-remaining"u8, "anthropic-ratelimit-output-tokens-reset"u8, now));
        wait = Longer(wait, Wait(response, "x-ratelimit-remaining-requests"u8, "x-ratelimit-reset-requests"u8, now));
        return Longer(wait, Wait(response, "x-ratelimit-remaining-tokens"u8, "x-ratelimit-reset-tokens"u8, now));
    }

    private static TimeSpan Wait(HttpResponse response, ReadOnlySpan<byte> remaining, ReadOnlySpan<byte> reset, DateTimeOffset now)
    {
        if (!response.TryGetHeader(remaining, out var left) || !Utf8Parser.TryParse(left, out long count, out _) || count > 0 || !response.TryGetHeader(reset, out var at))
        {
            return TimeSpan.Zero;
        }

        var seconds = Seconds(at);
        var wait = seconds >= 0 ? TimeSpan.FromSeconds(Math.Min(seconds, LongestWait.TotalSeconds))
            : DateTimeOffset.TryParse(Encoding.ASCII.GetString(at), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment) ? moment - now
            : TimeSpan.Zero;
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait > LongestWait ? LongestWait : wait;
    }

    /// <summary>A length of time such as <c>6m0s</c>, <c>1.5s</c> or <c>20ms</c>; -1 for anything else.</summary>
    private static double Seconds(ReadOnlySpan<byte> text)
    {
        var seconds = text.IsEmpty ? -1.0 : 0;
        while (!text.IsEmpty)
        {
            if (!Utf8Parser.TryParse(text, out double count, out var digits) || !double.IsFinite(count) || count < 0)
            {
                return -1;
            }

            text = text[digits..];
            var unit = text.StartsWith("ms"u8) ? 0.001
                : text.StartsWith("s"u8) ? 1 : text.StartsWith("m"u8) ? 60 : text.StartsWith("h"u8) ? 3_600 : text.StartsWith("d"u8) ? 86_400 : -1.0;
            if (unit < 0)
            {
                return -1;
            }

            seconds += count * unit;
            text = text[(unit < 1 ? 2 : 1)..];
        }

        return seconds;
    }

    private static TimeSpan Longer(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
