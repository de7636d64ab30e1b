using System.Text;
using System.Text.Json;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>What becomes of a field of a request.</summary>
internal enum FieldSupport : byte
{
    /// <summary>Does what OpenAI says it does, with every model that can; one that cannot is refused by name.</summary>
    Honoured,

    /// <summary>Taken, but changes nothing of the answer: a label, or a hint that may be ignored.</summary>
    Taken,

    /// <summary>Works where the caller's bytes are sent on to a provider that speaks OpenAI's chat API; other models are not asked.</summary>
    Forwarded,

    /// <summary>Refused by name, for the reason that the rule states.</summary>
    Refused,
}

/// <summary>One field that OpenAI's API knows, or that this box adds.</summary>
/// <param name="Name">As it stands in the request.</param>
/// <param name="Field">What reads it.</param>
/// <param name="Support">What becomes of it.</param>
/// <param name="Note">For the documentation; of a refused field, also why and what to do instead.</param>
internal sealed record FieldRule(string Name, RequestField Field, FieldSupport Support, string Note)
{
    public byte[] Utf8 { get; } = Encoding.UTF8.GetBytes(Name);
}

/// <summary>The fields of one endpoint. docs/api-openai.md shows the same table; a test compares the two.</summary>
internal sealed class FieldTable(string path, params FieldRule[] rules)
{
    public string Path { get; } = path;
    public IReadOnlyList<FieldRule> Rules => rules;

    /// <summary>The rule of the reader's current property name; null where it is not known.</summary>
    public FieldRule? Find(ref Utf8JsonReader reader)
    {
        foreach (var rule in rules)
        {
            if (reader.ValueTextEquals(rule.Utf8))
            {
                return rule;
            }
        }

        return null;
    }
}
