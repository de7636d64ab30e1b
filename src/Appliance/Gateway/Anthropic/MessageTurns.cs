using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.Anthropic;

/// <summary>Reads <c>system</c> and <c>messages</c> into turns and parts.</summary>
internal static class MessageTurns
{
    private const string Messages = "messages";

    public static bool ReadSystem(ref MessagesReader body)
    {
        var at = new FieldPath("system");
        if (body.Reader.TokenType == JsonTokenType.String)
        {
            body.Request.Turns.Add(TurnRole.System, body.Text());
            return true;
        }

        if (body.Reader.TokenType != JsonTokenType.StartArray)
        {
            return body.WrongType(at, "", "a string or an array of text blocks");
        }

        body.Request.Turns.Begin(TurnRole.System);
        for (var index = 0; body.Reader.Read() && body.Reader.TokenType != JsonTokenType.EndArray; index++)
        {
            var here = new FieldPath("system", index);
            if (!MessageBlocks.Read(ref body, here, out var block))
            {
                return false;
            }

            if (!block.Type.Equals("text"u8))
            {
                return body.Fail(here, "type", $"'{block.Type}' is not allowed here: a system prompt is text.");
            }

            body.Request.Turns.Add(new TurnPart(PartKind.Text, block.Text) { Cache = block.Cache });
        }

        return true;
    }

    public static bool ReadMessages(ref MessagesReader body)
    {
        if (body.Reader.TokenType != JsonTokenType.StartArray)
        {
            return body.WrongType(new FieldPath(Messages), "", "an array");
        }

        var last = TurnRole.User;
        for (var index = 0; body.Reader.Read() && body.Reader.TokenType != JsonTokenType.EndArray; index++)
        {
            if (index >= body.Limits.MaxMessages)
            {
                return body.Fail(new FieldPath(Messages), "", $"has more than {body.Limits.MaxMessages} items.");
            }

            if (!ReadMessage(ref body, index, out last))
            {
                return false;
            }
        }

        // An assistant's last message is the beginning of the answer: only the provider's own API says that.
        return last != TurnRole.Assistant || body.Verbatim(new FieldPath("messages (the last is the assistant's: an answer to continue)"), "");
    }

    /// <summary>Fields come in any order, and the role decides what the content may be: notes where it stands, then reads it.</summary>
    private static bool ReadMessage(ref MessagesReader body, int index, out TurnRole role)
    {
        role = TurnRole.User;
        var at = new FieldPath(Messages, index);
        if (body.Reader.TokenType != JsonTokenType.StartObject)
        {
            return body.WrongType(at, "", "an object");
        }

        Utf8JsonReader content = default;
        var hasContent = false;
        Utf8Slice name = default;
        while (body.Reader.Read() && body.Reader.TokenType == JsonTokenType.PropertyName)
        {
            if (body.Reader.ValueTextEquals("content"u8))
            {
                hasContent = body.NextIsGiven();
                content = body.Reader;
                body.Reader.Skip();
            }
            else if (!(body.Reader.ValueTextEquals("role"u8) ? body.NextText(at, "role", out name) : body.UnknownIn(at, "")))
            {
                return false;
            }
        }

        role = name.Equals("assistant"u8) ? TurnRole.Assistant : name.Equals("system"u8) ? TurnRole.System : TurnRole.User;
        if (role == TurnRole.User && !name.Equals("user"u8))
        {
            return name.IsEmpty ? body.Missing(at, "role") : body.Fail(at, "role", $"'{name}' is not allowed: user, assistant or system is.");
        }

        if (!hasContent)
        {
            return body.Missing(at, "content");
        }

        var end = body.Reader;
        body.Reader = content;
        var done = ReadContent(ref body, index, role);
        body.Reader = end;
        return done;
    }

    private static bool ReadContent(ref MessagesReader body, int index, TurnRole role)
    {
        if (body.Reader.TokenType == JsonTokenType.String)
        {
            body.Request.Turns.Add(role, body.Text());
            return true;
        }

        if (body.Reader.TokenType != JsonTokenType.StartArray)
        {
            return body.WrongType(new FieldPath(Messages, index), "content", "a string or an array of blocks");
        }

        var open = false;
        for (var part = 0; body.Reader.Read() && body.Reader.TokenType != JsonTokenType.EndArray; part++)
        {
            var at = new FieldPath(Messages, index, part);
            if (!MessageBlocks.Read(ref body, at, out var block) || !Add(ref body, at, block, role, ref open))
            {
                return false;
            }
        }

        Open(body.Request.Turns, role, ref open);
        return true;
    }

    /// <summary>A result of a tool is a turn of its own, the other blocks of a message share one.</summary>
    private static bool Add(ref MessagesReader body, in FieldPath at, in MessageBlock block, TurnRole role, ref bool open)
    {
        if (block.Type.Equals("tool_result"u8))
        {
            if (role != TurnRole.User)
            {
                return body.Fail(at, "type", "a tool_result belongs to a user message.");
            }

            // Its turn was written by the block's reader.
            open = true;
            return true;
        }

        if (block.Part.Kind is PartKind.ToolCall or PartKind.Reasoning or PartKind.RedactedReasoning && role != TurnRole.Assistant)
        {
            return body.Fail(at, "type", $"a {block.Type} block belongs to an assistant message.");
        }

        if (role == TurnRole.System && block.Part.Kind != PartKind.Text)
        {
            return body.Fail(at, "type", $"'{block.Type}' is not allowed here: a system message is text.");
        }

        if (body.Request.Turns.Count > 0 && open && body.Request.Turns[body.Request.Turns.Count - 1].Role == TurnRole.Tool)
        {
            open = false;
        }

        Open(body.Request.Turns, role, ref open);
        if (!block.IsForwardedOnly)
        {
            body.Request.Turns.Add(block.Part);
        }

        return true;
    }

    private static void Open(TurnList turns, TurnRole role, ref bool open)
    {
        if (!open)
        {
            turns.Begin(role);
            open = true;
        }
    }
}
