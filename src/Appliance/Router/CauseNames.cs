using System.Collections.Frozen;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Router;

/// <summary>The spelling of causes in configuration, metrics and the journal: snake_case.</summary>
public static class CauseNames
{
    private static readonly string[] Names =
    [
        "none", "refused", "unauthorized", "rate_limited", "overloaded", "connect_failed", "first_token_timeout", "stalled", "cut",
        "context_too_small", "content_policy", "malformed", "schema_violated", "unsupported_field", "model_not_found", "cancelled",
        "draining", "internal",
    ];

    private static readonly FrozenDictionary<string, ErrorCause> Causes = Enumerable.Range(1, Names.Length - 1)
        .ToFrozenDictionary(i => Names[i], i => (ErrorCause)i, StringComparer.Ordinal);

    /// <summary>Every name that a route's <c>on</c> may list.</summary>
    public static IReadOnlyList<string> All { get; } = Names[1..];

    public static string Of(ErrorCause cause) => Names[(int)cause];

    public static bool TryParse(string name, out ErrorCause cause) => Causes.TryGetValue(name, out cause);
}
