using System.Text.Json;

namespace Jesus.Inference.Engine.Constraints.Schemas;

/// <summary>Adds schemas to the facts of a value: follows <c>$ref</c>, takes <c>allOf</c> apart, notes unions, and refuses every keyword that would not be enforced.</summary>
internal sealed class SchemaFlattener(SchemaContext context, JsonElement root)
{
    private readonly List<string> _following = [];
    private readonly HashSet<string> _checked = new(StringComparer.Ordinal);

    public void Add(SchemaFacts facts, SchemaPart part)
    {
        if (!context.Error.IsNone)
        {
            return;
        }

        context.Enter(part.Pointer);
        switch (part.Element.ValueKind)
        {
            case JsonValueKind.True:
                break;
            case JsonValueKind.False:
                facts.IsImpossible = true;
                break;
            case JsonValueKind.Object when context.Depth <= ConstraintLimits.SchemaNestingMax:
                AddObject(facts, part);
                break;
            case JsonValueKind.Object:
                context.Refuse($"nested deeper than {ConstraintLimits.SchemaNestingMax}; move the inner part to $defs and refer to it.");
                break;
            default:
                context.Refuse("a schema must be an object, true or false.");
                break;
        }

        context.Leave();
    }

    private void AddObject(SchemaFacts facts, SchemaPart part)
    {
        if (facts.Parts.Exists(known => known.Pointer == part.Pointer) || (_checked.Add(part.Pointer) && !SchemaLint.Check(context, part.Element)))
        {
            return;
        }

        if (part.Element.TryGetProperty("$ref", out var reference))
        {
            Follow(facts, reference);
        }

        if (part.Element.TryGetProperty("allOf", out var all) && IsList(all, "allOf"))
        {
            var index = 0;
            foreach (var one in all.EnumerateArray())
            {
                Add(facts, part.Below("allOf", index++, one));
            }
        }

        foreach (var keyword in (string[])["anyOf", "oneOf"])
        {
            if (part.Element.TryGetProperty(keyword, out var branches) && IsList(branches, keyword))
            {
                facts.Unions.Add(new SchemaUnion(part, keyword));
            }
        }

        if (SchemaKeywords.HasOwn(part.Element))
        {
            facts.Parts.Add(part);
        }
    }

    private bool IsList(JsonElement list, string keyword)
    {
        var isList = list.ValueKind == JsonValueKind.Array && list.GetArrayLength() > 0;
        if (!isList)
        {
            context.Refuse($"'{keyword}' must be a list of at least one schema.");
        }

        return isList;
    }

    private void Follow(SchemaFacts facts, JsonElement reference)
    {
        var pointer = reference.ValueKind == JsonValueKind.String ? reference.GetString()! : "";
        if (!SchemaPointer.TryResolve(root, pointer, out var target))
        {
            context.Refuse($"'$ref' to '{pointer}' is not found in this schema; only local references such as #/$defs/name are followed.");
            return;
        }

        if (_following.Contains(pointer))
        {
            context.Refuse($"'$ref' to '{pointer}' leads back to itself without any value in between; no answer would be valid.");
            return;
        }

        facts.FollowedReference = true;
        _following.Add(pointer);
        Add(facts, new SchemaPart(target, Uri.UnescapeDataString(pointer)));
        _following.RemoveAt(_following.Count - 1);
    }
}
