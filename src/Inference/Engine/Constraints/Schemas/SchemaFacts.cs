using System.Text.Json;

namespace Jesus.Inference.Engine.Constraints.Schemas;

/// <summary>A schema and where it stands, as a JSON pointer in a fragment.</summary>
internal readonly record struct SchemaPart(JsonElement Element, string Pointer)
{
    public SchemaPart Below(string keyword, JsonElement element) => new(element, $"{Pointer}/{Escaped(keyword)}");

    public SchemaPart Below(string keyword, string name, JsonElement element) => new(element, $"{Pointer}/{Escaped(keyword)}/{Escaped(name)}");

    public SchemaPart Below(string keyword, int index, JsonElement element) =>
        new(element, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Pointer}/{keyword}/{index}"));

    private static string Escaped(string token) => token.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
}

/// <summary>Alternatives of an <c>anyOf</c> or <c>oneOf</c>.</summary>
internal readonly record struct SchemaUnion(SchemaPart Owner, string Keyword)
{
    public JsonElement Branches => Owner.Element.GetProperty(Keyword);
}

/// <summary>
/// All that one value must satisfy at once: schemas whose own keywords hold together (from <c>allOf</c>, <c>$ref</c> and what stands beside them), and the unions that are
/// still open.
/// </summary>
internal sealed class SchemaFacts
{
    public SchemaFacts()
    {
    }

    private SchemaFacts(SchemaFacts other)
    {
        Parts.AddRange(other.Parts);
        Unions.AddRange(other.Unions);
        (IsImpossible, FollowedReference) = (other.IsImpossible, other.FollowedReference);
    }

    /// <summary>Schemas with keywords of their own; annotations apart, none is empty.</summary>
    public List<SchemaPart> Parts { get; } = [];
    public List<SchemaUnion> Unions { get; } = [];

    /// <summary>One of them is <c>false</c>.</summary>
    public bool IsImpossible { get; set; }

    /// <summary>Came here by a $ref, so that it may come here again.</summary>
    public bool FollowedReference { get; set; }

    /// <summary>Equal keys mean equal schemas.</summary>
    public string Key =>
        string.Join(' ', Parts.Select(part => part.Pointer).Concat(Unions.Select(union => $"{union.Owner.Pointer}/{union.Keyword}?")).Order(StringComparer.Ordinal))
        + (IsImpossible ? " false" : "");

    public SchemaFacts Copy() => new(this);

    /// <summary>The keyword's values with the schemas they stand in.</summary>
    public IEnumerable<(SchemaPart Part, JsonElement Value)> All(string keyword)
    {
        foreach (var part in Parts)
        {
            if (part.Element.TryGetProperty(keyword, out var value))
            {
                yield return (part, value);
            }
        }
    }

    public bool Has(string keyword) => Parts.Exists(part => part.Element.TryGetProperty(keyword, out _));
}
