using System.Buffers;
using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>
/// Fields that OpenAI does not have and other servers of its API do: vLLM's samplers and guided outputs ("Sampling Parameters", "Structured Outputs"),
/// llama-server's (tools/server/README.md). A request that uses them is not sent on as it is, since each server has its own words for them.
/// </summary>
internal static class ServerFields
{
    /// <summary>llama-server looks for repetitions in so many of the last tokens where the caller does not say.</summary>
    public const int RepeatLastNDefault = 64;

    /// <summary>Choices of <c>guided_choice</c>; a longer list is an enumeration in a schema.</summary>
    private const int ChoicesMax = 1_024;

    public static bool Read(ref ChatReader chat, FieldRule rule)
    {
        chat.Wishes.InOtherWords = true;
        return rule.Field switch
        {
            RequestField.TypicalP => chat.Number(rule.Name, 0, 1, out var v) && Sample(ref chat, chat.Request.Sampling with { TypicalP = v }, SamplingFields.TypicalP),
            RequestField.RepetitionPenalty => ReadRepetition(ref chat, rule.Name),
            RequestField.RepeatLastN => ReadLastN(ref chat),
            RequestField.Grammar => ReadText(ref chat, rule.Name, ConstraintKind.Grammar),
            RequestField.GuidedRegex => ReadText(ref chat, rule.Name, ConstraintKind.Regex),
            RequestField.GuidedJson => ReadSchema(ref chat, rule.Name),
            RequestField.GuidedChoice => ReadChoice(ref chat, rule.Name),
            RequestField.StructuredOutputs => ReadStructured(ref chat),
            _ => chat.Skip(),
        };
    }

    /// <summary>Sets the answer's form; it can be asked for once.</summary>
    public static bool Constrain(ref ChatReader chat, string where, ConstraintKind kind, Utf8Slice source)
    {
        var constraint = chat.Request.Constraint;
        if (constraint.Kind != ConstraintKind.None)
        {
            return chat.Fail("invalid_parameter", $"'{where}' constrains an answer that another field constrains already. Give one of them.", where);
        }

        if (source.IsEmpty && kind != ConstraintKind.JsonObject)
        {
            return chat.Fail("invalid_value", $"'{where}' is empty; it must say what the answer may be.", where);
        }

        (constraint.Kind, constraint.Source) = (kind, source);
        return true;
    }

    private static bool Sample(ref ChatReader chat, Sampling sampling, SamplingFields given)
    {
        chat.Request.Sampling = sampling with { Given = sampling.Given | given };
        return true;
    }

    /// <summary>vLLM's name looks at everything said, llama-server's at the last tokens.</summary>
    private static bool ReadRepetition(ref ChatReader chat, string name)
    {
        if (!chat.Number(name, 0, 10, out var penalty))
        {
            return false;
        }

        if (penalty <= 0)
        {
            return chat.Fail("invalid_value", $"'{name}' must be above 0; 1 changes nothing.", name);
        }

        var sampling = chat.Request.Sampling with { RepetitionPenalty = penalty };
        if (name == "repeat_penalty" && !sampling.Given.HasFlag(SamplingFields.RepetitionLastN))
        {
            sampling = sampling with { RepetitionLastN = RepeatLastNDefault };
        }

        return Sample(ref chat, sampling, SamplingFields.RepetitionPenalty);
    }

    /// <summary>llama-server's: -1 is the whole context, 0 none of it.</summary>
    private static bool ReadLastN(ref ChatReader chat)
    {
        if (!chat.Integer("repeat_last_n", -1, 1_000_000, out var last))
        {
            return false;
        }

        var kept = last == 0 ? -1 : last < 0 ? 0 : (int)last;
        return Sample(ref chat, chat.Request.Sampling with { RepetitionLastN = kept }, SamplingFields.RepetitionLastN);
    }

    private static bool ReadText(ref ChatReader chat, string where, ConstraintKind kind) => chat.Reader.TokenType == JsonTokenType.String
        ? Constrain(ref chat, where, kind, chat.Text())
        : chat.WrongType(where, "a string");

    /// <summary>The schema itself, or its text.</summary>
    private static bool ReadSchema(ref ChatReader chat, string where) => chat.Reader.TokenType switch
    {
        JsonTokenType.StartObject => Constrain(ref chat, where, ConstraintKind.JsonSchema, chat.Raw()),
        JsonTokenType.String => Constrain(ref chat, where, ConstraintKind.JsonSchema, chat.Text()),
        _ => chat.WrongType(where, "a JSON schema"),
    };

    /// <summary>One of the texts: a regular expression of them all.</summary>
    private static bool ReadChoice(ref ChatReader chat, string where)
    {
        if (chat.Reader.TokenType != JsonTokenType.StartArray)
        {
            return chat.WrongType(where, "an array of strings");
        }

        var expression = new ArrayBufferWriter<byte>();
        for (var count = 0; chat.Reader.Read() && chat.Reader.TokenType != JsonTokenType.EndArray; count++)
        {
            if (chat.Reader.TokenType != JsonTokenType.String)
            {
                return chat.WrongType(where, "an array of strings");
            }

            if (count >= ChoicesMax)
            {
                return chat.Fail("invalid_value", $"'{where}' has more than {ChoicesMax} choices.", where);
            }

            expression.Write(count > 0 ? "|"u8 : default);
            AddEscaped(expression, chat.Text().Span);
        }

        return Constrain(ref chat, where, ConstraintKind.Regex, chat.Request.Text.Copy(expression.WrittenSpan));
    }

    private static void AddEscaped(ArrayBufferWriter<byte> expression, ReadOnlySpan<byte> text)
    {
        foreach (var value in text)
        {
            expression.Write(@"\.+*?()|[]{}^$/-"u8.Contains(value) ? [(byte)'\\', value] : [value]);
        }
    }

    /// <summary>vLLM's newer spelling: one member says how the answer is constrained.</summary>
    private static bool ReadStructured(ref ChatReader chat)
    {
        const string Where = "structured_outputs";
        if (chat.Reader.TokenType != JsonTokenType.StartObject)
        {
            return chat.WrongType(Where, "an object");
        }

        while (chat.Reader.Read() && chat.Reader.TokenType == JsonTokenType.PropertyName)
        {
            if (!ReadStructuredMember(ref chat, Where))
            {
                return false;
            }
        }

        return true;
    }

    private static bool ReadStructuredMember(ref ChatReader chat, string at)
    {
        if (chat.SkipNull())
        {
            return true;
        }

        var name = chat.Reader.GetString()!;
        var where = $"{at}.{name}";
        if (name is not ("json" or "regex" or "choice" or "grammar" or "json_object"))
        {
            return chat.UnknownIn(at);
        }

        chat.Reader.Read();
        return name switch
        {
            "json" => ReadSchema(ref chat, where),
            "regex" => ReadText(ref chat, where, ConstraintKind.Regex),
            "choice" => ReadChoice(ref chat, where),
            "grammar" => ReadText(ref chat, where, ConstraintKind.Grammar),
            _ => chat.Boolean(where, out var any) && (!any || Constrain(ref chat, where, ConstraintKind.JsonObject, default)),
        };
    }
}
