using System.Text.Encodings.Web;
using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Adapters.Shared.Chat;

/// <summary>Writes the body of <c>POST /chat/completions</c>. What the API cannot say is refused by name, never dropped.</summary>
internal static class ChatRequest
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    [ThreadStatic]
    private static Utf8JsonWriter? _writer;

    public static ModelError Write(ModelRequest request, PooledBuffer body)
    {
        var error = Check(request);
        if (!error.IsNone)
        {
            return error;
        }

        if (request.BodyShape == ApiShape.OpenAiChat && !request.Body.IsEmpty)
        {
            return ChatPassThrough.Write(request, body);
        }

        var json = _writer ??= new Utf8JsonWriter(body, Options);
        json.Reset(body);
        try
        {
            WriteAll(json, request);
            json.Flush();
            return default;
        }
        catch (JsonException)
        {
            return new ModelError(ErrorCause.Refused, "The schema of the answer or of a tool's parameters is not valid JSON; correct it.", "tools");
        }
    }

    private static ModelError Check(ModelRequest request)
    {
        if (request.Operation != ModelOperation.Generate)
        {
            return Unsupported($"The operation {request.Operation}", null);
        }

        if (request.Constraint.Kind is ConstraintKind.Regex or ConstraintKind.Grammar)
        {
            return Unsupported("A regular expression or grammar for the answer", "response_format");
        }

        if (request.Constraint.Kind == ConstraintKind.JsonSchema && request.Constraint.Source.Span.IndexOf("\"x-span-of\""u8) >= 0)
        {
            return Unsupported("x-span-of in a schema", "response_format");
        }

        if (request.TopLogProbs >= 0)
        {
            return Unsupported("Log probabilities", "logprobs");
        }

        return request.Turns.Count == 0 && request.Body.IsEmpty ? Unsupported("A prompt of token ids", "prompt") : default;
    }

    private static ModelError Unsupported(string what, string? param) =>
        new(ErrorCause.UnsupportedField, $"{what} cannot be asked of a server through chat completions; use a model of this box, or leave it out.", param);

    private static void WriteAll(Utf8JsonWriter json, ModelRequest request)
    {
        json.WriteStartObject();
        json.WriteString("model"u8, request.Model.Span);
        json.WriteBoolean("stream"u8, true);
        json.WriteStartObject("stream_options"u8);
        json.WriteBoolean("include_usage"u8, true);
        json.WriteEndObject();
        ChatMessages.Write(json, request.Turns);
        WriteTools(json, request);
        WriteFormat(json, request.Constraint);
        WriteSampling(json, request);
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
    }

    private static void WriteTool(Utf8JsonWriter json, in ToolDefinition tool)
    {
        json.WriteStartObject();
        json.WriteString("type"u8, "function"u8);
        json.WriteStartObject("function"u8);
        json.WriteString("name"u8, tool.Name.Span);
        if (!tool.Description.IsEmpty)
        {
            json.WriteString("description"u8, tool.Description.Span);
        }

        if (!tool.Parameters.IsEmpty)
        {
            json.WritePropertyName("parameters"u8);
            json.WriteRawValue(tool.Parameters.Span);
        }

        json.WriteEndObject();
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
                json.WriteStartObject("function"u8);
                json.WriteString("name"u8, choice.Name.Span);
                json.WriteEndObject();
                json.WriteEndObject();
                break;
            default:
                break;
        }
    }

    private static void WriteFormat(Utf8JsonWriter json, OutputConstraint constraint)
    {
        if (constraint.Kind == ConstraintKind.None)
        {
            return;
        }

        json.WriteStartObject("response_format"u8);
        if (constraint.Kind == ConstraintKind.JsonObject)
        {
            json.WriteString("type"u8, "json_object"u8);
        }
        else
        {
            json.WriteString("type"u8, "json_schema"u8);
            json.WriteStartObject("json_schema"u8);
            json.WriteString("name"u8, constraint.Name.IsEmpty ? "answer"u8 : constraint.Name.Span);
            json.WriteBoolean("strict"u8, true);
            json.WritePropertyName("schema"u8);
            json.WriteRawValue(constraint.Source.Span);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static void WriteSampling(Utf8JsonWriter json, ModelRequest request)
    {
        var sampling = request.Sampling;
        json.WriteNumber("temperature"u8, sampling.Temperature);
        WriteIf(json, "top_p"u8, sampling.TopP);
        WriteIf(json, "top_k"u8, sampling.TopK);
        WriteIf(json, "min_p"u8, sampling.MinP);
        WriteIf(json, "frequency_penalty"u8, sampling.FrequencyPenalty);
        WriteIf(json, "presence_penalty"u8, sampling.PresencePenalty);
        WriteIf(json, "max_tokens"u8, request.MaxOutputTokens);
        if (sampling.Seed is { } seed)
        {
            // Servers keep seeds in signed 64 bits.
            json.WriteNumber("seed"u8, (long)(seed & long.MaxValue));
        }

        if (request.Choices > 1)
        {
            json.WriteNumber("n"u8, request.Choices);
        }

        WriteStops(json, request.Stops);
    }

    private static void WriteStops(Utf8JsonWriter json, List<Utf8Slice> stops)
    {
        if (stops.Count == 0)
        {
            return;
        }

        json.WriteStartArray("stop"u8);
        foreach (var stop in stops)
        {
            json.WriteStringValue(stop.Span);
        }

        json.WriteEndArray();
    }

    private static void WriteIf(Utf8JsonWriter json, ReadOnlySpan<byte> name, float value)
    {
        if (value != 0)
        {
            json.WriteNumber(name, value);
        }
    }

    private static void WriteIf(Utf8JsonWriter json, ReadOnlySpan<byte> name, int value)
    {
        if (value != 0)
        {
            json.WriteNumber(name, value);
        }
    }
}
