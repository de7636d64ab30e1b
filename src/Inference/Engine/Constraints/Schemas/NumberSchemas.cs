using System.Text.Json;
using Jesus.Inference.Engine.Constraints.Automata;
using Jesus.Inference.Engine.Constraints.Grammars;

namespace Jesus.Inference.Engine.Constraints.Schemas;

/// <summary>Numbers: any, between bounds, multiples.</summary>
internal static class NumberSchemas
{
    /// <summary>The largest whole part of a multiple: each remainder is a state for each digit after the point.</summary>
    private const int MultipleMax = 1_000;

    public static int Add(SchemaContext context, SchemaFacts facts, bool integers, int next)
    {
        foreach (var (_, format) in facts.All("format"))
        {
            if (format.ValueKind != JsonValueKind.String || StringFormats.Find(format.GetString()!) is null)
            {
                return context.Refuse($"'format' {format.GetRawText()} cannot be enforced; leave it out.");
            }
        }

        var isBounded = false;
        var low = new Bound(-JsonBounds.Limit, true);
        var high = new Bound(JsonBounds.Limit, true);
        isBounded |= Tighten(context, facts, "minimum", false, ref low, static (candidate, now) => candidate > now);
        isBounded |= Tighten(context, facts, "exclusiveMinimum", true, ref low, static (candidate, now) => candidate >= now);
        isBounded |= Tighten(context, facts, "maximum", false, ref high, static (candidate, now) => candidate < now);
        isBounded |= Tighten(context, facts, "exclusiveMaximum", true, ref high, static (candidate, now) => candidate <= now);
        if (!context.Error.IsNone)
        {
            return context.Builder.Dead;
        }

        (low, high) = integers ? (CeilingOf(low), FloorOf(high)) : (low, high);
        if (low.Value > high.Value || (low.Value == high.Value && (low.Exclusive || high.Exclusive)))
        {
            return facts.Parts.Count == 1 ? context.Refuse("no number lies between the minimum and the maximum.") : context.Builder.Dead;
        }

        if (facts.Has("multipleOf"))
        {
            return Multiples(context, facts, low, high, integers, next);
        }

        return isBounded ? JsonBounds.Add(context.Builder, low, high, integers, next)
            : integers ? JsonNumbers.AddInteger(context.Builder, next) : JsonNumbers.AddNumber(context.Builder, next);
    }

    private static int Multiples(SchemaContext context, SchemaFacts facts, Bound low, Bound high, bool integers, int next)
    {
        var bounds = new GrammarBuilder();
        var numbers = DfaBuilder.Determine(bounds.Build(JsonBounds.Add(bounds, low, high, integers, bounds.Accept)).ToNfa());
        foreach (var (_, value) in facts.All("multipleOf"))
        {
            if (value.ValueKind != JsonValueKind.Number || !value.TryGetDecimal(out var step) || step <= 0 || Scaled(step) is not ({ } whole, var digits) || whole > MultipleMax)
            {
                return context.Refuse($"'multipleOf' is enforced for numbers above 0 whose digits, without the point, make at most {MultipleMax}.");
            }

            numbers = numbers is null ? null : DfaSets.Intersect(numbers, MultiplesOf((int)whole, digits));
        }

        return numbers is null
            ? context.Refuse("'multipleOf' needs too large an automaton with these bounds; narrow them or remove it.")
            : DfaGrammar.AddText(context.Builder, numbers, next);
    }

    /// <summary>A number as a whole one and the count of its digits after the point.</summary>
    private static (decimal? Whole, int Digits) Scaled(decimal step)
    {
        var digits = 0;
        for (; decimal.Truncate(step) != step && digits <= ConstraintLimits.FractionDigitsMax; digits++)
        {
            step *= 10;
        }

        return digits <= ConstraintLimits.FractionDigitsMax ? (step, digits) : (null, 0);
    }

    /// <summary>Decimal numbers of which <paramref name="whole"/> / 10^<paramref name="digits"/> is a divisor: the remainder so far, at each digit after the point.</summary>
    private static Dfa MultiplesOf(int whole, int digits)
    {
        // States by remainder: the integer part, then a row for each digit after the point, the point's own first. Then the start and the sign.
        var rows = digits + 2;
        var start = rows * whole;
        var next = new int[(start + 1) * 256];
        var accepts = new bool[start + 1];
        Array.Fill(next, Dfa.None);
        next[(start * 256) + '-'] = 0;
        for (var row = 0; row < rows; row++)
        {
            var scale = 1;
            for (var left = digits - Math.Max(0, row - 1); left > 0; left--)
            {
                scale = scale * 10 % whole;
            }

            for (var remainder = 0; remainder < whole; remainder++)
            {
                var state = (row * whole) + remainder;
                accepts[state] = row != 1 && (long)remainder * scale % whole == 0;
                for (var digit = 0; digit < 10 && (row == 0 || row < rows - 1); digit++)
                {
                    next[(state * 256) + '0' + digit] = ((row == 0 ? 0 : row + 1) * whole) + (((remainder * 10) + digit) % whole);
                }

                if (row == 0 && digits > 0)
                {
                    next[(state * 256) + '.'] = whole + remainder;
                }
            }
        }

        for (var digit = 0; digit < 10; digit++)
        {
            next[(start * 256) + '0' + digit] = digit % whole;
        }

        return DfaMinimum.Of(DfaBuilder.Trim(new Dfa(start, accepts, [.. Enumerable.Range(0, 256).Select(value => (byte)value)], 256, next)));
    }

    private static bool Tighten(SchemaContext context, SchemaFacts facts, string keyword, bool exclusive, ref Bound bound, Func<decimal, decimal, bool> isTighter)
    {
        var isGiven = false;
        foreach (var (part, value) in facts.All(keyword))
        {
            if (value.ValueKind != JsonValueKind.Number || !value.TryGetDecimal(out var number) || Math.Abs(number) >= JsonBounds.Limit
                || number != Math.Round(number, ConstraintLimits.FractionDigitsMax))
            {
                context.Enter(part.Pointer);
                context.Refuse($"'{keyword}' must be a number of at most {ConstraintLimits.IntegerDigitsMax} digits before and "
                    + $"{ConstraintLimits.FractionDigitsMax} after the point.");
                context.Leave();
                return false;
            }

            isGiven = true;
            bound = isTighter(number, bound.Value) ? new Bound(number, exclusive) : bound;
        }

        return isGiven;
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
