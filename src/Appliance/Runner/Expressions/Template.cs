using System.Text;
using System.Text.Json;

namespace Jesus.Appliance.Runner.Expressions;

/// <summary>One piece of a template: text, or an expression where <see cref="Expression"/> is set.</summary>
public readonly record struct TemplatePart(string Text, Expression? Expression);

/// <summary>
/// A scalar of a workflow file: text with <c>${...}</c> in it. A scalar that is one <c>${...}</c> and nothing else keeps the value's type; otherwise
/// the values are put in as text (compact JSON unless they are strings). <c>$${</c> writes <c>${</c>.
/// </summary>
public sealed record Template(IReadOnlyList<TemplatePart> Parts)
{
    /// <summary>The expression that is the whole scalar; null when there is other text.</summary>
    public Expression? Whole => Parts.Count == 1 ? Parts[0].Expression : null;

    public static Template? Parse(string text, IReadOnlyCollection<string> items, out ExpressionError? error)
    {
        var parts = new List<TemplatePart>();
        var literal = new StringBuilder();
        error = null;
        for (var i = 0; i < text.Length;)
        {
            if (text.AsSpan(i).StartsWith("$${"))
            {
                _ = literal.Append("${");
                i += 3;
            }
            else if (!text.AsSpan(i).StartsWith("${"))
            {
                _ = literal.Append(text[i++]);
            }
            else if (ParsePart(text, i, items, out error) is { } part)
            {
                Flush(literal, parts);
                parts.Add(new TemplatePart("", part.Expression));
                i = part.End;
            }
            else
            {
                return null;
            }
        }

        if (literal.Length > 0 || parts.Count == 0)
        {
            parts.Add(new TemplatePart(literal.ToString(), null));
        }

        return new Template(parts);
    }

    /// <exception cref="EvaluationException">A value is absent or of the wrong kind.</exception>
    public JsonElement Evaluate(IValues values) => Whole is { } whole ? Evaluator.Evaluate(whole, values) : JsonValues.Of(EvaluateText(values));

    /// <inheritdoc cref="Evaluate"/>
    public string EvaluateText(IValues values) => Parts.Count == 1 && Parts[0].Expression is null
        ? Parts[0].Text
        : string.Concat(Parts.Select(part => part.Expression is null ? part.Text : JsonValues.ToText(Evaluator.Evaluate(part.Expression, values))));

    private static (Expression Expression, int End)? ParsePart(string text, int start, IReadOnlyCollection<string> items, out ExpressionError? error)
    {
        var close = ClosingBrace(text, start + 2);
        if (close < 0)
        {
            error = new ExpressionError(start, "'${' is not closed by '}'; write '$${' for the two characters themselves", []);
            return null;
        }

        var expression = ExpressionParser.Parse(text, start + 2, close, items, out error);
        return expression is null ? null : (expression, close + 1);
    }

    /// <summary>The brace that is not inside a quoted string.</summary>
    private static int ClosingBrace(string text, int from)
    {
        char quote = default;
        for (var i = from; i < text.Length; i++)
        {
            if (quote != default)
            {
                quote = text[i] == quote ? default : quote;
            }
            else if (text[i] is '\'' or '"')
            {
                quote = text[i];
            }
            else if (text[i] == '}')
            {
                return i;
            }
        }

        return -1;
    }

    private static void Flush(StringBuilder literal, List<TemplatePart> parts)
    {
        if (literal.Length > 0)
        {
            parts.Add(new TemplatePart(literal.ToString(), null));
            _ = literal.Clear();
        }
    }
}
