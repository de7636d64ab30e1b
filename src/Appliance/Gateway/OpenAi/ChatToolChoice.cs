using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>Reads <c>tool_choice</c> and holds it against <c>tools</c>, which may stand before or after it.</summary>
internal static class ChatToolChoice
{
    public static bool Read(ref ChatReader chat)
    {
        if (chat.Reader.TokenType == JsonTokenType.String)
        {
            ToolChoiceMode? mode = chat.Reader.ValueTextEquals("auto"u8) ? ToolChoiceMode.Auto
                : chat.Reader.ValueTextEquals("none"u8) ? ToolChoiceMode.None
                : chat.Reader.ValueTextEquals("required"u8) ? ToolChoiceMode.Required : null;
            chat.Request.ToolChoice = new ToolChoice(mode ?? ToolChoiceMode.Auto);
            return mode is not null || chat.Fail("invalid_value",
                $"'tool_choice' is '{chat.Reader.GetString()}'; auto, none, required, a named function or allowed_tools is allowed.", "tool_choice");
        }

        return chat.Reader.TokenType == JsonTokenType.StartObject ? ReadObject(ref chat) : chat.WrongType("tool_choice", "a string or an object");
    }

    /// <summary>What is wrong with the choice beside the tools; only the allowed ones are left.</summary>
    public static bool Check(ref ChatReader chat)
    {
        var choice = chat.Request.ToolChoice;
        if (chat.Wishes.AllowedTools > 0 && !KeepAllowed(ref chat))
        {
            return false;
        }

        if (choice.Mode == ToolChoiceMode.Named && !chat.HasTool(choice.Name))
        {
            return chat.Fail("invalid_parameter", $"'tool_choice' names '{choice.Name}', which is not in 'tools'.", "tool_choice");
        }

        return choice.Mode != ToolChoiceMode.Required || chat.Request.Tools.Count > 0
            || chat.Fail("invalid_parameter", "'tool_choice' is 'required' but 'tools' is empty.", "tool_choice");
    }

    private static bool ReadObject(ref ChatReader chat)
    {
        Utf8Slice type = default, name = default, custom = default;
        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = chat.Reader.ValueTextEquals("type"u8) ? chat.NextText("tool_choice.type", out type)
                : chat.Reader.ValueTextEquals("function"u8) ? ChatMessages.ReadCalledFunction(ref chat, "tool_choice.function", out name, out _)
                : chat.Reader.ValueTextEquals("custom"u8) ? ChatMessages.ReadCalledFunction(ref chat, "tool_choice.custom", out custom, out _)
                : chat.Reader.ValueTextEquals("allowed_tools"u8) ? ReadAllowed(ref chat) : chat.UnknownIn("tool_choice");
            if (!ok)
            {
                return false;
            }
        }

        if (type.Equals("allowed_tools"u8) && chat.Wishes.AllowedTools > 0)
        {
            return true;
        }

        if (type.Equals("custom"u8) && !custom.IsEmpty)
        {
            chat.NoteForwarded("tool_choice.custom");
            chat.Request.ToolChoice = new ToolChoice(ToolChoiceMode.Named, custom);
            return true;
        }

        chat.Request.ToolChoice = new ToolChoice(ToolChoiceMode.Named, name);
        return (type.Equals("function"u8) && !name.IsEmpty) || chat.Fail("invalid_value",
            "'tool_choice' as an object must be {\"type\":\"function\",\"function\":{\"name\":...}} or "
                + "{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":...,\"tools\":[...]}}.",
            "tool_choice");
    }

    /// <summary><c>{"mode": "auto" or "required", "tools": [{"type":"function","function":{"name":...}}]}</c>: noted here, applied when all tools are known.</summary>
    private static bool ReadAllowed(ref ChatReader chat)
    {
        const string Where = "tool_choice.allowed_tools";
        chat.Reader.Read();
        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType(Where, "an object");
        }

        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var isMode = chat.Reader.ValueTextEquals("mode"u8);
            if (!isMode && !chat.Reader.ValueTextEquals("tools"u8))
            {
                return chat.UnknownIn(Where);
            }

            if (!(isMode ? ReadMode(ref chat) : NoteTools(ref chat)))
            {
                return false;
            }
        }

        return chat.Wishes.AllowedTools > 0 || chat.Fail("missing_required_parameter", $"'{Where}.tools' is missing.", Where + ".tools");
    }

    private static bool ReadMode(ref ChatReader chat)
    {
        if (!chat.NextText("tool_choice.allowed_tools.mode", out var mode))
        {
            return false;
        }

        var required = mode.Equals("required"u8);
        chat.Request.ToolChoice = new ToolChoice(required ? ToolChoiceMode.Required : ToolChoiceMode.Auto);
        return required || mode.Equals("auto"u8)
            || chat.Fail("invalid_value", $"'tool_choice.allowed_tools.mode' is '{mode}'; auto or required is allowed.", "tool_choice.allowed_tools.mode");
    }

    private static bool NoteTools(ref ChatReader chat)
    {
        chat.Reader.Read();
        if (chat.Reader.TokenType != JsonTokenType.StartArray)
        {
            return chat.WrongType("tool_choice.allowed_tools.tools", "an array");
        }

        chat.Wishes.AllowedTools = (int)chat.Reader.TokenStartIndex;
        return chat.Skip();
    }

    /// <summary>Those that may not be called are not told to the model: the same as forbidding them, for a model that is given no caller's bytes.</summary>
    private static bool KeepAllowed(ref ChatReader chat)
    {
        var allowed = new ChatReader(chat.Body[chat.Wishes.AllowedTools..], chat.Request, chat.Limits);
        allowed.Reader.Read();
        var kept = 0;
        for (var index = 0; allowed.Reader.Read() && allowed.Reader.TokenType != JsonTokenType.EndArray; index++)
        {
            var where = $"tool_choice.allowed_tools.tools[{index}]";
            if (!ReadName(ref allowed, where, out var name))
            {
                chat.Failure = allowed.Failure;
                return false;
            }

            var at = chat.IndexOfTool(name);
            if (at < 0)
            {
                return chat.Fail("invalid_parameter", $"'{where}' names '{name}', which is not in 'tools'.", where);
            }

            if (at >= kept)
            {
                (chat.Request.Tools[kept], chat.Request.Tools[at]) = (chat.Request.Tools[at], chat.Request.Tools[kept]);
                kept++;
            }
        }

        chat.Request.Tools.RemoveRange(kept, chat.Request.Tools.Count - kept);
        return true;
    }

    private static bool ReadName(ref ChatReader chat, string where, out Utf8Slice name)
    {
        name = default;
        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType(where, "an object");
        }

        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = chat.Reader.ValueTextEquals("type"u8) ? chat.SkipNext()
                : chat.Reader.ValueTextEquals("function"u8) || chat.Reader.ValueTextEquals("custom"u8)
                    ? ChatMessages.ReadCalledFunction(ref chat, where + ".function", out name, out _) : chat.UnknownIn(where);
            if (!ok)
            {
                return false;
            }
        }

        return !name.IsEmpty || chat.Fail("missing_required_parameter", $"'{where}.function.name' is missing.", where);
    }
}
