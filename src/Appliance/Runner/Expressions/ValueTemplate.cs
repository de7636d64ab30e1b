using System.Text.Json;

namespace Jesus.Appliance.Runner.Expressions;

/// <summary>A value of a workflow file that may hold expressions at any depth. Exactly one of the four is set.</summary>
public sealed record ValueTemplate
{
    public JsonElement? Constant { get; init; }
    public Template? Text { get; init; }
    public IReadOnlyList<ValueTemplate>? Items { get; init; }
    public IReadOnlyList<KeyValuePair<string, ValueTemplate>>? Members { get; init; }

    public static ValueTemplate Of(JsonElement constant) => new() { Constant = constant };

    /// <exception cref="EvaluationException">A value is absent or of the wrong kind.</exception>
    public JsonElement Evaluate(IValues values) => Constant ?? Text?.Evaluate(values) ?? JsonValues.Build((this, values), static (writer, s) => s.Item1.Write(writer, s.values));

    public void Write(Utf8JsonWriter writer, IValues values)
    {
        if (Items is not null)
        {
            writer.WriteStartArray();
            foreach (var item in Items)
            {
                item.Write(writer, values);
            }

            writer.WriteEndArray();
        }
        else if (Members is not null)
        {
            writer.WriteStartObject();
            foreach (var (name, member) in Members)
            {
                writer.WritePropertyName(name);
                member.Write(writer, values);
            }

            writer.WriteEndObject();
        }
        else
        {
            (Constant ?? Text!.Evaluate(values)).WriteTo(writer);
        }
    }

    /// <summary>Every expression in it.</summary>
    public IEnumerable<Expression> Expressions() =>
        Text is not null ? Text.Parts.Where(part => part.Expression is not null).Select(part => part.Expression!)
        : Items is not null ? Items.SelectMany(item => item.Expressions())
        : Members is not null ? Members.SelectMany(member => member.Value.Expressions())
        : [];
}
