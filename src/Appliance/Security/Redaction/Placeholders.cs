using System.Globalization;
using System.Text;

namespace Jesus.Appliance.Security.Redaction;

/// <summary>
/// The placeholders of one call, <c>[[KIND_N]]</c>, and the values that they stand for. Numbers begin above any that the text itself contains,
/// so what a user wrote that looks like a placeholder stays as it is.
/// </summary>
public sealed class Placeholders
{
    public const int KindLengthMax = 16;

    /// <summary>Longest placeholder: brackets, kind, underscore, ten digits.</summary>
    public const int LengthMax = KindLengthMax + 15;

    /// <summary>More values than this in one call are a data dump, not a conversation; the redactor refuses the call.</summary>
    public const int CountMax = 10_000;

    private readonly Dictionary<string, string> _byValue = new(StringComparer.Ordinal);
    private readonly Dictionary<string, byte[]> _byPlaceholder = new(StringComparer.Ordinal);
    private int _last;

    public int Count => _byPlaceholder.Count;

    /// <summary>Steps over the numbers of whatever in <paramref name="text"/> looks like a placeholder. Call for all texts before the first <see cref="For"/>.</summary>
    public void Avoid(ReadOnlySpan<byte> text)
    {
        for (var at = 0; text[at..].IndexOf("[["u8) is >= 0 and var found; at += found + 1)
        {
            var rest = text[(at + found)..];
            var end = rest[..Math.Min(rest.Length, LengthMax)].IndexOf("]]"u8);
            var number = end < 0 ? -1 : rest[..end].LastIndexOf((byte)'_');
            if (number > 0 && int.TryParse(rest[(number + 1)..end], NumberStyles.None, CultureInfo.InvariantCulture, out var taken) && taken < int.MaxValue - CountMax)
            {
                _last = Math.Max(_last, taken);
            }
        }
    }

    /// <summary>The placeholder of a value: the same one each time.</summary>
    public string For(string kind, ReadOnlySpan<byte> value)
    {
        var text = Encoding.UTF8.GetString(value);
        if (!_byValue.TryGetValue(text, out var placeholder))
        {
            placeholder = string.Create(CultureInfo.InvariantCulture, $"[[{kind}_{++_last}]]");
            _byValue.Add(text, placeholder);
            _byPlaceholder.Add(placeholder, value.ToArray());
        }

        return placeholder;
    }

    /// <summary>The placeholder that stands at the beginning of <paramref name="text"/>.</summary>
    /// <param name="value">What it stands for.</param>
    /// <returns>Its length; 0 when none does; -1 when more text is needed to tell.</returns>
    internal int Match(ReadOnlySpan<byte> text, out ReadOnlySpan<byte> value)
    {
        value = default;
        var mayGrow = false;
        foreach (var (placeholder, original) in _byPlaceholder)
        {
            var shared = Math.Min(text.Length, placeholder.Length);
            if (!Ascii.Equals(text[..shared], placeholder.AsSpan(0, shared)))
            {
                continue;
            }

            if (shared == placeholder.Length)
            {
                value = original;
                return shared;
            }

            mayGrow = true;
        }

        return mayGrow ? -1 : 0;
    }
}
