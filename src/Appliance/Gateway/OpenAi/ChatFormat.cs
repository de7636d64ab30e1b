using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>Reads <c>response_format</c> and <c>inputs</c>.</summary>
internal static class ChatFormat
{
    public static bool ReadResponseFormat(ref ChatReader chat)
    {
        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType("response_format", "an object");
        }

        Utf8Slice type = default, name = default, schema = default, plain = default;
        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = chat.Reader.ValueTextEquals("type"u8) ? chat.NextText("response_format.type", out type)
                : chat.Reader.ValueTextEquals("json_schema"u8) ? ReadJsonSchema(ref chat, out name, out schema)
                : chat.Reader.ValueTextEquals("schema"u8) ? chat.NextRawObject("response_format.schema", out plain)
                : chat.Reader.ValueTextEquals("regex"u8) ? chat.NextText("response_format.regex", out plain)
                : chat.Reader.ValueTextEquals("grammar"u8) ? chat.NextText("response_format.grammar", out plain) : chat.UnknownIn("response_format");
            if (!ok)
            {
                return false;
            }
        }

        chat.Request.Constraint.Name = name;
        chat.Wishes.InOtherWords |= !plain.IsEmpty;
        return Constrain(ref chat, type, schema, plain);
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

    private static bool Constrain(ref ChatReader chat, Utf8Slice type, Utf8Slice schema, Utf8Slice plain)
    {
        if (type.Equals("text"u8))
        {
            return true;
        }

        if (type.Equals("json_object"u8))
        {
            // llama-server's: with a schema beside it.
            return ServerFields.Constrain(ref chat, "response_format", plain.IsEmpty ? ConstraintKind.JsonObject : ConstraintKind.JsonSchema, plain);
        }

        if (type.Equals("regex"u8) || type.Equals("grammar"u8))
        {
            return ServerFields.Constrain(ref chat, $"response_format.{type}", type.Equals("regex"u8) ? ConstraintKind.Regex : ConstraintKind.Grammar, plain);
        }

        if (!type.Equals("json_schema"u8))
        {
            return chat.Fail("invalid_value", $"'response_format.type' is '{type}'; text, json_object, json_schema, regex or grammar is allowed.", "response_format.type");
        }

        schema = schema.IsEmpty ? plain : schema;
        return schema.IsEmpty
            ? chat.Fail("missing_required_parameter", "'response_format.json_schema.schema' is missing.", "response_format.json_schema.schema")
            : ServerFields.Constrain(ref chat, "response_format", ConstraintKind.JsonSchema, schema);
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
