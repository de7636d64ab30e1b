using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Jesus.Appliance.Runner.Expressions;

namespace Jesus.Appliance.Runner.Workflows;

/// <summary>Turns YAML nodes into templates and plain JSON, and notes every expression for the check.</summary>
internal sealed class ValueReader(ErrorList errors, GraphScope scope, int step)
{
    /// <summary>The same reader for the expressions of another step.</summary>
    public ValueReader For(int otherStep) => new(errors, scope, otherStep);

    public Template? Text(YamlNode? node, string what)
    {
        if (node is null)
        {
            return null;
        }

        if (node.Kind != YamlKind.Scalar || node.IsNull)
        {
            errors.Add(node, $"{what} is a text, not {(node.IsNull ? "nothing" : node.KindName)}");
            return null;
        }

        return Template(node, ValueType.Any);
    }

    public Expression? Condition(YamlNode? node)
    {
        if (node is null)
        {
            return null;
        }

        if (node.Kind != YamlKind.Scalar || node.IsNull)
        {
            errors.Add(node, "'when' is a condition such as ${inputs.count} > 3");
            return null;
        }

        var condition = ExpressionParser.Parse(node.Text, 0, node.Text.Length, scope.ItemNames, out var error);
        if (condition is null)
        {
            errors.Add(node, error!);
            return null;
        }

        scope.Uses.Add(new ExpressionUse(condition, node, scope, step, ValueType.Boolean));
        return condition;
    }

    /// <summary>A value with expressions at any depth.</summary>
    /// <param name="wanted">What the whole must yield.</param>
    public ValueTemplate? Value(YamlNode? node, ValueType wanted = ValueType.Any)
    {
        if (node is null)
        {
            return null;
        }

        return node.Kind switch
        {
            YamlKind.List => new ValueTemplate { Items = [.. node.Items.Select(item => Value(item)).OfType<ValueTemplate>()] },
            YamlKind.Mapping => new ValueTemplate { Members = Members(node) },
            _ when node.Text.Contains("${", StringComparison.Ordinal) => Template(node, wanted) is { } text ? new ValueTemplate { Text = text } : null,
            _ => ValueTemplate.Of(Scalar(node)),
        };
    }

    public IReadOnlyList<KeyValuePair<string, ValueTemplate>> Members(YamlNode? node, string what = "")
    {
        if (node is not null && node.Kind != YamlKind.Mapping)
        {
            errors.Add(node, $"{what} is a mapping of names to values, not {node.KindName}");
        }

        var members = new List<KeyValuePair<string, ValueTemplate>>();
        foreach (var (key, member) in node?.Members ?? [])
        {
            if (Value(member) is { } value)
            {
                members.Add(new(key.Text, value));
            }
        }

        return members;
    }

    /// <summary>Plain JSON: what a YAML node means without expressions (schemas, defaults).</summary>
    public static JsonElement Json(YamlNode node)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer, JsonValues.Compact))
        {
            Write(writer, node);
        }

        return JsonValues.Parse(buffer.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter writer, YamlNode node)
    {
        if (node.Kind == YamlKind.Scalar)
        {
            Scalar(node).WriteTo(writer);
        }
        else if (node.Kind == YamlKind.List)
        {
            writer.WriteStartArray();
            node.Items.ForEach(item => Write(writer, item));
            writer.WriteEndArray();
        }
        else
        {
            writer.WriteStartObject();
            foreach (var (key, member) in node.Members)
            {
                writer.WritePropertyName(key.Text);
                Write(writer, member);
            }

            writer.WriteEndObject();
        }
    }

    /// <summary>YAML 1.2's core schema without its octal and exotic forms: those stay strings.</summary>
    private static JsonElement Scalar(YamlNode node) =>
        !node.IsPlain ? JsonValues.Of(node.Text)
        : node.IsNull ? JsonValues.Null
        : node.Text is "true" or "false" ? JsonValues.Of(node.Text == "true")
        : decimal.TryParse(node.Text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out var number)
            && !(node.Text.Length > 1 && node.Text[0] == '0' && char.IsAsciiDigit(node.Text[1]))
            ? JsonValues.Build(number, static (writer, value) => writer.WriteNumberValue(value))
        : JsonValues.Of(node.Text);

    private Template? Template(YamlNode node, ValueType wanted)
    {
        var template = Expressions.Template.Parse(node.Text, scope.ItemNames, out var error);
        if (template is null)
        {
            errors.Add(node, error!);
            return null;
        }

        if (wanted is not (ValueType.Any or ValueType.String) && template.Whole is null)
        {
            errors.Add(node, $"this must be {new Shape(wanted).Name}: write one ${{...}} and nothing around it");
        }

        foreach (var part in template.Parts.Where(part => part.Expression is not null))
        {
            scope.Uses.Add(new ExpressionUse(part.Expression!, node, scope, step, template.Whole is null ? ValueType.Any : wanted));
        }

        return template;
    }
}
