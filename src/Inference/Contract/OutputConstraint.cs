using Jesus.Transport.Buffers;

namespace Jesus.Inference.Contract;

public enum ConstraintKind : byte
{
    None,

    /// <summary><see cref="OutputConstraint.Source"/> is a JSON schema (draft 2020-12 subset, with <c>x-span-of</c>).</summary>
    JsonSchema,

    /// <summary>Any JSON object.</summary>
    JsonObject,

    /// <summary><see cref="OutputConstraint.Source"/> is a regular expression.</summary>
    Regex,

    /// <summary><see cref="OutputConstraint.Source"/> is a GBNF grammar.</summary>
    Grammar,
}

/// <summary>A text that <c>x-span-of</c> may name: a string in the answer must then be a substring of <see cref="Text"/>.</summary>
public readonly record struct NamedInput(Utf8Slice Name, Utf8Slice Text);

/// <summary>What shape the answer must have. Owned by the request; reset with it.</summary>
public sealed class OutputConstraint
{
    /// <summary>The name under which the text of the last user turn can always be named by <c>x-span-of</c>.</summary>
    public static ReadOnlySpan<byte> PromptInput => "prompt"u8;

    public ConstraintKind Kind { get; set; }
    public Utf8Slice Source { get; set; }

    /// <summary>The schema's name as the caller gave it; for upstream servers that want one.</summary>
    public Utf8Slice Name { get; set; }

    public List<NamedInput> Inputs { get; } = [];

    public void CopyFrom(OutputConstraint other)
    {
        Reset();
        Kind = other.Kind;
        Source = other.Source;
        Name = other.Name;
        Inputs.AddRange(other.Inputs);
    }

    public void Reset()
    {
        Kind = ConstraintKind.None;
        Source = default;
        Name = default;
        Inputs.Clear();
    }
}
