using System.Text.Json;

namespace Jesus.Inference.Engine.Constraints.Schemas;

/// <summary>Refuses what would not be enforced: unknown keywords, those that cannot be, those that stand beside a type that they say nothing of.</summary>
internal static class SchemaLint
{
    public static bool Check(SchemaContext context, JsonElement schema)
    {
        if (!SchemaTypesReader.TryRead(context, schema, out var types))
        {
            return false;
        }

        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var property in schema.EnumerateObject())
        {
            if (!seen.Add(property.Name))
            {
                context.Refuse($"keyword '{property.Name}' stands twice.");
                return false;
            }

            if (!IsEnforced(context, property, types))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsEnforced(SchemaContext context, JsonProperty property, SchemaTypes types)
    {
        if (SchemaKeywords.IsAnnotation(property.Name) || SchemaKeywords.IsStructural(property.Name) || SchemaKeywords.RestrictsNothing(property))
        {
            return true;
        }

        var restricted = SchemaKeywords.TypesOf(property.Name);
        if (restricted == SchemaTypes.None)
        {
            context.Refuse($"keyword '{property.Name}' cannot be enforced; allowed are {SchemaKeywords.Allowed}.");
            return false;
        }

        if ((restricted & types) == 0)
        {
            context.Refuse($"keyword '{property.Name}' does not apply to the given type; remove it.");
            return false;
        }

        return true;
    }
}
