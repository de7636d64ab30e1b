using System.Collections.Concurrent;
using Jesus.Inference.Engine.Constraints.Automata;
using Jesus.Inference.Engine.Constraints.Regexes;

namespace Jesus.Inference.Engine.Constraints.Schemas;

/// <summary>
/// Formats of strings (JSON Schema 2020-12, Validation section 7.3) as regular expressions. Each takes only texts that the format's own specification takes; where
/// that takes rare forms besides (leap seconds, quoted mailboxes), a model is not asked for them.
/// </summary>
internal static class StringFormats
{
    // RFC 3339, section 5.6, with the days that each month has; years from 1000 on.
    private const string Year = "[1-9][0-9]{3}";
    private const string LeapYear = "(?:[1-9][0-9](?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[13579][26])00)";
    private const string Date = $"(?:{Year}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|{LeapYear}-02-29)";
    private const string Clock = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?";
    private const string Time = Clock + "(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])";

    // RFC 3339, appendix A (ISO 8601 durations).
    private const string DurationTime = "T(?:[0-9]{1,9}H(?:[0-9]{1,9}M(?:[0-9]{1,9}S)?)?|[0-9]{1,9}M(?:[0-9]{1,9}S)?|[0-9]{1,9}S)";
    private const string DurationDate = "(?:[0-9]{1,9}Y(?:[0-9]{1,9}M(?:[0-9]{1,9}D)?)?|[0-9]{1,9}M(?:[0-9]{1,9}D)?|[0-9]{1,9}D)";

    // RFC 1123, section 2.1: labels of at most 63 letters, digits and hyphens; four of them stay below 253.
    private const string Label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
    private const string Host = $"{Label}(?:\\.{Label}){{0,2}}";

    // RFC 5321, section 4.1.2: a mailbox of dotted atoms, at most 64 characters before the sign.
    private const string Atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}";
    private const string Email = $"{Atom}(?:\\.{Atom}){{0,2}}@{Label}(?:\\.{Label}){{1,2}}";

    // RFC 2673, section 3.2; RFC 4291, section 2.2.
    private const string Octet = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
    private const string Ipv4 = $"{Octet}(?:\\.{Octet}){{3}}";
    private const string Piece = "[0-9A-Fa-f]{1,4}";
    private const string Ipv6 =
        $"(?:{Piece}:){{7}}{Piece}|(?:{Piece}:){{6}}{Ipv4}|::(?:{Piece}:){{0,5}}(?:{Piece}|{Ipv4})|::|(?:{Piece}:){{1,7}}:|{Piece}:(?::{Piece}){{1,6}}"
        + $"|(?:{Piece}:){{1,2}}(?::{Piece}){{1,5}}|(?:{Piece}:){{1,3}}(?::{Piece}){{1,4}}|(?:{Piece}:){{1,4}}(?::{Piece}){{1,3}}|(?:{Piece}:){{1,5}}(?::{Piece}){{1,2}}"
        + $"|(?:{Piece}:){{1,6}}:{Piece}";

    // RFC 3986, appendix A.
    private const string PathCharacter = "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})";
    private const string Authority = $"//(?:(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{{2}})*@)?(?:{Host}|{Ipv4})(?::[0-9]{{1,5}})?";
    private const string Tail = $"(?:\\?(?:{PathCharacter}|[/?])*)?(?:#(?:{PathCharacter}|[/?])*)?";
    private const string Segments = $"{PathCharacter}+(?:/{PathCharacter}*)*";
    private const string Uri = $"[A-Za-z][A-Za-z0-9+.-]*:(?:{Authority}(?:/{PathCharacter}*)*|/(?:{Segments})?|{Segments}){Tail}";
    private const string UriReference = $"(?:{Uri}|(?:{Authority}(?:/{PathCharacter}*)*|/(?:{PathCharacter}+(?:/{PathCharacter}*)*)?){Tail})";

    private static readonly Dictionary<string, string> Patterns = new(StringComparer.Ordinal)
    {
        ["date-time"] = $"{Date}T{Time}",
        ["date"] = Date,
        ["time"] = Time,
        ["duration"] = $"P(?:{DurationDate}(?:{DurationTime})?|{DurationTime}|[0-9]{{1,9}}W)",
        ["email"] = Email,
        ["hostname"] = Host,
        ["ipv4"] = Ipv4,
        ["ipv6"] = Ipv6,
        ["uuid"] = "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}",
        ["uri"] = Uri,
        ["uri-reference"] = UriReference,
        ["json-pointer"] = "(?:/(?:[^/~]|~[01])*)*",
        ["byte"] = "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
    };

    /// <summary>They say how a value is shown or kept, and restrict none.</summary>
    private static readonly string[] Hints = ["int32", "int64", "float", "double", "password"];

    private static readonly ConcurrentDictionary<string, Dfa> Compiled = new(StringComparer.Ordinal);

    public static string Allowed { get; } = string.Join(", ", Patterns.Keys);

    /// <summary>Null when the format is not known.</summary>
    public static Dfa? Find(string format)
    {
        if (Hints.Contains(format))
        {
            return DfaSets.AnyText;
        }

        return !Patterns.TryGetValue(format, out var pattern) ? null : Compiled.GetOrAdd(format, static (name, own) =>
            RegexCompiler.Whole(own, out var problem) ?? throw new InvalidOperationException($"Format {name}: {problem}."), pattern);
    }
}
