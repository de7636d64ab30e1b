using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.Anthropic;

/// <summary>One content block as read. A <c>tool_result</c> has added its turn already.</summary>
internal readonly record struct MessageBlock(Utf8Slice Type, TurnPart Part, bool IsForwardedOnly = false)
{
    public Utf8Slice Text => Part.Text;
    public CacheMark Cache => Part.Cache;
}

/// <summary>Reads content blocks (Anthropic API reference, "Messages": the content of a message, of <c>system</c> and of a tool's result).</summary>
internal static class MessageBlocks
{
    /// <summary>The current object, whatever block it is. Its type decides what its fields mean and may stand anywhere in it: looks for it first.</summary>
    public static bool Read(ref MessagesReader body, in FieldPath at, out MessageBlock block)
    {
        block = default;
        if (body.Reader.TokenType != JsonTokenType.StartObject)
        {
            return body.WrongType(at, "", "an object");
        }

        if (!FindType(ref body, at, out var type))
        {
            return false;
        }

        if (MessageFields.BlockTreatment(type) is not { } treatment)
        {
            return body.Fail(at, "type", $"'{type}' is not known here: text, image, tool_use, tool_result, thinking or redacted_thinking is.");
        }

        if (treatment == Treatment.ForwardedOnly)
        {
            body.Reader.Skip();
            block = new MessageBlock(type, default, IsForwardedOnly: true);
            return body.Verbatim(at, $"type ({type})");
        }

        var ok = type.Equals("text"u8) ? ReadText(ref body, at, out var part)
            : type.Equals("image"u8) ? MessageImages.Read(ref body, at, out part)
            : type.Equals("tool_use"u8) ? ReadToolUse(ref body, at, out part)
            : type.Equals("tool_result"u8) ? ReadToolResult(ref body, at, out part)
            : ReadThinking(ref body, at, out part);
        block = new MessageBlock(type, part, IsForwardedOnly: part.Kind == PartKind.Image && part.Text.IsEmpty);
        return ok;
    }

    private static bool FindType(ref MessagesReader body, in FieldPath at, out Utf8Slice type)
    {
        var start = body.Reader;
        type = default;
        while (type.IsEmpty && body.Reader.Read() && body.Reader.TokenType == JsonTokenType.PropertyName)
        {
            if (!body.Reader.ValueTextEquals("type"u8))
            {
                body.SkipNext();
            }
            else if (!body.NextText(at, "type", out type))
            {
                return false;
            }
        }

        body.Reader = start;
        return !type.IsEmpty || body.Missing(at, "type");
    }

    private static bool ReadText(ref MessagesReader body, in FieldPath at, out TurnPart part)
    {
        part = default;
        Utf8Slice text = default;
        var (mark, given) = (CacheMark.None, false);
        while (body.Reader.Read() && body.Reader.TokenType == JsonTokenType.PropertyName)
        {
            given |= body.Reader.ValueTextEquals("text"u8);
            var ok = body.Reader.ValueTextEquals("text"u8) ? body.NextText(at, "text", out text)
                : body.Reader.ValueTextEquals("type"u8) ? body.SkipNext()
                : body.Reader.ValueTextEquals("cache_control"u8) ? body.NextCacheMark(at, out mark)
                : body.Reader.ValueTextEquals("citations"u8) ? NextCitations(ref body, at) : body.UnknownIn(at, "");
            if (!ok)
            {
                return false;
            }
        }

        part = new TurnPart(PartKind.Text, text) { Cache = mark };
        return given || body.Missing(at, "text");
    }

    /// <summary>Where an earlier answer quoted from; none of them is the same as no field.</summary>
    private static bool NextCitations(ref MessagesReader body, in FieldPath at)
    {
        if (!body.NextIsGiven())
        {
            return true;
        }

        if (body.Reader.TokenType != JsonTokenType.StartArray)
        {
            return body.WrongType(at, "citations", "an array");
        }

        var first = body.Reader;
        body.Reader.Skip();
        first.Read();
        return first.TokenType == JsonTokenType.EndArray || body.Verbatim(at, "citations");
    }

    private static bool ReadToolUse(ref MessagesReader body, in FieldPath at, out TurnPart part)
    {
        part = default;
        Utf8Slice id = default, name = default, input = default;
        var mark = CacheMark.None;
        while (body.Reader.Read() && body.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = body.Reader.ValueTextEquals("id"u8) ? body.NextText(at, "id", out id)
                : body.Reader.ValueTextEquals("name"u8) ? body.NextText(at, "name", out name)
                : body.Reader.ValueTextEquals("input"u8) ? body.NextRawObject(at, "input", out input)
                : body.Reader.ValueTextEquals("type"u8) ? body.SkipNext()
                : body.Reader.ValueTextEquals("cache_control"u8) ? body.NextCacheMark(at, out mark)
                : body.Reader.ValueTextEquals("caller"u8) ? NextCaller(ref body, at) : body.UnknownIn(at, "");
            if (!ok)
            {
                return false;
            }
        }

        part = new TurnPart(PartKind.ToolCall, input, id, name) { Cache = mark };
        return id.IsEmpty ? body.Missing(at, "id") : name.IsEmpty ? body.Missing(at, "name") : !input.IsEmpty || body.Missing(at, "input");
    }

    /// <summary>Who called the tool: the model itself, or the provider's code execution.</summary>
    private static bool NextCaller(ref MessagesReader body, in FieldPath at)
    {
        if (!body.NextRawObject(at, "caller", out var raw))
        {
            return false;
        }

        return raw.IsEmpty || raw.Span.IndexOf("\"direct\""u8) >= 0 || body.Verbatim(at, "caller");
    }

    private static bool ReadThinking(ref MessagesReader body, in FieldPath at, out TurnPart part)
    {
        part = default;
        Utf8Slice type = default, thinking = default, signature = default, data = default;
        while (body.Reader.Read() && body.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = body.Reader.ValueTextEquals("thinking"u8) ? body.NextText(at, "thinking", out thinking)
                : body.Reader.ValueTextEquals("signature"u8) ? body.NextText(at, "signature", out signature)
                : body.Reader.ValueTextEquals("data"u8) ? body.NextText(at, "data", out data)
                : body.Reader.ValueTextEquals("type"u8) ? body.NextText(at, "type", out type) : body.UnknownIn(at, "");
            if (!ok)
            {
                return false;
            }
        }

        if (type.Equals("redacted_thinking"u8))
        {
            part = new TurnPart(PartKind.RedactedReasoning, default, Signature: data);
            return !data.IsEmpty || body.Missing(at, "data");
        }

        part = new TurnPart(PartKind.Reasoning, thinking, Signature: signature);
        return !data.IsEmpty ? body.Fail(at, "data", "belongs to a redacted_thinking block.") : !thinking.IsEmpty || !signature.IsEmpty || body.Missing(at, "thinking");
    }

    /// <summary>Adds a turn: the result's text, and what else it holds as parts marked as its own.</summary>
    private static bool ReadToolResult(ref MessagesReader body, in FieldPath at, out TurnPart part)
    {
        part = default;
        Utf8JsonReader content = default;
        Utf8Slice id = default;
        var (mark, failed, given) = (CacheMark.None, false, false);
        while (body.Reader.Read() && body.Reader.TokenType == JsonTokenType.PropertyName)
        {
            if (body.Reader.ValueTextEquals("content"u8))
            {
                given = body.NextIsGiven();
                content = body.Reader;
                body.Reader.Skip();
                continue;
            }

            var ok = body.Reader.ValueTextEquals("tool_use_id"u8) ? body.NextText(at, "tool_use_id", out id)
                : body.Reader.ValueTextEquals("is_error"u8) ? body.NextBoolean(at, "is_error", out failed)
                : body.Reader.ValueTextEquals("toolset_name"u8) ? body.NextVerbatim(at, "toolset_name")
                : body.Reader.ValueTextEquals("type"u8) ? body.SkipNext()
                : body.Reader.ValueTextEquals("cache_control"u8) ? body.NextCacheMark(at, out mark) : body.UnknownIn(at, "");
            if (!ok)
            {
                return false;
            }
        }

        if (id.IsEmpty)
        {
            return body.Missing(at, "tool_use_id");
        }

        var end = body.Reader;
        body.Reader = content;
        body.Request.Turns.Begin(TurnRole.Tool);
        part = new TurnPart(PartKind.ToolResult, default, id) { IsError = failed, Cache = mark };
        var done = given ? ReadResultContent(ref body, at, part) : Add(ref body, part);
        body.Reader = end;
        return done;
    }

    private static bool ReadResultContent(ref MessagesReader body, in FieldPath at, TurnPart result)
    {
        if (body.Reader.TokenType == JsonTokenType.String)
        {
            return Add(ref body, result with { Text = body.Text() });
        }

        if (body.Reader.TokenType != JsonTokenType.StartArray)
        {
            return body.WrongType(at, "content", "a string or an array of blocks");
        }

        var begun = false;
        for (var index = 0; body.Reader.Read() && body.Reader.TokenType != JsonTokenType.EndArray; index++)
        {
            var here = at with { Third = index };
            if (!Read(ref body, here, out var block))
            {
                return false;
            }

            if (!block.IsForwardedOnly && block.Part.Kind is not (PartKind.Text or PartKind.Image))
            {
                return body.Fail(here, "type", $"'{block.Type}' is not allowed here: the result of a tool is text and images.");
            }

            if (!begun && block is { IsForwardedOnly: false, Part: { Kind: PartKind.Text, Cache: CacheMark.None } })
            {
                begun = Add(ref body, result with { Text = block.Text });
                continue;
            }

            begun = begun || Add(ref body, result);
            if (!block.IsForwardedOnly)
            {
                body.Request.Turns.Add(block.Part with { InResult = true });
            }
        }

        return begun || Add(ref body, result);
    }

    private static bool Add(ref MessagesReader body, in TurnPart part)
    {
        body.Request.Turns.Add(part);
        return true;
    }
}
