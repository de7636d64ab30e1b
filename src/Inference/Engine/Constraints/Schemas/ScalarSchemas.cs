using System.Text.Json;
using Jesus.Inference.Engine.Constraints.Grammars;

namespace Jesus.Inference.Engine.Constraints.Schemas;

/// <summary>Strings, numbers and constants.</summary>
internal static class ScalarSchemas
{
    /// <summary><c>enum</c> or <c>const</c>: the values themselves, written compactly; those of another type than "type" are left out.</summary>
    public static int Enumeration(SchemaContext context, JsonElement schema, SchemaTypes types, int next)
    {
        JsonElement[] values = schema.TryGetProperty("const", out var constant) ? [constant] : [];
        if (schema.TryGetProperty("enum", out var list))
        {
            if (list.ValueKind != JsonValueKind.Array)
            {
                return context.Refuse("'enum' must be a list of values.");
            }

            values = [.. list.EnumerateArray()];
        }

        var texts = values.Where(value => (SchemaKeywords.TypeOf(value) & types) != 0).Select(JsonLiterals.Of).ToList();
        return texts.Count == 0
            ? context.Refuse("'enum' holds no value of the given type; no answer would be valid.")
            : context.Builder.Literals(texts, next);
    }

    public static int String(SchemaContext context, JsonElement schema, int next)
    {
        var min = context.Count(schema, "minLength", 0, ConstraintLimits.StringLengthMax);
        var isSpan = schema.TryGetProperty("x-span-of", out var span);
        var fallback = isSpan ? int.MaxValue : Math.Max(min, ConstraintLimits.StringDefaultMax);
        var max = context.Count(schema, "maxLength", fallback, ConstraintLimits.StringLengthMax);
        if (min > max)
        {
            return context.Refuse("'minLength' is above 'maxLength'; no string has both.");
        }

        if (!isSpan)
        {
            return JsonStrings.Add(context.Builder, min, max, next);
        }

        return span.ValueKind == JsonValueKind.String
            ? context.Builder.Byte((byte)'"', context.Builder.Span(span.GetString()!, next, min, max))
            : context.Refuse("'x-span-of' must be the name of an input, such as \"prompt\".");
    }

    public static int Number(SchemaContext context, JsonElement schema, bool integers, int next)
    {
        var bounded = false;
        var low = new Bound(-JsonBounds.Limit, true);
        var high = new Bound(JsonBounds.Limit, true);
        bounded |= Tighten(context, schema, "minimum", false, ref low, static (candidate, now) => candidate > now);
        bounded |= Tighten(context, schema, "exclusiveMinimum", true, ref low, static (candidate, now) => candidate >= now);
        bounded |= Tighten(context, schema, "maximum", false, ref high, static (candidate, now) => candidate < now);
        bounded |= Tighten(context, schema, "exclusiveMaximum", true, ref high, static (candidate, now) => candidate <= now);
        if (!context.Error.IsNone)
        {
            return context.Builder.Dead;
        }

        if (!bounded)
        {
            return integers ? JsonNumbers.AddInteger(context.Builder, next) : JsonNumbers.AddNumber(context.Builder, next);
        }

        (low, high) = integers ? (CeilingOf(low), FloorOf(high)) : (low, high);
        return low.Value > high.Value || (low.Value == high.Value && (low.Exclusive || high.Exclusive))
            ? context.Refuse("no number lies between the minimum and the maximum.")
            : JsonBounds.Add(context.Builder, low, high, integers, next);
    }

    private static bool Tighten(SchemaContext context, JsonElement schema, string keyword, bool exclusive, ref Bound bound, Func<decimal, decimal, bool> isTighter)
    {
        if (!schema.TryGetProperty(keyword, out var value))
        {
            return false;
        }

        if (value.ValueKind != JsonValueKind.Number || !value.TryGetDecimal(out var number) || Math.Abs(number) >= JsonBounds.Limit
            || number != Math.Round(number, ConstraintLimits.FractionDigitsMax))
        {
            context.Refuse($"'{keyword}' must be a number of at most {ConstraintLimits.IntegerDigitsMax} digits before and {ConstraintLimits.FractionDigitsMax} after the point.");
            return false;
        }

        if (isTighter(number, bound.Value))
        {
            bound = new Bound(number, exclusive);
        }

        return true;
    }

    private static Bound CeilingOf(Bound low)
    {
        var ceiling = decimal.Ceiling(low.Value);
        return new Bound(low.Exclusive && ceiling == low.Value ? ceiling + 1 : ceiling, false);
    }

    private static Bound FloorOf(Bound high)
    {
        var floor = decimal.Floor(high.Value);
        return new Bound(high.Exclusive && floor == high.Value ? floor - 1 : floor, false);
    }
}
