using System.Buffers;

namespace Jesus.Appliance.Security.Redaction;

/// <summary>Keys and tokens by the prefixes that their issuers gave them so that they can be found, and JSON web tokens.</summary>
public sealed class SecretDetector : ISensitiveValueDetector
{
    /// <summary>Fewer bytes after the prefix are a word, not a key: the shortest real ones have 16.</summary>
    private const int BodyBytesMin = 16;

    private static readonly SearchValues<byte> BodyBytes = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"u8);
    private static readonly SearchValues<byte> TokenBytes = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."u8);

    private static readonly string[] Prefixes =
    [
        "jsk_", "sk-", "sk_live_", "sk_test_", "rk_live_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-",
        "xoxb-", "xoxp-", "xoxa-", "xoxr-", "AKIA", "ASIA", "AIza", "hf_", "npm_", "pypi-", "eyJ",
    ];

    public string Kind => "SECRET";

    public (int Start, int Length) Find(ReadOnlySpan<byte> text, int from)
    {
        for (var at = from; at < text.Length;)
        {
            var start = at + text[at..].IndexOfAny(TokenBytes);
            if (start < at)
            {
                break;
            }

            var rest = text[start..];
            var length = rest.IndexOfAnyExcept(TokenBytes) is >= 0 and var stop ? stop : rest.Length;
            if (Match(rest[..length]) is > 0 and var matched)
            {
                return (start, matched);
            }

            at = start + length;
        }

        return (0, 0);
    }

    /// <returns>Length of the key at the beginning of a word; 0 when it is none.</returns>
    private static int Match(ReadOnlySpan<byte> word)
    {
        foreach (var prefix in Prefixes)
        {
            if (!StartsWith(word, prefix))
            {
                continue;
            }

            var isWebToken = prefix == "eyJ";
            var body = word[prefix.Length..];
            var length = body.IndexOfAnyExcept(isWebToken ? TokenBytes : BodyBytes) is >= 0 and var stop ? stop : body.Length;
            while (length > 0 && body[length - 1] == '.')
            {
                length--; // the full stop of the sentence
            }

            var whole = !isWebToken || body[..length].Count((byte)'.') == 2;
            return length >= BodyBytesMin && whole ? prefix.Length + length : 0;
        }

        return 0;
    }

    private static bool StartsWith(ReadOnlySpan<byte> word, string prefix)
    {
        if (word.Length < prefix.Length)
        {
            return false;
        }

        for (var i = 0; i < prefix.Length; i++)
        {
            if (word[i] != prefix[i])
            {
                return false;
            }
        }

        return true;
    }
}
