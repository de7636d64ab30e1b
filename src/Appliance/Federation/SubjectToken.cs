using System.Globalization;
using System.Text;

namespace Jesus.Appliance.Federation;

/// <summary>Names of models and accounts as one token of a subject or key: every byte outside <c>A-Za-z0-9_-</c> is <c>=XX</c>.</summary>
internal static class SubjectToken
{
    public static string Escape(string name)
    {
        var text = new StringBuilder(name.Length);
        foreach (var b in Encoding.UTF8.GetBytes(name))
        {
            if (char.IsAsciiLetterOrDigit((char)b) || b is (byte)'_' or (byte)'-')
            {
                text.Append((char)b);
            }
            else
            {
                text.Append(CultureInfo.InvariantCulture, $"={b:X2}");
            }
        }

        return text.ToString();
    }

    /// <summary>Null for a token that is no escaped name.</summary>
    public static string? Unescape(string token)
    {
        var bytes = new List<byte>(token.Length);
        for (var i = 0; i < token.Length; i++)
        {
            if (token[i] != '=')
            {
                bytes.Add((byte)token[i]);
            }
            else if (i + 2 < token.Length && byte.TryParse(token.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var b))
            {
                bytes.Add(b);
                i += 2;
            }
            else
            {
                return null;
            }
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }
}
