using System.Text.Json;
using System.Text.Unicode;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>Reads the value of a field that the table knows.</summary>
internal delegate bool FieldReader(ref ChatReader chat, FieldRule rule);

/// <summary>Says what only the whole object tells.</summary>
internal delegate bool WholeCheck(ref ChatReader chat, ulong seen);

/// <summary>Reads a request's JSON object by its table of fields: each once, null as absent, refused and unknown ones by their names.</summary>
internal static class RequestObject
{
    /// <returns>The failure, or none; then the request is complete and points into the body.</returns>
    public static ApiFailure Read(ref ChatReader chat, FieldTable table, FieldReader read, WholeCheck check)
    {
        if (!Utf8.IsValid(chat.Body.Span))
        {
            return ApiFailure.Invalid("invalid_utf8", "The body is not valid UTF-8. Send JSON encoded as UTF-8.");
        }

        try
        {
            var seen = 0UL;
            _ = ReadFields(ref chat, table, read, ref seen) && check(ref chat, seen);
        }
        catch (JsonException e)
        {
            chat.Break(e);
        }
        catch (InvalidOperationException)
        {
            _ = chat.Fail("invalid_json", $"A string near byte {chat.Reader.TokenStartIndex} escapes half of a surrogate pair. Write whole characters.", null);
        }

        return chat.Failure;
    }

    public static bool Has(ulong seen, RequestField field) => (seen & (1UL << (int)field)) != 0;

    private static bool ReadFields(ref ChatReader chat, FieldTable table, FieldReader read, ref ulong seen)
    {
        if (!chat.Reader.Read() || chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.Fail("invalid_json", "The body must be a JSON object.", null);
        }

        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            if (table.Find(ref chat.Reader) is not { } rule)
            {
                if (!Unknown(ref chat))
                {
                    return false;
                }

                continue;
            }

            if (rule.Field is not (RequestField.None or RequestField.EndUser) && Has(seen, rule.Field))
            {
                return chat.Fail("duplicate_parameter", $"'{rule.Name}' is given twice. Give it once.", rule.Name);
            }

            chat.Reader.Read();
            if (chat.Reader.TokenType == JsonTokenType.Null)
            {
                continue;
            }

            seen |= 1UL << (int)rule.Field;
            if (!(rule.Field == RequestField.None ? StepOver(ref chat, rule) : read(ref chat, rule)))
            {
                return false;
            }
        }

        // What follows the object is looked at: a second one is a mistake.
        chat.Reader.Read();
        return true;
    }

    private static bool StepOver(ref ChatReader chat, FieldRule rule) => rule.Support switch
    {
        FieldSupport.Refused => Refuse(ref chat, rule),
        FieldSupport.Forwarded => chat.Forward(rule.Name),
        _ => chat.Skip(),
    };

    public static bool Refuse(ref ChatReader chat, FieldRule rule) =>
        chat.Fail("unsupported_parameter", $"'{rule.Name}' is not supported here. {rule.Note}", rule.Name);

    private static bool Unknown(ref ChatReader chat)
    {
        var name = chat.Reader.GetString()!;
        return chat.SkipNull() || chat.Fail("unsupported_parameter",
            $"'{name}' is not known here. Leave it out: a field that would be ignored is refused, so that no answer differs silently from what was asked.", name);
    }
}
