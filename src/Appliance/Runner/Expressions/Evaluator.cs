using System.Text.Json;

namespace Jesus.Appliance.Runner.Expressions;

/// <summary>What an expression may read. A step that was skipped has the output null.</summary>
public interface IValues
{
    bool TryRead(ReferenceRoot root, string name, out JsonElement value);
}

/// <summary>An expression met a value it cannot use; fails the step, never the daemon.</summary>
public sealed class EvaluationException(string message) : Exception(message);

/// <summary>Computes expressions. Pure.</summary>
public static class Evaluator
{
    /// <exception cref="EvaluationException">A value is absent or of the wrong kind.</exception>
    public static JsonElement Evaluate(Expression expression, IValues values) => expression switch
    {
        Literal literal => literal.Value,
        Reference reference => Read(reference, values),
        Negation negation => JsonValues.Of(!Truth(negation.Operand, values)),
        Binary { Operator: Operator.And } both => JsonValues.Of(Truth(both.Left, values) && Truth(both.Right, values)),
        Binary { Operator: Operator.Or } either => JsonValues.Of(Truth(either.Left, values) || Truth(either.Right, values)),
        Binary binary => JsonValues.Of(Compare(binary.Operator, Evaluate(binary.Left, values), Evaluate(binary.Right, values))),
        Call call => Apply(call, values),
        _ => throw new InvalidOperationException($"no rule for {expression.GetType().Name}"),
    };

    /// <summary>The value of a condition.</summary>
    /// <exception cref="EvaluationException">It is no boolean.</exception>
    public static bool Truth(Expression expression, IValues values)
    {
        var value = Evaluate(expression, values);
        return value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw new EvaluationException($"a condition must be true or false, and is {JsonValues.KindName(value)}: compare it, for example with '== null'"),
        };
    }

    private static JsonElement Read(Reference reference, IValues values)
    {
        if (!values.TryRead(reference.Root, reference.Name, out var value))
        {
            throw new EvaluationException($"{reference} has no value here");
        }

        foreach (var segment in reference.Path)
        {
            value = Follow(reference, segment, value);
        }

        return value;
    }

    private static JsonElement Follow(Reference reference, PathSegment segment, JsonElement value) => segment.Field switch
    {
        not null when value.ValueKind == JsonValueKind.Object =>
            value.TryGetProperty(segment.Field, out var field)
                ? field
                : throw new EvaluationException($"{reference}: there is no field '{segment.Field}'; default() gives it a value"),
        null when value.ValueKind == JsonValueKind.Array => segment.Index < value.GetArrayLength()
            ? value[segment.Index]
            : throw new EvaluationException($"{reference}: the list has {value.GetArrayLength()} members, so there is none at [{segment.Index}]"),
        _ => throw new EvaluationException($"{reference}: '{segment}' asks {JsonValues.KindName(value)} for a part; a skipped step is null, and default() gives it a value"),
    };

    private static bool Compare(Operator op, JsonElement left, JsonElement right) => op switch
    {
        Operator.Equal => JsonValues.AreEqual(left, right),
        Operator.NotEqual => !JsonValues.AreEqual(left, right),
        Operator.In => Contains(right, left),
        Operator.Less => Order(left, right) < 0,
        Operator.LessOrEqual => Order(left, right) <= 0,
        Operator.Greater => Order(left, right) > 0,
        _ => Order(left, right) >= 0,
    };

    private static int Order(JsonElement left, JsonElement right) => (left.ValueKind, right.ValueKind) switch
    {
        (JsonValueKind.Number, JsonValueKind.Number) => JsonValues.CompareNumbers(left, right),
        (JsonValueKind.String, JsonValueKind.String) => string.CompareOrdinal(left.GetString(), right.GetString()),
        _ => throw new EvaluationException($"{JsonValues.KindName(left)} and {JsonValues.KindName(right)} have no order: compare two numbers or two strings"),
    };

    private static JsonElement Apply(Call call, IValues values) => call.Function switch
    {
        Function.Length => JsonValues.Of(Length(Evaluate(call.Arguments[0], values))),
        Function.Contains => JsonValues.Of(Contains(Evaluate(call.Arguments[0], values), Evaluate(call.Arguments[1], values))),
        _ => OrDefault(call, values),
    };

    private static JsonElement OrDefault(Call call, IValues values)
    {
        try
        {
            var value = Evaluate(call.Arguments[0], values);
            if (value.ValueKind != JsonValueKind.Null)
            {
                return value;
            }
        }
        catch (EvaluationException)
        {
            // Absent is what default() is for.
        }

        return Evaluate(call.Arguments[1], values);
    }

    private static int Length(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => value.GetArrayLength(),
        JsonValueKind.Object => value.EnumerateObject().Count(),
        JsonValueKind.String => value.GetString()!.Length,
        _ => throw new EvaluationException($"length() wants a list, an object or a string, not {JsonValues.KindName(value)}"),
    };

    private static bool Contains(JsonElement whole, JsonElement part) => whole.ValueKind switch
    {
        JsonValueKind.Array => whole.EnumerateArray().Any(member => JsonValues.AreEqual(member, part)),
        JsonValueKind.String when part.ValueKind == JsonValueKind.String => whole.GetString()!.Contains(part.GetString()!, StringComparison.Ordinal),
        JsonValueKind.Object when part.ValueKind == JsonValueKind.String => whole.TryGetProperty(part.GetString()!, out _),
        _ => throw new EvaluationException($"contains() and 'in' want a list, a string or an object to look into, not {JsonValues.KindName(whole)}"),
    };
}
