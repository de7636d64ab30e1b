using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>Reads <c>messages</c> into turns and parts.</summary>
internal static class ChatMessages
{
    public static bool ReadMessages(ref ChatReader chat)
    {
        if (chat.Reader.TokenType != JsonTokenType.StartArray)
        {
            return chat.WrongType("messages", "an array");
        }

        for (var index = 0; chat.Reader.Read() && chat.Reader.TokenType != JsonTokenType.EndArray; index++)
        {
            if (index >= chat.Limits.MaxMessages)
            {
                return chat.Fail("too_many_messages", $"'messages' has more than {chat.Limits.MaxMessages} items.", "messages");
            }

            if (!ReadMessage(ref chat, index))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Fields come in any order, and the role decides what the others mean: notes where each stands, then reads them in order.</summary>
    private static bool ReadMessage(ref ChatReader chat, int index)
    {
        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType($"messages[{index}]", "an object");
        }

        Utf8JsonReader content = default, calls = default;
        bool hasContent = false, hasCalls = false;
        Utf8Slice role = default, callId = default;
        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            if (chat.Reader.ValueTextEquals("role"u8))
            {
                if (!chat.NextText($"messages[{index}].role", out role))
                {
                    return false;
                }
            }
            else if (chat.Reader.ValueTextEquals("content"u8))
            {
                chat.Reader.Read();
                hasContent = chat.Reader.TokenType != JsonTokenType.Null;
                content = chat.Reader;
                chat.Reader.Skip();
            }
            else if (chat.Reader.ValueTextEquals("tool_calls"u8))
            {
                chat.Reader.Read();
                hasCalls = chat.Reader.TokenType != JsonTokenType.Null;
                calls = chat.Reader;
                chat.Reader.Skip();
            }
            else if (chat.Reader.ValueTextEquals("tool_call_id"u8))
            {
                if (!chat.NextText($"messages[{index}].tool_call_id", out callId))
                {
                    return false;
                }
            }
            else if (!chat.SkipNull())
            {
                var name = chat.Reader.GetString();
                return chat.Fail("unsupported_parameter", $"'messages[{index}].{name}' is not honoured here. Leave it out.", $"messages[{index}].{name}");
            }
        }

        var end = chat.Reader;
        var done = Turn(ref chat, index, role, callId, hasContent, content, hasCalls, calls);
        chat.Reader = end;
        return done;
    }

    private static bool Turn(ref ChatReader chat, int index, Utf8Slice role, Utf8Slice callId, bool hasContent, Utf8JsonReader content, bool hasCalls, Utf8JsonReader calls)
    {
        if (!RoleOf(role, out var turnRole))
        {
            return chat.Fail("invalid_value", $"'messages[{index}].role' must be system, developer, user, assistant or tool.", $"messages[{index}].role");
        }

        if (turnRole == TurnRole.Tool && callId.IsEmpty)
        {
            return chat.Fail("missing_required_parameter", $"'messages[{index}].tool_call_id' is missing: a tool message answers one call.", $"messages[{index}].tool_call_id");
        }

        if (!hasContent && !(hasCalls && turnRole == TurnRole.Assistant))
        {
            return chat.Fail("missing_required_parameter", $"'messages[{index}].content' is missing.", $"messages[{index}].content");
        }

        if (hasCalls && turnRole != TurnRole.Assistant)
        {
            return chat.Fail("invalid_parameter", $"'messages[{index}].tool_calls' belongs to an assistant message.", $"messages[{index}].tool_calls");
        }

        chat.Request.Turns.Begin(turnRole);
        if (hasContent)
        {
            chat.Reader = content;
            if (!(turnRole == TurnRole.Tool ? ReadToolResult(ref chat, index, callId) : ReadContent(ref chat, index, turnRole)))
            {
                return false;
            }
        }

        chat.Reader = calls;
        return !hasCalls || ReadToolCalls(ref chat, index);
    }

    private static bool RoleOf(Utf8Slice role, out TurnRole turnRole)
    {
        turnRole = role.Equals("user"u8) ? TurnRole.User
            : role.Equals("assistant"u8) ? TurnRole.Assistant
            : role.Equals("tool"u8) ? TurnRole.Tool : TurnRole.System;
        return turnRole != TurnRole.System || role.Equals("system"u8) || role.Equals("developer"u8);
    }

    private static bool ReadContent(ref ChatReader chat, int index, TurnRole role)
    {
        if (chat.Reader.TokenType == JsonTokenType.String)
        {
            chat.Request.Turns.Add(new TurnPart(PartKind.Text, chat.Text()));
            return true;
        }

        if (chat.Reader.TokenType != JsonTokenType.StartArray)
        {
            return chat.WrongType($"messages[{index}].content", "a string or an array of parts");
        }

        for (var part = 0; chat.Reader.Read() && chat.Reader.TokenType != JsonTokenType.EndArray; part++)
        {
            if (!ReadPart(ref chat, index, part, role == TurnRole.User, out var value))
            {
                return false;
            }

            chat.Request.Turns.Add(value);
        }

        return true;
    }

    private static bool ReadToolResult(ref ChatReader chat, int index, Utf8Slice callId)
    {
        if (chat.Reader.TokenType == JsonTokenType.String)
        {
            chat.Request.Turns.Add(new TurnPart(PartKind.ToolResult, chat.Text(), callId));
            return true;
        }

        if (chat.Reader.TokenType != JsonTokenType.StartArray)
        {
            return chat.WrongType($"messages[{index}].content", "a string or an array of text parts");
        }

        for (var part = 0; chat.Reader.Read() && chat.Reader.TokenType != JsonTokenType.EndArray; part++)
        {
            if (!ReadPart(ref chat, index, part, false, out var value))
            {
                return false;
            }

            chat.Request.Turns.Add(new TurnPart(PartKind.ToolResult, value.Text, callId));
        }

        return true;
    }

    private static bool ReadPart(ref ChatReader chat, int index, int part, bool imagesToo, out TurnPart value)
    {
        value = default;
        var where = $"messages[{index}].content[{part}]";
        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType(where, "an object");
        }

        Utf8Slice type = default, text = default, url = default;
        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = chat.Reader.ValueTextEquals("type"u8) ? chat.NextText(where + ".type", out type)
                : chat.Reader.ValueTextEquals("text"u8) ? chat.NextText(where + ".text", out text)
                : chat.Reader.ValueTextEquals("image_url"u8) ? ReadImageUrl(ref chat, where + ".image_url", out url)
                : chat.UnknownIn(where);
            if (!ok)
            {
                return false;
            }
        }

        if (type.Equals("text"u8))
        {
            value = new TurnPart(PartKind.Text, text);
            return true;
        }

        if (imagesToo && type.Equals("image_url"u8))
        {
            value = new TurnPart(PartKind.Image, url);
            return !url.IsEmpty || chat.Fail("missing_required_parameter", $"'{where}.image_url.url' is missing.", where + ".image_url");
        }

        return chat.Fail("invalid_value", $"'{where}.type' is '{type}'; here {(imagesToo ? "text or image_url" : "text")} is allowed.", where + ".type");
    }

    private static bool ReadImageUrl(ref ChatReader chat, string where, out Utf8Slice url)
    {
        url = default;
        chat.Reader.Read();
        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType(where, "an object with 'url'");
        }

        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var isUrl = chat.Reader.ValueTextEquals("url"u8);
            if (!isUrl && !chat.Reader.ValueTextEquals("detail"u8))
            {
                return chat.UnknownIn(where);
            }

            if (!chat.NextText(where, out var text))
            {
                return false;
            }

            url = isUrl ? text : url;
        }

        return true;
    }

    private static bool ReadToolCalls(ref ChatReader chat, int index)
    {
        if (chat.Reader.TokenType != JsonTokenType.StartArray)
        {
            return chat.WrongType($"messages[{index}].tool_calls", "an array");
        }

        for (var call = 0; chat.Reader.Read() && chat.Reader.TokenType != JsonTokenType.EndArray; call++)
        {
            if (!ReadToolCall(ref chat, $"messages[{index}].tool_calls[{call}]"))
            {
                return false;
            }
        }

        return true;
    }

    private static bool ReadToolCall(ref ChatReader chat, string where)
    {
        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType(where, "an object");
        }

        Utf8Slice id = default, type = default, name = default, arguments = default;
        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = chat.Reader.ValueTextEquals("id"u8) ? chat.NextText(where + ".id", out id)
                : chat.Reader.ValueTextEquals("type"u8) ? chat.NextText(where + ".type", out type)
                : chat.Reader.ValueTextEquals("function"u8) ? ReadCalledFunction(ref chat, where + ".function", out name, out arguments)
                : chat.Reader.ValueTextEquals("index"u8) ? chat.SkipNext() : chat.UnknownIn(where);
            if (!ok)
            {
                return false;
            }
        }

        if (id.IsEmpty || name.IsEmpty)
        {
            return chat.Fail("missing_required_parameter", $"'{where}' needs 'id' and 'function.name'.", where);
        }

        chat.Request.Turns.Add(new TurnPart(PartKind.ToolCall, arguments, id, name));
        return true;
    }

    public static bool ReadCalledFunction(ref ChatReader chat, string where, out Utf8Slice name, out Utf8Slice arguments)
    {
        name = arguments = default;
        chat.Reader.Read();
        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType(where, "an object");
        }

        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = chat.Reader.ValueTextEquals("name"u8) ? chat.NextText(where + ".name", out name)
                : chat.Reader.ValueTextEquals("arguments"u8) ? chat.NextText(where + ".arguments", out arguments) : chat.UnknownIn(where);
            if (!ok)
            {
                return false;
            }
        }

        return true;
    }
}
