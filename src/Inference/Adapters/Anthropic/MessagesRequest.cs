using System.Text.Encodings.Web;
using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Adapters.Anthropic;

/// <summary>
/// Writes the body of <c>POST /messages</c> and <c>POST /messages/count_tokens</c> (Anthropic API reference, "Create a Message"). What the API cannot say is
/// refused by name, never dropped, so that a route can go on to a candidate that can.
/// </summary>
internal static class MessagesRequest
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    [ThreadStatic]
    private static Utf8JsonWriter? _writer;

    /// <param name="maxTokens">How long the answer may be: the API demands a limit.</param>
    public static ModelError Write(ModelRequest request, int maxTokens, PooledBuffer body)
    {
        if (MessagesForward.Applies(request))
        {
            return MessagesForward.Write(request, body);
        }

        var error = MessagesLimits.Check(request);
        if (!error.IsNone)
        {
            return error;
        }

        var json = _writer ??= new Utf8JsonWriter(body, Options);
        json.Reset(body);
        try
        {
            WriteAll(json, request, maxTokens);
            json.Flush();
            return default;
        }
        catch (JsonException)
        {
            return new ModelError(
                ErrorCause.Refused, "The schema of the answer, of a tool's parameters, or the arguments of a tool call are not valid JSON; correct them.", "tools");
        }
    }

    private static void WriteAll(Utf8JsonWriter json, ModelRequest request, int maxTokens)
    {
        json.WriteStartObject();
        json.WriteString("model"u8, request.Model.Span);
        MessagesTurns.Write(json, request.Turns);
        MessagesTools.Write(json, request);
        WriteThinking(json, request.Reasoning);
        WriteOutput(json, request);
        if (request.Operation != ModelOperation.CountTokens)
        {
            WriteSampling(json, request, maxTokens);
        }

        json.WriteEndObject();
    }

    private static void WriteThinking(Utf8JsonWriter json, in ReasoningWish wish)
    {
        var off = wish.Effort == ReasoningEffort.None && !wish.Adaptive && wish.BudgetTokens == 0;
        if (!off && !wish.Adaptive && wish.BudgetTokens == 0)
        {
            return;
        }

        json.WriteStartObject("thinking"u8);
        json.WriteString("type"u8, off ? "disabled"u8 : wish.Adaptive ? "adaptive"u8 : "enabled"u8);
        if (wish.BudgetTokens > 0 && !wish.Adaptive)
        {
            json.WriteNumber("budget_tokens"u8, wish.BudgetTokens);
        }

        if (wish.Summary && !off)
        {
            json.WriteString("display"u8, "summarized"u8);
        }

        json.WriteEndObject();
    }

    private static void WriteOutput(Utf8JsonWriter json, ModelRequest request)
    {
        var effort = EffortOf(request.Reasoning.Effort);
        var hasFormat = request.Constraint.Kind == ConstraintKind.JsonSchema;
        if (effort.IsEmpty && !hasFormat)
        {
            return;
        }

        json.WriteStartObject("output_config"u8);
        if (!effort.IsEmpty)
        {
            json.WriteString("effort"u8, effort);
        }

        if (hasFormat)
        {
            json.WriteStartObject("format"u8);
            json.WriteString("type"u8, "json_schema"u8);
            json.WritePropertyName("schema"u8);
            json.WriteRawValue(request.Constraint.Source.Span);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    /// <summary>The API's lowest step stands for OpenAI's <c>minimal</c>; <c>none</c> is said by disabling thinking.</summary>
    private static ReadOnlySpan<byte> EffortOf(ReasoningEffort effort) => effort switch
    {
        ReasoningEffort.Minimal or ReasoningEffort.Low => "low"u8,
        ReasoningEffort.Medium => "medium"u8,
        ReasoningEffort.High => "high"u8,
        ReasoningEffort.Highest => "xhigh"u8,
        _ => default,
    };

    private static void WriteSampling(Utf8JsonWriter json, ModelRequest request, int maxTokens)
    {
        var (sampling, given) = (request.Sampling, request.Sampling.Given);
        json.WriteNumber("max_tokens"u8, maxTokens);
        json.WriteBoolean("stream"u8, true);
        if (given.HasFlag(SamplingFields.Temperature) || sampling.Temperature != 0)
        {
            json.WriteNumber("temperature"u8, sampling.Temperature);
        }

        if (given.HasFlag(SamplingFields.TopP) || sampling.TopP != 0)
        {
            json.WriteNumber("top_p"u8, sampling.TopP);
        }

        if (given.HasFlag(SamplingFields.TopK) || sampling.TopK != 0)
        {
            json.WriteNumber("top_k"u8, sampling.TopK);
        }

        WriteStops(json, request.Stops);
        if (!request.EndUser.IsEmpty)
        {
            json.WriteStartObject("metadata"u8);
            json.WriteString("user_id"u8, request.EndUser.Span);
            json.WriteEndObject();
        }
    }

    private static void WriteStops(Utf8JsonWriter json, List<Utf8Slice> stops)
    {
        if (stops.Count == 0)
        {
            return;
        }

        json.WriteStartArray("stop_sequences"u8);
        foreach (var stop in stops)
        {
            json.WriteStringValue(stop.Span);
        }

        json.WriteEndArray();
    }
}
