using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>Reads the content of a message: a text, or an array of parts.</summary>
internal static class ChatParts
{
    private const string Unbounded = "is not supported here: no bound of its tokens is known, and so none of its cost. Send its text, or an image of it.";

    public static bool ReadContent(ref ChatReader chat, int index, TurnRole role)
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
            if (!ReadPart(ref chat, index, part, role, out var value))
            {
                return false;
            }

            chat.Request.Turns.Add(value);
        }

        return true;
    }

    /// <summary>The result of a tool: its first text, then what else it has.</summary>
    public static bool ReadToolResult(ref ChatReader chat, int index, Utf8Slice callId)
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
            if (!ReadPart(ref chat, index, part, TurnRole.Tool, out var value))
            {
                return false;
            }

            chat.Request.Turns.Add(part == 0 ? new TurnPart(PartKind.ToolResult, value.Text, callId) : value with { InResult = true });
        }

        return true;
    }

    private static bool ReadPart(ref ChatReader chat, int index, int part, TurnRole role, out TurnPart value)
    {
        value = default;
        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType($"messages[{index}].content[{part}]", "an object");
        }

        Utf8Slice type = default, text = default, refusal = default, url = default;
        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            // Paths are built where a field is at fault: a conversation has many parts, and each path is a string.
            var ok = chat.Reader.ValueTextEquals("type"u8) ? Text(ref chat, index, part, "type", out type)
                : chat.Reader.ValueTextEquals("text"u8) ? Text(ref chat, index, part, "text", out text)
                : chat.Reader.ValueTextEquals("refusal"u8) ? Text(ref chat, index, part, "refusal", out refusal)
                : chat.Reader.ValueTextEquals("image_url"u8) ? ReadImageUrl(ref chat, $"messages[{index}].content[{part}].image_url", out url)
                : chat.Reader.ValueTextEquals("prompt_cache_breakpoint"u8) ? chat.ForwardNext($"messages[{index}].content[{part}].prompt_cache_breakpoint")
                : Other(ref chat, index, part);
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

        if (role == TurnRole.Assistant && type.Equals("refusal"u8))
        {
            value = new TurnPart(PartKind.Text, refusal);
            return true;
        }

        var where = $"messages[{index}].content[{part}]";
        if (role == TurnRole.User && type.Equals("image_url"u8))
        {
            value = new TurnPart(PartKind.Image, url);
            return !url.IsEmpty || chat.Fail("missing_required_parameter", $"'{where}.image_url.url' is missing.", where + ".image_url");
        }

        var allowed = role switch { TurnRole.User => "text or image_url", TurnRole.Assistant => "text or refusal", _ => "text" };
        return chat.Fail("invalid_value", $"'{where}.type' is '{type}'; here {allowed} is allowed.", where + ".type");
    }

    private static bool Text(ref ChatReader chat, int index, int part, string name, out Utf8Slice text)
    {
        var at = chat.Reader;
        at.Read();
        if (at.TokenType is not (JsonTokenType.String or JsonTokenType.Null))
        {
            text = default;
            return chat.WrongType($"messages[{index}].content[{part}].{name}", "a string");
        }

        return chat.NextText(name, out text);
    }

    private static bool Other(ref ChatReader chat, int index, int part)
    {
        var where = $"messages[{index}].content[{part}]";
        if (!chat.Reader.ValueTextEquals("input_audio"u8) && !chat.Reader.ValueTextEquals("file"u8))
        {
            return chat.UnknownIn(where);
        }

        var path = where + "." + chat.Reader.GetString();
        return chat.SkipNull() || chat.Fail("unsupported_parameter", $"'{path}' {Unbounded}", path);
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

            if (isUrl)
            {
                url = text;
            }
            else if (!text.IsEmpty && !text.Equals("auto"u8))
            {
                chat.NoteForwarded(where + ".detail");
            }
        }

        return true;
    }
}
