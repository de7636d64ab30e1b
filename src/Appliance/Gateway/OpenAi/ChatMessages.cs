using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>Reads <c>messages</c> into turns and parts.</summary>
internal static class ChatMessages
{
    /// <summary>The fields of one message, which come in any order while the role decides what the others mean: where each stands.</summary>
    private ref struct Message
    {
        public Utf8Slice Role, CallId, Name, Refusal, Reasoning;
        public Utf8JsonReader Content, Calls, Function;
        public bool HasContent, HasCalls, HasFunction;
    }

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

    private static bool ReadMessage(ref ChatReader chat, int index)
    {
        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType($"messages[{index}]", "an object");
        }

        Message message = default;
        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            if (!ReadField(ref chat, index, ref message))
            {
                return false;
            }
        }

        var end = chat.Reader;
        var done = Check(ref chat, index, message, out var role) && Turn(ref chat, index, role, message);
        chat.Reader = end;
        return done;
    }

    private static bool ReadField(ref ChatReader chat, int index, ref Message message)
    {
        if (chat.Reader.ValueTextEquals("role"u8))
        {
            return Text(ref chat, index, "role", out message.Role);
        }

        if (chat.Reader.ValueTextEquals("content"u8))
        {
            chat.Reader.Read();
            message.Content = chat.Reader;
            message.HasContent = chat.Reader.TokenType != JsonTokenType.Null;
            return chat.Skip();
        }

        if (chat.Reader.ValueTextEquals("tool_calls"u8))
        {
            chat.Reader.Read();
            message.Calls = chat.Reader;
            message.HasCalls = chat.Reader.TokenType != JsonTokenType.Null;
            return chat.Skip();
        }

        if (chat.Reader.ValueTextEquals("tool_call_id"u8))
        {
            return Text(ref chat, index, "tool_call_id", out message.CallId);
        }

        if (chat.Reader.ValueTextEquals("refusal"u8))
        {
            return Text(ref chat, index, "refusal", out message.Refusal);
        }

        // What servers of reasoning models send with an answer, and take back.
        if (chat.Reader.ValueTextEquals("reasoning_content"u8))
        {
            return Text(ref chat, index, "reasoning_content", out message.Reasoning);
        }

        if (chat.Reader.ValueTextEquals("name"u8))
        {
            return Text(ref chat, index, "name", out message.Name);
        }

        if (chat.Reader.ValueTextEquals("function_call"u8))
        {
            chat.Reader.Read();
            message.Function = chat.Reader;
            message.HasFunction = chat.Reader.TokenType != JsonTokenType.Null;
            return chat.Skip();
        }

        // Citations of the model's own earlier answer, sent back with it: nothing that a model reads.
        return chat.Reader.ValueTextEquals("annotations"u8) ? chat.SkipNext() : chat.UnknownIn($"messages[{index}]");
    }

    private static bool Text(ref ChatReader chat, int index, string name, out Utf8Slice text)
    {
        var at = chat.Reader;
        at.Read();
        if (at.TokenType is not (JsonTokenType.String or JsonTokenType.Null))
        {
            text = default;
            return chat.WrongType($"messages[{index}].{name}", "a string");
        }

        return chat.NextText(name, out text);
    }

    private static bool Check(ref ChatReader chat, int index, in Message message, out TurnRole role)
    {
        if (!RoleOf(message.Role, out role))
        {
            return chat.Fail("invalid_value", $"'messages[{index}].role' must be system, developer, user, assistant or tool.", $"messages[{index}].role");
        }

        var isFunction = message.Role.Equals("function"u8);
        if (role == TurnRole.Tool && message.CallId.IsEmpty && !isFunction)
        {
            return chat.Fail("missing_required_parameter", $"'messages[{index}].tool_call_id' is missing: a tool message answers one call.", $"messages[{index}].tool_call_id");
        }

        var says = message.HasContent || (role == TurnRole.Assistant && (message.HasCalls || message.HasFunction || !message.Refusal.IsEmpty));
        if (!says)
        {
            return chat.Fail("missing_required_parameter", $"'messages[{index}].content' is missing.", $"messages[{index}].content");
        }

        if (message.HasCalls && role != TurnRole.Assistant)
        {
            return chat.Fail("invalid_parameter", $"'messages[{index}].tool_calls' belongs to an assistant message.", $"messages[{index}].tool_calls");
        }

        if (isFunction || message.HasFunction || !message.Name.IsEmpty)
        {
            chat.NoteForwarded(isFunction ? $"messages[{index}].role" : message.HasFunction ? $"messages[{index}].function_call" : $"messages[{index}].name");
        }

        return true;
    }

    private static bool Turn(ref ChatReader chat, int index, TurnRole role, in Message message)
    {
        chat.Request.Turns.Begin(role);
        if (!message.Reasoning.IsEmpty)
        {
            chat.Request.Turns.Add(new TurnPart(PartKind.Reasoning, message.Reasoning));
        }

        if (message.HasContent)
        {
            chat.Reader = message.Content;
            var callId = message.CallId.IsEmpty ? message.Name : message.CallId;
            if (!(role == TurnRole.Tool ? ChatParts.ReadToolResult(ref chat, index, callId) : ChatParts.ReadContent(ref chat, index, role)))
            {
                return false;
            }
        }

        if (!message.Refusal.IsEmpty)
        {
            chat.Request.Turns.Add(new TurnPart(PartKind.Text, message.Refusal));
        }

        if (message.HasFunction)
        {
            // Kept so that its tokens are counted: only the caller's own bytes can say it.
            chat.Reader = message.Function;
            chat.Request.Turns.Add(new TurnPart(PartKind.Text, chat.Raw()));
        }

        chat.Reader = message.Calls;
        return !message.HasCalls || ReadToolCalls(ref chat, index);
    }

    private static bool RoleOf(Utf8Slice role, out TurnRole turnRole)
    {
        turnRole = role.Equals("user"u8) ? TurnRole.User
            : role.Equals("assistant"u8) ? TurnRole.Assistant
            : role.Equals("tool"u8) || role.Equals("function"u8) ? TurnRole.Tool : TurnRole.System;
        return turnRole != TurnRole.System || role.Equals("system"u8) || role.Equals("developer"u8);
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
                : chat.Reader.ValueTextEquals("custom"u8) ? ReadCalledFunction(ref chat, where + ".custom", out name, out arguments)
                : chat.Reader.ValueTextEquals("index"u8) ? chat.SkipNext() : chat.UnknownIn(where);
            if (!ok)
            {
                return false;
            }
        }

        if (type.Equals("custom"u8))
        {
            chat.NoteForwarded(where + ".custom");
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
                : chat.Reader.ValueTextEquals("arguments"u8) || chat.Reader.ValueTextEquals("input"u8) ? chat.NextText(where + ".arguments", out arguments)
                : chat.UnknownIn(where);
            if (!ok)
            {
                return false;
            }
        }

        return true;
    }
}
