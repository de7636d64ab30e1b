using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.OpenAi.Responses;

/// <summary>
/// Reads <c>tools</c> and <c>tool_choice</c>. Functions lie flat here, where chat completions wrap them; tools that OpenAI itself runs are left to a provider
/// that has them.
/// </summary>
internal static class ResponseTools
{
    public static bool ReadTools(ref ChatReader chat)
    {
        if (chat.Reader.TokenType != JsonTokenType.StartArray)
        {
            return chat.WrongType("tools", "an array");
        }

        for (var index = 0; chat.Reader.Read() && chat.Reader.TokenType != JsonTokenType.EndArray; index++)
        {
            if (index >= chat.Limits.MaxTools)
            {
                return chat.Fail("too_many_tools", $"'tools' has more than {chat.Limits.MaxTools} items.", "tools");
            }

            if (!ReadTool(ref chat, $"tools[{index}]"))
            {
                return false;
            }
        }

        return true;
    }

    public static bool ReadToolChoice(ref ChatReader chat)
    {
        if (chat.Reader.TokenType == JsonTokenType.String)
        {
            ToolChoiceMode? mode = chat.Reader.ValueTextEquals("auto"u8) ? ToolChoiceMode.Auto
                : chat.Reader.ValueTextEquals("none"u8) ? ToolChoiceMode.None
                : chat.Reader.ValueTextEquals("required"u8) ? ToolChoiceMode.Required : null;
            chat.Request.ToolChoice = new ToolChoice(mode ?? ToolChoiceMode.Auto);
            return mode is not null || chat.Fail("invalid_value",
                $"'tool_choice' is '{chat.Reader.GetString()}'; auto, none, required, or an object that names a function is allowed.", "tool_choice");
        }

        return chat.Reader.TokenType == JsonTokenType.StartObject ? ReadChoiceObject(ref chat) : chat.WrongType("tool_choice", "a string or an object");
    }

    /// <summary>What is wrong with the choice beside the tools, which may stand before or after it.</summary>
    public static bool CheckChoice(ref ChatReader chat)
    {
        var choice = chat.Request.ToolChoice;
        if (choice.Mode == ToolChoiceMode.Named && !chat.HasTool(choice.Name))
        {
            return chat.Fail("invalid_parameter", $"'tool_choice' names '{choice.Name}', which is not in 'tools'.", "tool_choice");
        }

        return choice.Mode != ToolChoiceMode.Required || chat.Request.Tools.Count > 0 || chat.Request.VerbatimOnly.Length > 0
            || chat.Fail("invalid_parameter", "'tool_choice' is 'required' but 'tools' is empty.", "tool_choice");
    }

    private static bool ReadTool(ref ChatReader chat, string where)
    {
        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType(where, "an object");
        }

        var type = TypeOf(chat);
        if (!type.Equals("function"u8))
        {
            chat.NoteForwarded($"{where} ({type})");
            return !type.IsEmpty ? chat.Skip() : chat.Fail("missing_required_parameter", $"'{where}.type' is missing.", where + ".type");
        }

        Utf8Slice name = default, description = default, parameters = default;
        var strict = false;
        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            if (chat.Reader.ValueTextEquals("function"u8))
            {
                return chat.Fail("unsupported_parameter",
                    $"'{where}.function' belongs to chat completions; here 'name', 'description', 'parameters' and 'strict' stand in the tool itself.", where + ".function");
            }

            if (!(chat.Reader.ValueTextEquals("name"u8) ? chat.NextText(where + ".name", out name)
                : chat.Reader.ValueTextEquals("description"u8) ? chat.NextText(where + ".description", out description)
                : chat.Reader.ValueTextEquals("parameters"u8) ? chat.NextRawObject(where + ".parameters", out parameters)
                : chat.Reader.ValueTextEquals("strict"u8) ? chat.NextBoolean(where + ".strict", out strict)
                : chat.Reader.ValueTextEquals("type"u8) ? chat.SkipNext() : NoteOther(ref chat, where)))
            {
                return false;
            }
        }

        return Add(ref chat, where, new ToolDefinition(name, description, parameters) { Strict = strict });
    }

    private static bool NoteOther(ref ChatReader chat, string where)
    {
        Verbatim.NoteProperty(ref chat, where);
        return true;
    }

    private static bool Add(ref ChatReader chat, string where, ToolDefinition tool)
    {
        if (tool.Name.IsEmpty)
        {
            return chat.Fail("missing_required_parameter", $"'{where}.name' is missing.", where + ".name");
        }

        if (chat.HasTool(tool.Name))
        {
            return chat.Fail("invalid_value", $"'{where}.name' repeats '{tool.Name}'. Give each tool its own name.", where + ".name");
        }

        chat.Request.Tools.Add(tool);
        return true;
    }

    private static bool ReadChoiceObject(ref ChatReader chat)
    {
        var type = TypeOf(chat);
        if (!type.Equals("function"u8))
        {
            // A hosted tool, or allowed_tools: which of the tools may be called in this turn.
            chat.NoteForwarded($"tool_choice ({type})");
            return !type.IsEmpty ? chat.Skip() : chat.Fail("missing_required_parameter", "'tool_choice.type' is missing.", "tool_choice.type");
        }

        Utf8Slice name = default;
        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            if (!(chat.Reader.ValueTextEquals("name"u8) ? chat.NextText("tool_choice.name", out name)
                : chat.Reader.ValueTextEquals("type"u8) ? chat.SkipNext() : chat.UnknownIn("tool_choice")))
            {
                return false;
            }
        }

        chat.Request.ToolChoice = new ToolChoice(ToolChoiceMode.Named, name);
        return !name.IsEmpty || chat.Fail("missing_required_parameter", "'tool_choice.name' is missing.", "tool_choice.name");
    }

    /// <summary>Looks ahead for the type of the object that begins here.</summary>
    private static Utf8Slice TypeOf(ChatReader chat)
    {
        Utf8Slice type = default;
        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var isType = chat.Reader.ValueTextEquals("type"u8);
            chat.Reader.Read();
            type = isType && chat.Reader.TokenType == JsonTokenType.String ? chat.Text() : type;
            chat.Reader.Skip();
        }

        return type;
    }
}
