using System.Text.Json;
using Jesus.Inference.Adapters.Shared;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Adapters.Anthropic;

/// <summary>
/// Writes the body of <c>POST /messages</c> and <c>POST /messages/count_tokens</c> (Anthropic API reference, "Create a Message"). What the API cannot say is
/// refused by name, never dropped, so that a route can go on to a candidate that can.
/// </summary>
internal static class MessagesRequest
{
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

        return RequestWriter.Write(body, (Request: request, MaxTokens: maxTokens), static (json, all) => WriteAll(json, all.Request, all.MaxTokens));
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
        if ((given & SamplingFields.Temperature) != 0 || sampling.Temperature != 0)
        {
            json.WriteNumber("temperature"u8, sampling.Temperature);
        }

        if ((given & SamplingFields.TopP) != 0 || sampling.TopP != 0)
        {
            json.WriteNumber("top_p"u8, sampling.TopP);
        }

        if ((given & SamplingFields.TopK) != 0 || sampling.TopK != 0)
        {
            json.WriteNumber("top_k"u8, sampling.TopK);
        }

        RequestWriter.WriteTexts(json, "stop_sequences"u8, request.Stops);
        if (!request.EndUser.IsEmpty)
        {
            json.WriteStartObject("metadata"u8);
            json.WriteString("user_id"u8, request.EndUser.Span);
            json.WriteEndObject();
        }
    }
}
