using System.Globalization;
using System.Text.Json;

namespace Jesus.Appliance.Config.Shapes;

/// <summary>A value without members.</summary>
internal abstract class Scalar<T> : IShape<T>
{
    public bool Secret { get; init; }

    public (string Name, IShape Shape)? Child(string name) => null;

    public T Read(ConfigNode node, T current, string path, List<ConfigError> errors)
    {
        if (Accepts(node) && TryParse(node.Text, out var value))
        {
            return value;
        }

        errors.Add(new ConfigError(node.Place, path, $"must be {Wanted}, not {(Secret ? "what is given" : node.Describe())}"));
        return current;
    }

    public abstract void WriteSchema(Utf8JsonWriter json, T standard);

    public void Dump(ConfigDump dump, string path, T value, ConfigNode? given) => dump.Add(path, Secret ? Mask(value) : Write(value), given);

    protected abstract string Wanted { get; }

    protected abstract bool Accepts(ConfigNode node);

    protected abstract bool TryParse(string text, out T value);

    /// <summary>As JSON.</summary>
    protected abstract string Write(T value);

    /// <summary>A reference to a secret is none itself.</summary>
    private string Mask(T value)
    {
        var text = Write(value);
        return text is "\"\"" or "null" || text.StartsWith("\"env:", StringComparison.Ordinal) || text.StartsWith("\"file:", StringComparison.Ordinal) ? text : "\"***\"";
    }
}

internal sealed class TextShape : Scalar<string>
{
    /// <summary>The texts that are allowed; empty allows any.</summary>
    public string[] Allowed { get; init; } = [];

    protected override string Wanted => Allowed.Length == 0 ? "a text" : "one of " + string.Join(", ", Allowed);

    public override void WriteSchema(Utf8JsonWriter json, string standard)
    {
        json.WriteString("type"u8, "string"u8);
        json.WriteString("default"u8, standard);
        if (Allowed.Length > 0)
        {
            json.WriteStartArray("enum"u8);
            foreach (var text in Allowed)
            {
                json.WriteStringValue(text);
            }

            json.WriteEndArray();
        }
    }

    protected override bool Accepts(ConfigNode node) => node.Kind == ConfigNodeKind.Text;

    protected override bool TryParse(string text, out string value)
    {
        value = text;
        return Allowed.Length == 0 || Allowed.Contains(text, StringComparer.Ordinal);
    }

    protected override string Write(string value) => JsonText.Quote(value);
}

internal sealed class IntegerShape(long min, long max) : Scalar<long>
{
    /// <summary>May be left out, which no number stands for.</summary>
    public bool Optional { get; init; }

    protected override string Wanted => string.Create(CultureInfo.InvariantCulture, $"an integer from {min} to {max}");

    public override void WriteSchema(Utf8JsonWriter json, long standard)
    {
        json.WriteString("type"u8, "integer"u8);
        json.WriteNumber("minimum"u8, min);
        json.WriteNumber("maximum"u8, max);
        if (!Optional)
        {
            json.WriteNumber("default"u8, standard);
        }
    }

    protected override bool Accepts(ConfigNode node) => node.Kind == ConfigNodeKind.Number || node.Loose;

    protected override bool TryParse(string text, out long value) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value) && value >= min && value <= max;

    protected override string Write(long value) => value.ToString(CultureInfo.InvariantCulture);
}

internal sealed class NumberShape(double min, double max) : Scalar<double>
{
    protected override string Wanted => string.Create(CultureInfo.InvariantCulture, $"a number from {min} to {max}");

    public override void WriteSchema(Utf8JsonWriter json, double standard)
    {
        json.WriteString("type"u8, "number"u8);
        json.WriteNumber("minimum"u8, min);
        json.WriteNumber("maximum"u8, max);
        json.WriteNumber("default"u8, standard);
    }

    protected override bool Accepts(ConfigNode node) => node.Kind == ConfigNodeKind.Number || node.Loose;

    protected override bool TryParse(string text, out double value) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && value >= min && value <= max;

    protected override string Write(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}

internal sealed class BooleanShape : Scalar<bool>
{
    protected override string Wanted => "true or false";

    public override void WriteSchema(Utf8JsonWriter json, bool standard)
    {
        json.WriteString("type"u8, "boolean"u8);
        json.WriteBoolean("default"u8, standard);
    }

    protected override bool Accepts(ConfigNode node) => node.Kind == ConfigNodeKind.Boolean || node.Loose;

    protected override bool TryParse(string text, out bool value) => bool.TryParse(text, out value);

    protected override string Write(bool value) => value ? "true" : "false";
}

internal static class JsonText
{
    public static string Quote(string text) => "\"" + JsonEncodedText.Encode(text, System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping) + "\"";
}
