using System.Globalization;
using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Adapters.Shared.Chat;

/// <summary>Writes the body of <c>POST /chat/completions</c>. What the API cannot say is refused by name, never dropped.</summary>
internal static class ChatRequest
{
    /// <summary>Writes the request in the server's dialect, always streaming.</summary>
    public static ModelError Write(ModelRequest request, ChatDialect dialect, PooledBuffer body)
    {
        var error = Check(request, dialect);
        return error.IsNone ? RequestWriter.Write(body, (request, dialect), static (json, state) => WriteAll(json, state.request, state.dialect)) : error;
    }

    /// <summary>Only model, messages and tools: for servers that count a prompt's tokens.</summary>
    public static ModelError WritePrompt(ModelRequest request, ChatDialect dialect, PooledBuffer body) => RequestWriter.Write(
        body,
        (request, dialect),
        static (json, state) =>
        {
            json.WriteStartObject();
            json.WriteString("model"u8, state.request.Model.Span);
            json.WriteBoolean("add_generation_prompt"u8, true);
            ChatMessages.Write(json, state.request.Turns, state.dialect.TakesReasoning);
            ChatTools.Write(json, state.request);
            json.WriteEndObject();
        });

    /// <summary>What of the answer's shape this server cannot promise, whether the body is built or sent on.</summary>
    public static ModelError CheckConstraint(OutputConstraint constraint, ChatDialect dialect)
    {
        if (constraint.Kind == ConstraintKind.Regex && dialect.Grammar != GrammarField.StructuredOutputs)
        {
            return RequestWriter.Unsupported("A regular expression for the answer", "response_format");
        }

        if (constraint.Kind == ConstraintKind.Grammar && dialect.Grammar == GrammarField.None)
        {
            return RequestWriter.Unsupported("A grammar for the answer", "response_format");
        }

        return constraint.Kind == ConstraintKind.JsonSchema && constraint.Source.Span.IndexOf("\"x-span-of\""u8) >= 0
            ? RequestWriter.Unsupported("x-span-of in a schema", "response_format")
            : default;
    }

    private static ModelError Check(ModelRequest request, ChatDialect dialect)
    {
        var error = CheckConstraint(request.Constraint, dialect);
        if (!error.IsNone)
        {
            return error;
        }

        if (request.VerbatimOnly.Length > 0)
        {
            return RequestWriter.Unsupported(request.VerbatimOnly, request.VerbatimOnly);
        }

        if (!dialect.HasTopK && (request.Sampling.Given.HasFlag(SamplingFields.TopK) || request.Sampling.TopK > 0))
        {
            return RequestWriter.Unsupported("top_k", "top_k");
        }

        if (!dialect.HasTopK && (request.Sampling.Given.HasFlag(SamplingFields.MinP) || request.Sampling.MinP > 0))
        {
            return RequestWriter.Unsupported("min_p", "min_p");
        }

        if (!dialect.HasTypical && request.Sampling.TypicalP is not (0 or 1))
        {
            return RequestWriter.Unsupported("typical_p", "typical_p");
        }

        if (request.Sampling.PenalisesRepetition && dialect.Repetition == RepetitionField.None)
        {
            return RequestWriter.Unsupported("A repetition penalty", "repetition_penalty");
        }

        if (request.Sampling is { PenalisesRepetition: true, RepetitionLastN: > 0 } && dialect.Repetition != RepetitionField.LastN)
        {
            return RequestWriter.Unsupported("A repetition penalty over the last tokens alone", "repeat_last_n");
        }

        return request.Turns.Count == 0 ? RequestWriter.Unsupported("A prompt of token ids", "prompt") : default;
    }

    private static void WriteAll(Utf8JsonWriter json, ModelRequest request, ChatDialect dialect)
    {
        json.WriteStartObject();
        json.WriteString("model"u8, request.Model.Span);
        json.WriteBoolean("stream"u8, true);
        json.WriteStartObject("stream_options"u8);
        json.WriteBoolean("include_usage"u8, true);
        json.WriteEndObject();
        ChatMessages.Write(json, request.Turns, dialect.TakesReasoning);
        ChatTools.Write(json, request);
        WriteFormat(json, request.Constraint, dialect);
        WriteSampling(json, request, dialect);
        WriteWishes(json, request, dialect);
        json.WriteEndObject();
    }

    private static void WriteFormat(Utf8JsonWriter json, OutputConstraint constraint, ChatDialect dialect)
    {
        switch (constraint.Kind)
        {
            case ConstraintKind.JsonObject:
                json.WriteStartObject("response_format"u8);
                json.WriteString("type"u8, "json_object"u8);
                json.WriteEndObject();
                break;
            case ConstraintKind.JsonSchema:
                json.WriteStartObject("response_format"u8);
                json.WriteString("type"u8, "json_schema"u8);
                json.WriteStartObject("json_schema"u8);
                json.WriteString("name"u8, constraint.Name.IsEmpty ? "answer"u8 : constraint.Name.Span);
                json.WriteBoolean("strict"u8, true);
                json.WritePropertyName("schema"u8);
                json.WriteRawValue(constraint.Source.Span);
                json.WriteEndObject();
                json.WriteEndObject();
                break;
            case ConstraintKind.Grammar when dialect.Grammar == GrammarField.Gbnf:
                json.WriteString("grammar"u8, constraint.Source.Span);
                break;
            case ConstraintKind.Regex or ConstraintKind.Grammar:
                json.WriteStartObject("structured_outputs"u8);
                json.WriteString(constraint.Kind == ConstraintKind.Regex ? "regex"u8 : "grammar"u8, constraint.Source.Span);
                json.WriteEndObject();
                break;
            default:
                break;
        }
    }

    private static void WriteSampling(Utf8JsonWriter json, ModelRequest request, ChatDialect dialect)
    {
        var sampling = request.Sampling;
        WriteIf(json, "temperature"u8, sampling.Temperature, sampling.Given.HasFlag(SamplingFields.Temperature));
        WriteIf(json, "top_p"u8, sampling.TopP, sampling.Given.HasFlag(SamplingFields.TopP));
        WriteIf(json, "top_k"u8, sampling.TopK, sampling.Given.HasFlag(SamplingFields.TopK));
        WriteIf(json, "min_p"u8, sampling.MinP, sampling.Given.HasFlag(SamplingFields.MinP));
        WriteIf(json, "typical_p"u8, dialect.HasTypical ? sampling.TypicalP : 0, given: false);
        WriteRepetition(json, sampling, dialect);
        WriteIf(json, "frequency_penalty"u8, sampling.FrequencyPenalty, given: false);
        WriteIf(json, "presence_penalty"u8, sampling.PresencePenalty, given: false);
        WriteIf(json, dialect.HasCompletionTokens ? "max_completion_tokens"u8 : "max_tokens"u8, request.MaxOutputTokens, given: false);
        if (sampling.Seed is { } seed)
        {
            // Servers keep seeds in signed 64 bits.
            json.WriteNumber("seed"u8, (long)(seed & long.MaxValue));
        }

        if (request.Choices > 1)
        {
            json.WriteNumber("n"u8, request.Choices);
        }

        RequestWriter.WriteTexts(json, "stop"u8, request.Stops);
        WriteBias(json, request.LogitBias);
    }

    private static void WriteRepetition(Utf8JsonWriter json, in Sampling sampling, ChatDialect dialect)
    {
        if (!sampling.PenalisesRepetition)
        {
            return;
        }

        json.WriteNumber(dialect.Repetition == RepetitionField.LastN ? "repeat_penalty"u8 : "repetition_penalty"u8, sampling.RepetitionPenalty);
        if (dialect.Repetition == RepetitionField.LastN)
        {
            json.WriteNumber("repeat_last_n"u8, sampling.RepetitionLastN == 0 ? -1 : sampling.RepetitionLastN);
        }
    }

    private static void WriteWishes(Utf8JsonWriter json, ModelRequest request, ChatDialect dialect)
    {
        if (ReasoningSteps.Of(request.Reasoning, dialect.HighestEffort) is { Length: > 0 } effort)
        {
            json.WriteString("reasoning_effort"u8, effort);
        }

        if (request.TopLogProbs >= 0)
        {
            json.WriteBoolean("logprobs"u8, true);
            json.WriteNumber("top_logprobs"u8, request.TopLogProbs);
        }

        if (!request.EndUser.IsEmpty)
        {
            json.WriteString(dialect.HasSafetyIdentifier ? "safety_identifier"u8 : "user"u8, request.EndUser.Span);
        }

        if (dialect.HasPriority && request.Priority != 0)
        {
            json.WriteNumber("priority"u8, request.Priority);
        }
    }

    private static void WriteBias(Utf8JsonWriter json, List<TokenBias> bias)
    {
        if (bias.Count == 0)
        {
            return;
        }

        Span<byte> name = stackalloc byte[11];
        json.WriteStartObject("logit_bias"u8);
        foreach (var (token, value) in bias)
        {
            token.TryFormat(name, out var length, provider: CultureInfo.InvariantCulture);
            json.WriteNumber(name[..length], value);
        }

        json.WriteEndObject();
    }

    /// <summary>A value that was given goes out even where it is our default: the server's own may be another.</summary>
    private static void WriteIf(Utf8JsonWriter json, ReadOnlySpan<byte> name, float value, bool given)
    {
        if (given || value != 0)
        {
            json.WriteNumber(name, value);
        }
    }

    private static void WriteIf(Utf8JsonWriter json, ReadOnlySpan<byte> name, int value, bool given)
    {
        if (given || value != 0)
        {
            json.WriteNumber(name, value);
        }
    }
}
