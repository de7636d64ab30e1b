using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>Reads <c>tools</c> and the older <c>functions</c>.</summary>
internal static class ChatTools
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

    private static bool ReadTool(ref ChatReader chat, string where)
    {
        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType(where, "an object");
        }

        Utf8Slice type = default;
        ToolDefinition tool = default;
        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = chat.Reader.ValueTextEquals("type"u8) ? chat.NextText(where + ".type", out type)
                : chat.Reader.ValueTextEquals("function"u8) ? ReadFunction(ref chat, where + ".function", out tool)
                : chat.Reader.ValueTextEquals("custom"u8) ? ReadCustom(ref chat, where + ".custom", out tool) : chat.UnknownIn(where);
            if (!ok)
            {
                return false;
            }
        }

        if (!type.Equals("function"u8) && !type.Equals("custom"u8))
        {
            return chat.Fail("invalid_value", $"'{where}.type' is '{type}'; function or custom is allowed.", where + ".type");
        }

        if (tool.Name.IsEmpty)
        {
            return chat.Fail("missing_required_parameter", $"'{where}.{type}.name' is missing.", $"{where}.{type}.name");
        }

        if (chat.HasTool(tool.Name))
        {
            return chat.Fail("invalid_value", $"'{where}.{type}.name' repeats '{tool.Name}'. Give each tool its own name.", $"{where}.{type}.name");
        }

        chat.Request.Tools.Add(tool);
        return true;
    }

    private static bool ReadFunction(ref ChatReader chat, string where, out ToolDefinition tool)
    {
        tool = default;
        chat.Reader.Read();
        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType(where, "an object");
        }

        Utf8Slice name = default, description = default, parameters = default;
        var strict = false;
        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = chat.Reader.ValueTextEquals("name"u8) ? chat.NextText(where + ".name", out name)
                : chat.Reader.ValueTextEquals("description"u8) ? chat.NextText(where + ".description", out description)
                : chat.Reader.ValueTextEquals("parameters"u8) ? chat.NextRawObject(where + ".parameters", out parameters)
                : chat.Reader.ValueTextEquals("strict"u8) ? chat.NextBoolean(where + ".strict", out strict) : chat.UnknownIn(where);
            if (!ok)
            {
                return false;
            }
        }

        tool = new ToolDefinition(name, description, parameters) { Strict = strict };
        return true;
    }

    /// <summary>A tool that is called with text of its own form. Only forwarding honours it; it is kept so that its tokens are counted.</summary>
    private static bool ReadCustom(ref ChatReader chat, string where, out ToolDefinition tool)
    {
        tool = default;
        chat.Reader.Read();
        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType(where, "an object");
        }

        Utf8Slice name = default, description = default, format = default;
        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = chat.Reader.ValueTextEquals("name"u8) ? chat.NextText(where + ".name", out name)
                : chat.Reader.ValueTextEquals("description"u8) ? chat.NextText(where + ".description", out description)
                : chat.Reader.ValueTextEquals("format"u8) ? chat.NextRawObject(where + ".format", out format) : chat.UnknownIn(where);
            if (!ok)
            {
                return false;
            }
        }

        tool = new ToolDefinition(name, description, format);
        chat.NoteForwarded(where);
        return true;
    }

    /// <summary>The older form of <c>tools</c>. Only forwarding honours it, since its calls are answered in an older form too.</summary>
    public static bool ReadFunctions(ref ChatReader chat)
    {
        if (chat.Reader.TokenType != JsonTokenType.StartArray)
        {
            return chat.WrongType("functions", "an array");
        }

        // Kept as one description, so that its tokens are counted.
        chat.NoteForwarded("functions");
        chat.Request.Tools.Add(new ToolDefinition(default, chat.Raw(), default));
        return true;
    }
}
