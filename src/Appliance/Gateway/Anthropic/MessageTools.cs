using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.Anthropic;

/// <summary>Reads <c>tools</c> and <c>tool_choice</c>.</summary>
internal static class MessageTools
{
    private static readonly FieldPath Choice = new("tool_choice");

    public static bool ReadTools(ref MessagesReader body)
    {
        if (body.Reader.TokenType != JsonTokenType.StartArray)
        {
            return body.WrongType(new FieldPath("tools"), "", "an array");
        }

        for (var index = 0; body.Reader.Read() && body.Reader.TokenType != JsonTokenType.EndArray; index++)
        {
            if (index >= body.Limits.MaxTools)
            {
                return body.Fail(new FieldPath("tools"), "", $"has more than {body.Limits.MaxTools} items.");
            }

            if (!ReadTool(ref body, new FieldPath("tools", index)))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>A tool of the provider's own has a type and fields of its own: it is told apart before its fields are read.</summary>
    private static bool ReadTool(ref MessagesReader body, in FieldPath at)
    {
        if (body.Reader.TokenType != JsonTokenType.StartObject)
        {
            return body.WrongType(at, "", "an object");
        }

        var start = body.Reader;
        Utf8Slice type = default;
        while (type.IsEmpty && body.Reader.Read() && body.Reader.TokenType == JsonTokenType.PropertyName)
        {
            if (!(body.Reader.ValueTextEquals("type"u8) ? body.NextText(at, "type", out type) : body.SkipNext()))
            {
                return false;
            }
        }

        body.Reader = start;
        if (type.IsEmpty || type.Equals("custom"u8))
        {
            return ReadCustom(ref body, at);
        }

        body.Reader.Skip();
        return body.Verbatim(at, $"type ({type})");
    }

    private static bool ReadCustom(ref MessagesReader body, in FieldPath at)
    {
        Utf8Slice name = default, description = default, schema = default;
        var (strict, mark) = (false, CacheMark.None);
        while (body.Reader.Read() && body.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = body.Reader.ValueTextEquals("name"u8) ? body.NextText(at, "name", out name)
                : body.Reader.ValueTextEquals("description"u8) ? body.NextText(at, "description", out description)
                : body.Reader.ValueTextEquals("input_schema"u8) ? body.NextRawObject(at, "input_schema", out schema)
                : body.Reader.ValueTextEquals("strict"u8) ? body.NextBoolean(at, "strict", out strict)
                : body.Reader.ValueTextEquals("cache_control"u8) ? body.NextCacheMark(at, out mark)
                : body.Reader.ValueTextEquals("type"u8) ? body.SkipNext() : ReadExtra(ref body, at);
            if (!ok)
            {
                return false;
            }
        }

        if (name.IsEmpty || schema.IsEmpty)
        {
            return body.Missing(at, name.IsEmpty ? "name" : "input_schema");
        }

        if (Has(body.Request, name))
        {
            return body.Fail(at, "name", $"repeats '{name}'. Give each tool its own name.");
        }

        body.Request.Tools.Add(new ToolDefinition(name, description, schema) { Strict = strict, Cache = mark });
        return true;
    }

    private static bool ReadExtra(ref MessagesReader body, in FieldPath at)
    {
        // Pieces of the arguments go out as they come, whatever this says.
        if (body.Reader.ValueTextEquals("eager_input_streaming"u8))
        {
            return body.NextBoolean(at, "eager_input_streaming", out _);
        }

        if (body.Reader.ValueTextEquals("defer_loading"u8))
        {
            return body.NextBoolean(at, "defer_loading", out var defer) && (!defer || body.Verbatim(at, "defer_loading"));
        }

        return body.Reader.ValueTextEquals("allowed_callers"u8) ? body.NextVerbatim(at, "allowed_callers")
            : body.Reader.ValueTextEquals("input_examples"u8) ? body.NextVerbatim(at, "input_examples") : body.UnknownIn(at, "");
    }

    public static bool ReadToolChoice(ref MessagesReader body)
    {
        if (body.Reader.TokenType != JsonTokenType.StartObject)
        {
            return body.WrongType(Choice, "", "an object");
        }

        Utf8Slice type = default, name = default;
        var (disable, given) = (false, false);
        while (body.Reader.Read() && body.Reader.TokenType == JsonTokenType.PropertyName)
        {
            given |= body.Reader.ValueTextEquals("disable_parallel_tool_use"u8);
            var ok = body.Reader.ValueTextEquals("type"u8) ? body.NextText(Choice, "type", out type)
                : body.Reader.ValueTextEquals("name"u8) ? body.NextText(Choice, "name", out name)
                : body.Reader.ValueTextEquals("disable_parallel_tool_use"u8) ? body.NextBoolean(Choice, "disable_parallel_tool_use", out disable)
                : body.UnknownIn(Choice, "");
            if (!ok)
            {
                return false;
            }
        }

        ToolChoiceMode? mode = type.Equals("auto"u8) ? ToolChoiceMode.Auto
            : type.Equals("any"u8) ? ToolChoiceMode.Required
            : type.Equals("tool"u8) ? ToolChoiceMode.Named
            : type.Equals("none"u8) ? ToolChoiceMode.None : null;
        if (mode is null || (mode == ToolChoiceMode.Named) == name.IsEmpty)
        {
            return mode is null ? body.Fail(Choice, "type", "must be auto, any, tool or none.") : body.Fail(Choice, "name", "goes with type tool, and only with it.");
        }

        body.Request.ToolChoice = new ToolChoice(mode.Value, name);
        body.Request.ParallelToolCalls = given ? !disable : null;
        return true;
    }

    /// <summary>The choice is one of the tools that were given; a tool of the provider's own is not known here.</summary>
    public static bool CheckChoice(ref MessagesReader body)
    {
        var choice = body.Request.ToolChoice;
        if (body.Request.VerbatimOnly.Length > 0 || choice.Mode is ToolChoiceMode.Auto or ToolChoiceMode.None)
        {
            return true;
        }

        return choice.Mode == ToolChoiceMode.Required
            ? body.Request.Tools.Count > 0 || body.Fail(Choice, "type", "is any, but tools is empty.")
            : Has(body.Request, choice.Name) || body.Fail(Choice, "name", $"'{choice.Name}' is not in tools.");
    }

    private static bool Has(ModelRequest request, Utf8Slice name)
    {
        foreach (var tool in request.Tools)
        {
            if (tool.Name == name)
            {
                return true;
            }
        }

        return false;
    }
}
