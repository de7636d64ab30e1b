using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Adapters.Anthropic;

/// <summary>Finds what a request asks that the Messages API has no words for. Parameters are named as OpenAI's callers write them: only they can ask these.</summary>
internal static class MessagesLimits
{
    /// <summary>The API's scale of temperatures ends here; OpenAI's at 2.</summary>
    private const float TemperatureMax = 1;

    public static ModelError Check(ModelRequest request)
    {
        if (request.Operation is not (ModelOperation.Generate or ModelOperation.CountTokens))
        {
            return Unsupported($"The operation {request.Operation}", null);
        }

        if (request.Turns.Count == 0)
        {
            return Unsupported("A prompt of token ids", "prompt");
        }

        var error = CheckAnswer(request);
        error = error.IsNone ? CheckSampling(request.Sampling) : error;
        return error.IsNone ? CheckParts(request.Turns.Parts) : error;
    }

    private static ModelError CheckAnswer(ModelRequest request)
    {
        if (request.Choices > 1)
        {
            return Unsupported("More than one answer", "n");
        }

        if (request.TopLogProbs >= 0)
        {
            return Unsupported("Log probabilities", "logprobs");
        }

        if (request.LogitBias.Count > 0)
        {
            return Unsupported("A bias on tokens", "logit_bias");
        }

        return request.Constraint.Kind switch
        {
            ConstraintKind.JsonObject => Unsupported("Any JSON object as the answer, without a schema,", "response_format"),
            ConstraintKind.Regex or ConstraintKind.Grammar => Unsupported("A regular expression or grammar for the answer", "response_format"),
            ConstraintKind.JsonSchema when request.Constraint.Source.Span.IndexOf("\"x-span-of\""u8) >= 0 => Unsupported("x-span-of in a schema", "response_format"),
            _ => default,
        };
    }

    private static ModelError CheckSampling(in Sampling sampling)
    {
        var what = sampling.Seed is not null ? "seed"
            : sampling.FrequencyPenalty != 0 ? "frequency_penalty"
            : sampling.PresencePenalty != 0 ? "presence_penalty"
            : sampling.MinP != 0 ? "min_p"
            : sampling.TypicalP != 0 ? "typical_p"
            : sampling.PenalisesRepetition ? "repetition_penalty" : null;
        if (what is not null)
        {
            return Unsupported($"'{what}'", what);
        }

        return sampling.Temperature <= TemperatureMax ? default : Unsupported($"A temperature above {TemperatureMax}", "temperature");
    }

    private static ModelError CheckParts(IReadOnlyList<TurnPart> parts)
    {
        for (var i = 0; i < parts.Count; i++)
        {
            var part = parts[i];
            if (part.Kind == PartKind.Image && !ImageSource.IsKnown(part.Text))
            {
                return Unsupported("An image that is neither a web address nor base64 with its type", "messages");
            }

            if (part.Kind == PartKind.ToolCall && !IsObject(part.Text))
            {
                return Unsupported($"Arguments of a tool call ('{part.Id}') that are no JSON object", "messages");
            }
        }

        return default;
    }

    private static bool IsObject(Utf8Slice arguments)
    {
        if (arguments.IsEmpty)
        {
            return true;
        }

        try
        {
            var reader = new Utf8JsonReader(arguments.Span);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return false;
            }

            reader.Skip();
            return !reader.Read();
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static ModelError Unsupported(string what, string? param) =>
        new(ErrorCause.UnsupportedField, $"{what} cannot be asked through Anthropic's Messages API; leave it out, or use a model of another provider.", param);
}
