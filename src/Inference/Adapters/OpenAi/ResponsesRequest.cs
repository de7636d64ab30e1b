using System.Text.Json;
using Jesus.Inference.Adapters.Shared;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Adapters.OpenAi;

/// <summary>
/// Writes the body of <c>POST /responses</c> (OpenAI API reference, "Responses"): streaming, and nothing stored there. What the API cannot say is refused by
/// name, never dropped.
/// </summary>
internal static class ResponsesRequest
{
    /// <param name="request">What is asked.</param>
    /// <param name="body">Gets the body.</param>
    /// <param name="keepsReasoning">The model's encrypted reasoning is asked for, whether or not the caller said anything of reasoning.</param>
    public static ModelError Write(ModelRequest request, PooledBuffer body, bool keepsReasoning)
    {
        var error = Check(request);
        return error.IsNone
            ? RequestWriter.Write(body, (request, keepsReasoning), static (json, state) => WriteAll(json, state.request, state.keepsReasoning))
            : error;
    }

    /// <summary>Only what makes up the prompt: for the server's count of its tokens.</summary>
    public static ModelError WritePrompt(ModelRequest request, PooledBuffer body) => RequestWriter.Write(body, request, static (json, request) =>
    {
        json.WriteStartObject();
        json.WriteString("model"u8, request.Model.Span);
        ResponsesInput.Write(json, request.Turns);
        WriteTools(json, request);
        WriteFormat(json, request.Constraint);
        json.WriteEndObject();
    });

    private static ModelError Check(ModelRequest request)
    {
        var (what, param) = request switch
        {
            { VerbatimOnly.Length: > 0 } => (request.VerbatimOnly, request.VerbatimOnly),
            { Turns.Count: 0 } => ("A prompt of token ids", "prompt"),
            { Choices: > 1 } => ("More than one choice", "n"),
            { Stops.Count: > 0 } => ("A stop text", "stop"),
            { LogitBias.Count: > 0 } => ("A bias of logits", "logit_bias"),
            { Sampling.Seed: not null } => ("A seed", "seed"),
            { Sampling.FrequencyPenalty: not 0 } => ("A frequency penalty", "frequency_penalty"),
            { Sampling.PresencePenalty: not 0 } => ("A presence penalty", "presence_penalty"),
            { Sampling.TopK: > 0 } => ("top_k", "top_k"),
            { Sampling.MinP: > 0 } => ("min_p", "min_p"),
            { Sampling.TypicalP: > 0 } => ("typical_p", "typical_p"),
            { Sampling.PenalisesRepetition: true } => ("A repetition penalty", "repetition_penalty"),
            { Constraint.Kind: ConstraintKind.Regex or ConstraintKind.Grammar } => ("A regular expression or grammar for the answer", "response_format"),
            _ when request.Constraint.Source.Span.IndexOf("\"x-span-of\""u8) >= 0 => ("x-span-of in a schema", "response_format"),
            _ => ("", ""),
        };
        return what.Length > 0 ? RequestWriter.Unsupported(what, param) : default;
    }

    private static void WriteAll(Utf8JsonWriter json, ModelRequest request, bool keepsReasoning)
    {
        json.WriteStartObject();
        json.WriteString("model"u8, request.Model.Span);
        json.WriteBoolean("stream"u8, true);
        json.WriteBoolean("store"u8, false);
        ResponsesInput.Write(json, request.Turns);
        WriteTools(json, request);
        WriteFormat(json, request.Constraint);
        WriteSampling(json, request);
        WriteReasoning(json, request.Reasoning);
        WriteInclude(json, request, keepsReasoning);
        if (!request.EndUser.IsEmpty)
        {
            json.WriteString("safety_identifier"u8, request.EndUser.Span);
        }

        json.WriteEndObject();
    }

    private static void WriteTools(Utf8JsonWriter json, ModelRequest request)
    {
        if (request.Tools.Count == 0)
        {
            return;
        }

        json.WriteStartArray("tools"u8);
        foreach (var tool in request.Tools)
        {
            WriteTool(json, tool);
        }

        json.WriteEndArray();
        WriteChoice(json, request.ToolChoice);
        if (request.ParallelToolCalls is { } parallel)
        {
            json.WriteBoolean("parallel_tool_calls"u8, parallel);
        }
    }

    private static void WriteTool(Utf8JsonWriter json, in ToolDefinition tool)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "function"u8);
        json.WriteString("name"u8, tool.Name.Span);
        if (!tool.Description.IsEmpty)
        {
            json.WriteString("description"u8, tool.Description.Span);
        }

        json.WritePropertyName("parameters"u8);
        json.WriteRawValue(tool.Parameters.IsEmpty ? "{\"type\":\"object\",\"properties\":{}}"u8 : tool.Parameters.Span);

        // Left out it would mean true here.
        json.WriteBoolean("strict"u8, tool.Strict);
        json.WriteEndObject();
    }

    private static void WriteChoice(Utf8JsonWriter json, in ToolChoice choice)
    {
        switch (choice.Mode)
        {
            case ToolChoiceMode.None:
                json.WriteString("tool_choice"u8, "none"u8);
                break;
            case ToolChoiceMode.Required:
                json.WriteString("tool_choice"u8, "required"u8);
                break;
            case ToolChoiceMode.Named:
                json.WriteStartObject("tool_choice"u8);
                json.WriteString("type"u8, "function"u8);
                json.WriteString("name"u8, choice.Name.Span);
                json.WriteEndObject();
                break;
            default:
                break;
        }
    }

    private static void WriteFormat(Utf8JsonWriter json, OutputConstraint constraint)
    {
        if (constraint.Kind is not (ConstraintKind.JsonObject or ConstraintKind.JsonSchema))
        {
            return;
        }

        json.WriteStartObject("text"u8);
        json.WriteStartObject("format"u8);
        if (constraint.Kind == ConstraintKind.JsonObject)
        {
            json.WriteString("type"u8, "json_object"u8);
        }
        else
        {
            json.WriteString("type"u8, "json_schema"u8);
            json.WriteString("name"u8, constraint.Name.IsEmpty ? "answer"u8 : constraint.Name.Span);
            json.WriteBoolean("strict"u8, true);
            json.WritePropertyName("schema"u8);
            json.WriteRawValue(constraint.Source.Span);
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteSampling(Utf8JsonWriter json, ModelRequest request)
    {
        var sampling = request.Sampling;
        if (sampling.Temperature != 0 || sampling.Given.HasFlag(SamplingFields.Temperature))
        {
            json.WriteNumber("temperature"u8, sampling.Temperature);
        }

        if (sampling.TopP != 0 || sampling.Given.HasFlag(SamplingFields.TopP))
        {
            json.WriteNumber("top_p"u8, sampling.TopP);
        }

        if (request.MaxOutputTokens > 0)
        {
            json.WriteNumber("max_output_tokens"u8, request.MaxOutputTokens);
        }

        if (request.TopLogProbs >= 0)
        {
            json.WriteNumber("top_logprobs"u8, request.TopLogProbs);
        }
    }

    private static void WriteReasoning(Utf8JsonWriter json, in ReasoningWish wish)
    {
        var effort = ReasoningSteps.Of(wish, "xhigh");
        if (effort.Length == 0 && !wish.Summary)
        {
            return;
        }

        json.WriteStartObject("reasoning"u8);
        if (effort.Length > 0)
        {
            json.WriteString("effort"u8, effort);
        }

        if (wish.Summary)
        {
            json.WriteString("summary"u8, "auto"u8);
        }

        json.WriteEndObject();
    }

    private static void WriteInclude(Utf8JsonWriter json, ModelRequest request, bool keepsReasoning)
    {
        var wish = request.Reasoning;
        var reasoning = keepsReasoning || wish.Summary || wish.BudgetTokens > 0 || wish.Effort is not (ReasoningEffort.Unset or ReasoningEffort.None);
        var logProbs = request.TopLogProbs >= 0;
        if (!reasoning && !logProbs)
        {
            return;
        }

        json.WriteStartArray("include"u8);
        if (reasoning)
        {
            json.WriteStringValue("reasoning.encrypted_content"u8);
        }

        if (logProbs)
        {
            json.WriteStringValue("message.output_text.logprobs"u8);
        }

        json.WriteEndArray();
    }
}
