using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.OpenAi.Responses;

/// <summary>Reads <c>text</c>: the form of the answer. The schema lies flat in <c>text.format</c>, where chat completions wrap it.</summary>
internal static class ResponseFormat
{
    private const string Where = "text.format";

    public static bool Read(ref ChatReader chat)
    {
        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType("text", "an object");
        }

        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            if (chat.Reader.ValueTextEquals("format"u8))
            {
                chat.Reader.Read();
                if (chat.Reader.TokenType != JsonTokenType.Null && !ReadFormat(ref chat))
                {
                    return false;
                }
            }
            else if (chat.Reader.ValueTextEquals("verbosity"u8))
            {
                if (!ReadVerbosity(ref chat))
                {
                    return false;
                }
            }
            else
            {
                Verbatim.NoteProperty(ref chat, "text");
            }
        }

        return true;
    }

    private static bool ReadFormat(ref ChatReader chat)
    {
        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType(Where, "an object");
        }

        Utf8Slice type = default, name = default, schema = default;
        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = chat.Reader.ValueTextEquals("type"u8) ? chat.NextText(Where + ".type", out type)
                : chat.Reader.ValueTextEquals("name"u8) ? chat.NextText(Where + ".name", out name)
                : chat.Reader.ValueTextEquals("schema"u8) ? chat.NextRawObject(Where + ".schema", out schema)
                : chat.Reader.ValueTextEquals("description"u8) ? chat.NextText(Where + ".description", out _)
                : chat.Reader.ValueTextEquals("strict"u8) ? chat.NextBoolean(Where + ".strict", out _) : chat.UnknownIn(Where);
            if (!ok)
            {
                return false;
            }
        }

        return Constrain(ref chat, type, name, schema);
    }

    private static bool Constrain(ref ChatReader chat, Utf8Slice type, Utf8Slice name, Utf8Slice schema)
    {
        var constraint = chat.Request.Constraint;
        if (type.Equals("text"u8))
        {
            return true;
        }

        if (type.Equals("json_object"u8))
        {
            constraint.Kind = ConstraintKind.JsonObject;
            return true;
        }

        if (type.Equals("json_schema"u8))
        {
            (constraint.Kind, constraint.Name, constraint.Source) = (ConstraintKind.JsonSchema, name, schema);
            return !schema.IsEmpty || chat.Fail("missing_required_parameter", $"'{Where}.schema' is missing.", Where + ".schema");
        }

        return chat.Fail("invalid_value", $"'{Where}.type' is '{type}'; text, json_object or json_schema is allowed.", Where + ".type");
    }

    /// <summary>Medium is the usual; how to make a model terser or wordier, only its provider knows.</summary>
    private static bool ReadVerbosity(ref ChatReader chat)
    {
        if (!chat.NextText("text.verbosity", out var verbosity))
        {
            return false;
        }

        if (!verbosity.IsEmpty && !verbosity.Equals("medium"u8))
        {
            chat.NoteForwarded("text.verbosity");
        }

        return true;
    }
}
