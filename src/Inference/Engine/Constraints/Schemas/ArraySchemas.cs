using System.Text.Json;
using Jesus.Inference.Engine.Constraints.Grammars;

namespace Jesus.Inference.Engine.Constraints.Schemas;

/// <summary>Arrays: first items with schemas of their own, then items of one schema.</summary>
internal sealed class ArraySchemas(SchemaContext context, SchemaCompiler compiler, SchemaFacts facts)
{
    private GrammarBuilder Builder => context.Builder;

    public int Add(int next)
    {
        var min = context.Most(facts, "minItems", 0, ConstraintLimits.ItemsMax);
        var max = context.Least(facts, "maxItems", Math.Max(min, ConstraintLimits.ItemsDefaultMax), ConstraintLimits.ItemsMax);
        if (min > max)
        {
            return facts.Parts.Count == 1 ? context.Refuse("'minItems' is above 'maxItems'; no array has both.") : Builder.Dead;
        }

        var first = 0;
        foreach (var (part, list) in facts.All("prefixItems"))
        {
            if (list.ValueKind != JsonValueKind.Array)
            {
                return context.Refuse("'prefixItems' must be a list of schemas.");
            }

            first = Math.Max(first, list.GetArrayLength());
        }

        foreach (var (_, items) in facts.All("items"))
        {
            if (items.ValueKind == JsonValueKind.Array)
            {
                return context.Refuse("'items' must be a schema; a list of schemas is called 'prefixItems'.");
            }
        }

        return first == 0 ? context.Values.Array(Item(0), min, max, next) : Tuple(Math.Min(first, max), min, max, next);
    }

    /// <summary>Built from the end: after each of the first items the array may close where enough are there.</summary>
    private int Tuple(int first, int min, int max, int next)
    {
        var after = max > first
            ? context.Values.Rest(Item(first), Math.Max(0, min - first), max - first, next)
            : Builder.Byte((byte)']', next);
        for (var position = first - 1; position >= 0; position--)
        {
            var item = compiler.Value(At(position), after);
            item = position > 0 ? Builder.Byte((byte)',', item) : item;
            after = min <= position ? Builder.AnyOf(item, Builder.Byte((byte)']', next)) : item;
        }

        return Builder.Byte((byte)'[', after);
    }

    private int Item(int position) => compiler.Rule(At(position));

    private IEnumerable<SchemaPart> At(int position)
    {
        foreach (var part in facts.Parts)
        {
            if (part.Element.TryGetProperty("prefixItems", out var list) && list.ValueKind == JsonValueKind.Array && position < list.GetArrayLength())
            {
                yield return part.Below("prefixItems", position, list[position]);
            }
            else if (part.Element.TryGetProperty("items", out var items))
            {
                yield return part.Below("items", items);
            }
        }
    }
}
