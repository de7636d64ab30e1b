using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.OpenAi.Responses;

/// <summary>
/// Reads items, of a request's <c>input</c> or of an earlier response's <c>output</c>, into turns. OpenAI's items are finer than turns: reasoning, a message
/// and tool calls of one answer are items of their own and become one assistant turn.
/// </summary>
internal static class ResponseItems
{
    /// <param name="json">A string, or an array of items.</param>
    /// <param name="isOurs">The items come from an answer or a request that was taken before: what is not known of them is stepped over.</param>
    public static ApiFailure Read(ReadOnlyMemory<byte> json, ModelRequest request, GatewayOptions limits, bool isOurs)
    {
        var chat = new ChatReader(json, request, limits);
        chat.Reader.Read();
        if (chat.Reader.TokenType == JsonTokenType.String)
        {
            request.Turns.Add(TurnRole.User, chat.Text());
            return default;
        }

        var index = 0;
        for (; chat.Reader.Read() && chat.Reader.TokenType != JsonTokenType.EndArray; index++)
        {
            if (request.Turns.Parts.Count >= limits.MaxMessages)
            {
                return ApiFailure.Invalid("too_many_messages", $"The conversation has more than {limits.MaxMessages} parts.", "input");
            }

            if (!ReadItem(ref chat, $"input[{index}]", isOurs))
            {
                return chat.Failure;
            }
        }

        return index > 0 || isOurs ? default : ApiFailure.Invalid("missing_required_parameter", "'input' is empty: send at least one item.", "input");
    }

    private static bool ReadItem(ref ChatReader chat, string where, bool isOurs)
    {
        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType(where, "an object");
        }

        var (type, hasRole) = TypeOf(chat);
        if (type.Equals("message"u8) || (type.IsEmpty && hasRole))
        {
            return ResponseMessages.Read(ref chat, where, isOurs);
        }

        return type.Equals("function_call"u8) ? ReadCall(ref chat, where, isOurs)
            : type.Equals("function_call_output"u8) ? ReadResult(ref chat, where, isOurs)
            : type.Equals("reasoning"u8) ? ReadReasoning(ref chat, where, isOurs)
            : type.Equals("item_reference"u8) ? chat.Fail("unsupported_parameter",
                $"'{where}' refers to an item by its id, which is not supported here. Send the item itself, or continue its response with 'previous_response_id'.", where)
            : StepOver(ref chat, where, type);
    }

    /// <summary>Items of hosted tools and the like: a provider that has those tools knows what to do with them.</summary>
    private static bool StepOver(ref ChatReader chat, string where, Utf8Slice type)
    {
        if (type.IsEmpty)
        {
            return chat.Fail("missing_required_parameter", $"'{where}.type' is missing.", where + ".type");
        }

        chat.NoteForwarded($"{where} ({type})");
        return chat.Skip();
    }

    /// <summary>Looks ahead: fields come in any order, and the type decides what the others mean.</summary>
    private static (Utf8Slice Type, bool HasRole) TypeOf(ChatReader chat)
    {
        Utf8Slice type = default;
        var hasRole = false;
        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var isType = chat.Reader.ValueTextEquals("type"u8);
            hasRole |= chat.Reader.ValueTextEquals("role"u8);
            chat.Reader.Read();
            type = isType && chat.Reader.TokenType == JsonTokenType.String ? chat.Text() : type;
            chat.Reader.Skip();
        }

        return (type, hasRole);
    }

    private static bool ReadCall(ref ChatReader chat, string where, bool isOurs)
    {
        Utf8Slice id = default, name = default, arguments = default;
        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = chat.Reader.ValueTextEquals("call_id"u8) ? chat.NextText(where + ".call_id", out id)
                : chat.Reader.ValueTextEquals("name"u8) ? chat.NextText(where + ".name", out name)
                : chat.Reader.ValueTextEquals("arguments"u8) ? chat.NextText(where + ".arguments", out arguments)
                : Other(ref chat, where, isOurs);
            if (!ok)
            {
                return false;
            }
        }

        if (id.IsEmpty || name.IsEmpty)
        {
            return chat.Fail("missing_required_parameter", $"'{where}' needs 'call_id' and 'name'.", where);
        }

        JoinAssistant(chat.Request.Turns);
        chat.Request.Turns.Add(new TurnPart(PartKind.ToolCall, arguments, id, name));
        return true;
    }

    private static bool ReadResult(ref ChatReader chat, string where, bool isOurs)
    {
        Utf8Slice id = default;
        var hasOutput = false;
        Utf8JsonReader output = default;
        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            if (chat.Reader.ValueTextEquals("output"u8))
            {
                chat.Reader.Read();
                hasOutput = true;
                output = chat.Reader;
                chat.Reader.Skip();
            }
            else if (!(chat.Reader.ValueTextEquals("call_id"u8) ? chat.NextText(where + ".call_id", out id) : Other(ref chat, where, isOurs)))
            {
                return false;
            }
        }

        if (id.IsEmpty || !hasOutput)
        {
            return chat.Fail("missing_required_parameter", $"'{where}' needs 'call_id' and 'output'.", where);
        }

        var end = chat.Reader;
        chat.Reader = output;
        var done = ResponseMessages.ReadResult(ref chat, where + ".output", id, isOurs);
        chat.Reader = end;
        return done;
    }

    private static bool ReadReasoning(ref ChatReader chat, string where, bool isOurs)
    {
        Utf8Slice summary = default, content = default, encrypted = default;
        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = chat.Reader.ValueTextEquals("summary"u8) ? ResponseMessages.ReadTexts(ref chat, where + ".summary", out summary)
                : chat.Reader.ValueTextEquals("content"u8) ? ResponseMessages.ReadTexts(ref chat, where + ".content", out content)
                : chat.Reader.ValueTextEquals("encrypted_content"u8) ? chat.NextText(where + ".encrypted_content", out encrypted)
                : Other(ref chat, where, isOurs);
            if (!ok)
            {
                return false;
            }
        }

        var text = content.IsEmpty ? summary : content;
        if (text.IsEmpty && encrypted.IsEmpty)
        {
            return true;
        }

        JoinAssistant(chat.Request.Turns);
        chat.Request.Turns.Add(text.IsEmpty
            ? new TurnPart(PartKind.RedactedReasoning, default, Signature: encrypted)
            : new TurnPart(PartKind.Reasoning, text, Signature: encrypted));
        return true;
    }

    /// <summary>What an item carries beside its meaning: ids and states are the provider's own.</summary>
    public static bool Other(ref ChatReader chat, string where, bool isOurs) =>
        isOurs || chat.Reader.ValueTextEquals("type"u8) || chat.Reader.ValueTextEquals("id"u8) || chat.Reader.ValueTextEquals("status"u8)
            ? chat.SkipNext() : chat.UnknownIn(where);

    /// <summary>Items of one answer become one turn.</summary>
    public static void JoinAssistant(TurnList turns)
    {
        if (turns.Count == 0 || turns[turns.Count - 1].Role != TurnRole.Assistant)
        {
            turns.Begin(TurnRole.Assistant);
        }
    }
}
