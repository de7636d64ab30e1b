using System.Globalization;
using System.Text.Json;

namespace Jesus.Appliance.Config.Shapes;

/// <summary>An exact decimal number, read as it was written.</summary>
internal sealed class MoneyShape(decimal min = 0, decimal max = 1_000_000_000m) : Scalar<decimal>
{
    /// <summary>May be left out, which no number stands for.</summary>
    public bool Optional { get; init; }

    protected override string Wanted => string.Create(CultureInfo.InvariantCulture, $"a number from {min} to {max}");

    public override void WriteSchema(Utf8JsonWriter json, decimal standard)
    {
        json.WriteString("type"u8, "number"u8);
        json.WriteNumber("minimum"u8, min);
        json.WriteNumber("maximum"u8, max);
        if (!Optional)
        {
            json.WriteNumber("default"u8, standard);
        }
    }

    protected override bool Accepts(ConfigNode node) => node.Kind == ConfigNodeKind.Number || node.Loose;

    protected override bool TryParse(string text, out decimal value) =>
        decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && value >= min && value <= max;

    protected override string Write(decimal value) => value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A day or moment in UTC, ISO 8601.</summary>
internal sealed class MomentShape : Scalar<DateTimeOffset>
{
    protected override string Wanted => "a day or moment in UTC such as 2026-11-01 or 2026-11-01T12:00:00Z";

    public override void WriteSchema(Utf8JsonWriter json, DateTimeOffset standard) => json.WriteString("type"u8, "string"u8);

    protected override bool Accepts(ConfigNode node) => node.Kind == ConfigNodeKind.Text;

    protected override bool TryParse(string text, out DateTimeOffset value) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out value);

    protected override string Write(DateTimeOffset value) => value == DateTimeOffset.MinValue ? "\"\"" : JsonText.Quote(value.ToString("O", CultureInfo.InvariantCulture));
}
