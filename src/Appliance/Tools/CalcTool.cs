using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Jesus.Appliance.Tools;

/// <summary><c>calc {expression}</c>: arithmetic. Answers <c>{result}</c>, exact to 28 digits where no root or power makes it inexact.</summary>
public sealed class CalcTool : ITool
{
    public ToolDescription Description { get; } = new(
        "calc",
        "Evaluates an arithmetic expression.",
        ToolJson.Parse("""{"type":"object","properties":{"expression":{"type":"string"}},"required":["expression"]}"""),
        ToolJson.Parse("""{"type":"object","properties":{"result":{"type":"number"}}}"""),
        ToolPurity.ReadOnly);

    public ValueTask<ToolResult> CallAsync(JsonElement arguments, ToolContext context, CancellationToken cancel)
    {
        var expression = ToolJson.Text(arguments, "expression")!;
        if (!Calculator.TryCalculate(expression, out var value, out var error))
        {
            return ValueTask.FromResult(ToolResult.Failed("calc: " + error));
        }

        // G29 drops the zeros that a decimal keeps from its operands: 1.50 + 1.50 is 3.
        var text = value.ToString("G29", CultureInfo.InvariantCulture);
        var plain = text.Contains('E', StringComparison.Ordinal) ? value.ToString(CultureInfo.InvariantCulture) : text;
        // A model copies the result digit by digit: six places are all that it can carry, and the value keeps the rest.
        var shown = Math.Round(value, 6).ToString("0.######", CultureInfo.InvariantCulture);
        var utf8 = Encoding.UTF8.GetBytes(plain);
        return ValueTask.FromResult(ToolResult.Of(ToolJson.Build(utf8, static (writer, number) =>
        {
            writer.WriteStartObject();
            writer.WritePropertyName("result");
            writer.WriteRawValue(number);
            writer.WriteEndObject();
        }), shown));
    }
}
