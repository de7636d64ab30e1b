using System.Globalization;

namespace Jesus.Inference.Engine.Templates.Values;

/// <summary>What an expression of a template yields. Immutable, but for a namespace.</summary>
internal abstract class Value
{
    public static NoneValue None { get; } = new();
    public static BoolValue True { get; } = new(true);
    public static BoolValue False { get; } = new(false);

    /// <summary>Python's truth of a value.</summary>
    public abstract bool IsTrue { get; }

    /// <summary>What kind of value this is, in a reader's words.</summary>
    public abstract string Kind { get; }

    public static BoolValue Of(bool value) => value ? True : False;

    /// <summary>Python's equality: numbers by value, true is 1, lists and mappings by their parts.</summary>
    public static bool AreEqual(Value left, Value right) => (left, right) switch
    {
        (TextValue one, TextValue other) => one.Utf8.Span.SequenceEqual(other.Utf8.Span),
        (NumberValue one, NumberValue other) => one.AsDouble == other.AsDouble,
        (ListValue one, ListValue other) => one.Items.Count == other.Items.Count && one.Items.Zip(other.Items).All(pair => AreEqual(pair.First, pair.Second)),
        (MapValue one, MapValue other) => one.Count == other.Count && one.Keys.All(key => other.Find(key) is { } value && AreEqual(one.Find(key)!, value)),
        (NoneValue, NoneValue) or (UndefinedValue, UndefinedValue) => true,
        _ => ReferenceEquals(left, right),
    };
}

internal sealed class NoneValue : Value
{
    public override bool IsTrue => false;
    public override string Kind => "none";
}

/// <summary>A name or key that is not there: false, empty, and an error when looked into.</summary>
internal sealed class UndefinedValue : Value
{
    public UndefinedValue(string name) => Name = name;

    public string Name { get; }
    public override bool IsTrue => false;
    public override string Kind => "undefined";
}

internal abstract class NumberValue : Value
{
    public abstract double AsDouble { get; }
    public override bool IsTrue => AsDouble != 0;
}

/// <summary>In Python a boolean is a number, too.</summary>
internal sealed class BoolValue : NumberValue
{
    private readonly bool _value;

    public BoolValue(bool value) => _value = value;

    public override double AsDouble => _value ? 1 : 0;
    public override string Kind => "boolean";
}

internal sealed class IntegerValue : NumberValue
{
    public IntegerValue(long value) => Value = value;

    public long Value { get; }
    public override double AsDouble => Value;
    public override string Kind => "integer";
}

internal sealed class FloatValue : NumberValue
{
    /// <param name="value">The number.</param>
    /// <param name="text">How it was written, where it came from the request's JSON.</param>
    public FloatValue(double value, string? text = null)
    {
        AsDouble = value;
        Text = text ?? Written(value);
    }

    public override double AsDouble { get; }
    public string Text { get; }
    public override string Kind => "float";

    private static string Written(double value)
    {
        var text = value.ToString("R", CultureInfo.InvariantCulture);
        return double.IsInteger(value) && !text.Contains('E', StringComparison.Ordinal) ? text + ".0" : text;
    }
}

internal sealed class ListValue : Value
{
    public ListValue(IReadOnlyList<Value> items) => Items = items;

    public IReadOnlyList<Value> Items { get; }
    public override bool IsTrue => Items.Count > 0;
    public override string Kind => "list";
}
