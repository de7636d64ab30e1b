using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>Reads <c>tools</c>, <c>tool_choice</c>, <c>response_format</c> and <c>inputs</c>.</summary>
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
                : chat.Reader.ValueTextEquals("function"u8) ? ReadFunction(ref chat, where + ".function", out tool) : chat.UnknownIn(where);
            if (!ok)
            {
                return false;
            }
        }

        if (!type.Equals("function"u8))
        {
            return chat.Fail("invalid_value", $"'{where}.type' is '{type}'; only function is allowed.", where + ".type");
        }

        if (tool.Name.IsEmpty)
        {
            return chat.Fail("missing_required_parameter", $"'{where}.function.name' is missing.", where + ".function.name");
        }

        if (chat.HasTool(tool.Name))
        {
            return chat.Fail("invalid_value", $"'{where}.function.name' repeats '{tool.Name}'. Give each tool its own name.", where + ".function.name");
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
        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = chat.Reader.ValueTextEquals("name"u8) ? chat.NextText(where + ".name", out name)
                : chat.Reader.ValueTextEquals("description"u8) ? chat.NextText(where + ".description", out description)
                : chat.Reader.ValueTextEquals("parameters"u8) ? chat.NextRawObject(where + ".parameters", out parameters)
                : chat.Reader.ValueTextEquals("strict"u8) ? chat.NextBoolean(where + ".strict", out _) : chat.UnknownIn(where);
            if (!ok)
            {
                return false;
            }
        }

        tool = new ToolDefinition(name, description, parameters);
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
                $"'tool_choice' is '{chat.Reader.GetString()}'; auto, none, required or a named function is allowed.", "tool_choice");
        }

        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType("tool_choice", "a string or an object");
        }

        Utf8Slice type = default, name = default;
        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = chat.Reader.ValueTextEquals("type"u8) ? chat.NextText("tool_choice.type", out type)
                : chat.Reader.ValueTextEquals("function"u8) ? ChatMessages.ReadCalledFunction(ref chat, "tool_choice.function", out name, out _) : chat.UnknownIn("tool_choice");
            if (!ok)
            {
                return false;
            }
        }

        chat.Request.ToolChoice = new ToolChoice(ToolChoiceMode.Named, name);
        return (type.Equals("function"u8) && !name.IsEmpty)
            || chat.Fail("invalid_value", "'tool_choice' as an object must be {\"type\":\"function\",\"function\":{\"name\":...}}.", "tool_choice");
    }

    public static bool ReadResponseFormat(ref ChatReader chat)
    {
        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType("response_format", "an object");
        }

        Utf8Slice type = default, name = default, schema = default;
        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = chat.Reader.ValueTextEquals("type"u8) ? chat.NextText("response_format.type", out type)
                : chat.Reader.ValueTextEquals("json_schema"u8) ? ReadJsonSchema(ref chat, out name, out schema) : chat.UnknownIn("response_format");
            if (!ok)
            {
                return false;
            }
        }

        return Constrain(ref chat, type, name, schema);
    }

    private static bool ReadJsonSchema(ref ChatReader chat, out Utf8Slice name, out Utf8Slice schema)
    {
        const string Where = "response_format.json_schema";
        name = schema = default;
        chat.Reader.Read();
        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType(Where, "an object");
        }

        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = chat.Reader.ValueTextEquals("name"u8) ? chat.NextText(Where + ".name", out name)
                : chat.Reader.ValueTextEquals("schema"u8) ? chat.NextRawObject(Where + ".schema", out schema)
                : chat.Reader.ValueTextEquals("description"u8) ? chat.NextText(Where + ".description", out _)
                : chat.Reader.ValueTextEquals("strict"u8) ? chat.NextBoolean(Where + ".strict", out _) : chat.UnknownIn(Where);
            if (!ok)
            {
                return false;
            }
        }

        return true;
    }

    private static bool Constrain(ref ChatReader chat, Utf8Slice type, Utf8Slice name, Utf8Slice schema)
    {
        if (type.Equals("text"u8))
        {
            return true;
        }

        if (type.Equals("json_object"u8))
        {
            chat.Request.Constraint.Kind = ConstraintKind.JsonObject;
            return true;
        }

        if (!type.Equals("json_schema"u8))
        {
            return chat.Fail("invalid_value", $"'response_format.type' is '{type}'; text, json_object or json_schema is allowed.", "response_format.type");
        }

        chat.Request.Constraint.Kind = ConstraintKind.JsonSchema;
        chat.Request.Constraint.Name = name;
        chat.Request.Constraint.Source = schema;
        return !schema.IsEmpty || chat.Fail("missing_required_parameter", "'response_format.json_schema.schema' is missing.", "response_format.json_schema.schema");
    }

    /// <summary>Extension: texts that <c>x-span-of</c> in the schema may name.</summary>
    public static bool ReadInputs(ref ChatReader chat)
    {
        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType("inputs", "an object of texts");
        }

        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = chat.Text();
            if (!chat.NextText("inputs." + name, out var text))
            {
                return false;
            }

            chat.Request.Constraint.Inputs.Add(new NamedInput(name, text));
        }

        return true;
    }
}
