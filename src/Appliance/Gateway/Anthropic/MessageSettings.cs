using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.Anthropic;

/// <summary>Reads the smaller fields that are objects or lists: stop texts, thinking, the answer's form, labels.</summary>
internal static class MessageSettings
{
    /// <summary>The least that the API takes.</summary>
    private const int ThinkingBudgetMin = 1024;

    public static bool ReadStops(ref MessagesReader body)
    {
        var at = new FieldPath("stop_sequences");
        if (body.Reader.TokenType != JsonTokenType.StartArray)
        {
            return body.WrongType(at, "", "an array of strings");
        }

        while (body.Reader.Read() && body.Reader.TokenType != JsonTokenType.EndArray)
        {
            if (!body.Text(at, "", out var text))
            {
                return false;
            }

            if (body.Request.Stops.Count >= body.Limits.MaxStops)
            {
                return body.Fail(at, "", $"has more than {body.Limits.MaxStops} texts.");
            }

            if (text.IsEmpty)
            {
                return body.Fail(at, "", "holds an empty text, which would stop before the first token.");
            }

            body.Request.Stops.Add(text);
        }

        return true;
    }

    /// <summary>Anthropic API reference, "Extended thinking" and "Adaptive thinking".</summary>
    public static bool ReadThinking(ref MessagesReader body)
    {
        var at = new FieldPath("thinking");
        if (body.Reader.TokenType != JsonTokenType.StartObject)
        {
            return body.WrongType(at, "", "an object");
        }

        Utf8Slice type = default, display = default;
        long budget = 0;
        while (body.Reader.Read() && body.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = body.Reader.ValueTextEquals("type"u8) ? body.NextText(at, "type", out type)
                : body.Reader.ValueTextEquals("display"u8) ? body.NextText(at, "display", out display)
                : body.Reader.ValueTextEquals("budget_tokens"u8)
                    ? !body.NextIsGiven() || body.Integer(at, "budget_tokens", ThinkingBudgetMin, int.MaxValue, out budget) : body.UnknownIn(at, "");
            if (!ok)
            {
                return false;
            }
        }

        return SetThinking(ref body, at, type, display, (int)budget);
    }

    private static bool SetThinking(ref MessagesReader body, in FieldPath at, Utf8Slice type, Utf8Slice display, int budget)
    {
        var enabled = type.Equals("enabled"u8);
        if (!enabled && !type.Equals("adaptive"u8) && !type.Equals("disabled"u8))
        {
            return body.Fail(at, "type", "must be enabled, adaptive or disabled.");
        }

        if (enabled != budget > 0)
        {
            return enabled ? body.Missing(at, "budget_tokens") : body.Fail(at, "budget_tokens", $"belongs to type enabled, not to {type}.");
        }

        if (!display.IsEmpty && !display.Equals("summarized"u8) && !display.Equals("omitted"u8))
        {
            return body.Fail(at, "display", "must be summarized or omitted.");
        }

        var wish = body.Request.Reasoning;
        body.Request.Reasoning = wish with
        {
            Effort = type.Equals("disabled"u8) ? ReasoningEffort.None : wish.Effort,
            BudgetTokens = budget,
            Adaptive = type.Equals("adaptive"u8),
            Summary = display.Equals("summarized"u8),
        };

        // Only the provider keeps reasoning to itself and still lets it be handed back.
        return !display.Equals("omitted"u8) || body.Verbatim(at, "display (omitted)");
    }

    public static bool ReadOutputConfig(ref MessagesReader body)
    {
        var at = new FieldPath("output_config");
        if (body.Reader.TokenType != JsonTokenType.StartObject)
        {
            return body.WrongType(at, "", "an object");
        }

        while (body.Reader.Read() && body.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = body.Reader.ValueTextEquals("effort"u8) ? NextEffort(ref body, at)
                : body.Reader.ValueTextEquals("format"u8) ? !body.NextIsGiven() || ReadFormat(ref body, at, "format")
                : body.Reader.ValueTextEquals("task_budget"u8) ? body.NextVerbatim(at, "task_budget") : body.UnknownIn(at, "");
            if (!ok)
            {
                return false;
            }
        }

        return true;
    }

    private static bool NextEffort(ref MessagesReader body, in FieldPath at)
    {
        if (!body.NextText(at, "effort", out var text) || text.IsEmpty)
        {
            return body.Failure.IsNone;
        }

        var effort = text.Equals("low"u8) ? ReasoningEffort.Low
            : text.Equals("medium"u8) ? ReasoningEffort.Medium
            : text.Equals("high"u8) ? ReasoningEffort.High
            : text.Equals("xhigh"u8) || text.Equals("max"u8) ? ReasoningEffort.Highest : ReasoningEffort.Unset;
        if (effort == ReasoningEffort.Unset)
        {
            return body.Fail(at, "effort", $"is '{text}'; low, medium, high, xhigh or max is allowed.");
        }

        // Thinking that was turned off stays off, whichever field came first.
        if (body.Request.Reasoning.Effort != ReasoningEffort.None)
        {
            body.Request.Reasoning = body.Request.Reasoning with { Effort = effort };
        }

        return true;
    }

    /// <summary><c>{"type":"json_schema","schema":{...}}</c>, under whichever name it is given.</summary>
    public static bool ReadFormat(ref MessagesReader body, in FieldPath at, string leaf)
    {
        if (body.Reader.TokenType != JsonTokenType.StartObject)
        {
            return body.WrongType(at, leaf, "an object");
        }

        if (body.Request.Constraint.Kind != ConstraintKind.None)
        {
            return body.Fail(at, leaf, "is given as output_format and as output_config.format. Give it once.");
        }

        Utf8Slice type = default, schema = default;
        while (body.Reader.Read() && body.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = body.Reader.ValueTextEquals("type"u8) ? body.NextText(at, Leaf(leaf, "type"), out type)
                : body.Reader.ValueTextEquals("schema"u8) ? body.NextRawObject(at, Leaf(leaf, "schema"), out schema) : body.UnknownIn(at, leaf);
            if (!ok)
            {
                return false;
            }
        }

        body.Request.Constraint.Kind = ConstraintKind.JsonSchema;
        body.Request.Constraint.Source = schema;
        return !type.Equals("json_schema"u8) ? body.Fail(at, Leaf(leaf, "type"), "must be json_schema.") : !schema.IsEmpty || body.Missing(at, Leaf(leaf, "schema"));
    }

    public static bool ReadMetadata(ref MessagesReader body)
    {
        var at = new FieldPath("metadata");
        if (body.Reader.TokenType != JsonTokenType.StartObject)
        {
            return body.WrongType(at, "", "an object");
        }

        while (body.Reader.Read() && body.Reader.TokenType == JsonTokenType.PropertyName)
        {
            Utf8Slice user = default;
            if (!(body.Reader.ValueTextEquals("user_id"u8) ? body.NextText(at, "user_id", out user) : body.UnknownIn(at, "")))
            {
                return false;
            }

            body.Request.EndUser = user;
        }

        return true;
    }

    /// <summary><c>auto</c> leaves the choice to whoever answers; the other is a promise that only the provider can keep.</summary>
    public static bool ReadServiceTier(ref MessagesReader body)
    {
        var at = new FieldPath("service_tier");
        return body.Text(at, "", out var tier)
            && (tier.Equals("auto"u8)
                || (tier.Equals("standard_only"u8) ? body.Verbatim(new FieldPath("service_tier (standard_only)"), "") : body.Fail(at, "", "must be auto or standard_only.")));
    }

    private static string Leaf(string parent, string name) => parent.Length == 0 ? name : name == "type" ? "format.type" : "format.schema";
}
