using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.OpenAi.Responses;

/// <summary>How a response stands.</summary>
internal enum ResponseStatus : byte
{
    Queued,
    InProgress,
    Completed,
    Incomplete,
    Failed,
    Cancelled,
}

/// <summary>What the response object says beside the request and the output.</summary>
/// <param name="Id">The response's id.</param>
/// <param name="CreatedUnixSeconds">When it was asked for.</param>
/// <param name="Status">How it stands.</param>
internal readonly record struct ResponseState(string Id, long CreatedUnixSeconds, ResponseStatus Status)
{
    public long CompletedUnixSeconds { get; init; }
    public FinishReason Reason { get; init; }
    public Usage Usage { get; init; }

    /// <summary>Why it failed.</summary>
    public ApiFailure Failure { get; init; }
}

/// <summary>Writes the response object and its items (OpenAI API reference, "The response object").</summary>
internal static class ResponseJson
{
    public static ReadOnlySpan<byte> NameOf(ResponseStatus status) => status switch
    {
        ResponseStatus.Queued => "queued"u8,
        ResponseStatus.InProgress => "in_progress"u8,
        ResponseStatus.Completed => "completed"u8,
        ResponseStatus.Incomplete => "incomplete"u8,
        ResponseStatus.Failed => "failed"u8,
        _ => "cancelled"u8,
    };

    /// <summary>How a call that succeeded ended: an answer that was cut short is incomplete.</summary>
    public static ResponseStatus StatusOf(FinishReason reason) =>
        reason is FinishReason.Length or FinishReason.ContentFilter ? ResponseStatus.Incomplete : ResponseStatus.Completed;

    public static void Write(Utf8JsonWriter json, in ResponseState state, ResponseWishes wishes, OutputItems items)
    {
        json.WriteStartObject();
        json.WriteString("id"u8, state.Id);
        json.WriteString("object"u8, "response"u8);
        json.WriteNumber("created_at"u8, state.CreatedUnixSeconds);
        json.WriteString("status"u8, NameOf(state.Status));
        json.WriteBoolean("background"u8, wishes.Background);
        if (state.CompletedUnixSeconds != 0)
        {
            json.WriteNumber("completed_at"u8, state.CompletedUnixSeconds);
        }

        WriteEnd(json, state);
        WriteRequest(json, wishes);
        json.WriteString("model"u8, wishes.Model);
        json.WriteStartArray("output"u8);
        for (var i = 0; i < items.Count; i++)
        {
            WriteItem(json, items[i], wishes, state.Status);
        }

        json.WriteEndArray();
        WriteUsage(json, state);
        json.WriteEndObject();
    }

    /// <param name="status">Of the whole response: an item of an answer that was cut is incomplete.</param>
    public static void WriteItem(Utf8JsonWriter json, OutputItem item, ResponseWishes wishes, ResponseStatus status)
    {
        var state = item.Done ? "completed"u8 : status is ResponseStatus.InProgress ? "in_progress"u8 : "incomplete"u8;
        json.WriteStartObject();
        json.WriteString("id"u8, item.Id);
        switch (item.Kind)
        {
            case OutputKind.Call:
                json.WriteString("type"u8, "function_call"u8);
                json.WriteString("status"u8, state);
                json.WriteString("arguments"u8, item.Content.WrittenSpan);
                json.WriteString("call_id"u8, item.CallId.WrittenSpan);
                json.WriteString("name"u8, item.Name.WrittenSpan);
                break;
            case OutputKind.Reasoning:
                json.WriteString("type"u8, "reasoning"u8);
                WriteReasoning(json, item, wishes);
                break;
            default:
                json.WriteString("type"u8, "message"u8);
                json.WriteString("status"u8, state);
                json.WriteString("role"u8, "assistant"u8);
                json.WriteStartArray("content"u8);
                if (item.HasPart)
                {
                    WritePart(json, item, wishes);
                }

                json.WriteEndArray();
                break;
        }

        json.WriteEndObject();
    }

    /// <summary>The one part of a message's, or of reasoning's, content.</summary>
    public static void WritePart(Utf8JsonWriter json, OutputItem item, ResponseWishes wishes)
    {
        json.WriteStartObject();
        switch (item.Kind)
        {
            case OutputKind.Refusal:
                json.WriteString("type"u8, "refusal"u8);
                json.WriteString("refusal"u8, item.Content.WrittenSpan);
                break;
            case OutputKind.Reasoning:
                json.WriteString("type"u8, wishes.ReasoningSummary ? "summary_text"u8 : "reasoning_text"u8);
                json.WriteString("text"u8, item.Content.WrittenSpan);
                break;
            default:
                json.WriteString("type"u8, "output_text"u8);
                json.WriteStartArray("annotations"u8);
                json.WriteEndArray();
                json.WritePropertyName("logprobs"u8);
                ResponseLogProbs.WriteArray(json, item.LogProbs.WrittenSpan);
                json.WriteString("text"u8, item.Content.WrittenSpan);
                break;
        }

        json.WriteEndObject();
    }

    private static void WriteReasoning(Utf8JsonWriter json, OutputItem item, ResponseWishes wishes)
    {
        json.WriteStartArray("summary"u8);
        if (wishes.ReasoningSummary && item.HasPart)
        {
            WritePart(json, item, wishes);
        }

        json.WriteEndArray();
        if (!wishes.ReasoningSummary && item.HasPart)
        {
            json.WriteStartArray("content"u8);
            WritePart(json, item, wishes);
            json.WriteEndArray();
        }

        if (wishes.EncryptedReasoning && item.Encrypted.WrittenCount > 0)
        {
            json.WriteString("encrypted_content"u8, item.Encrypted.WrittenSpan);
        }
    }

    private static void WriteEnd(Utf8JsonWriter json, in ResponseState state)
    {
        if (state.Failure.IsNone)
        {
            json.WriteNull("error"u8);
        }
        else
        {
            json.WriteStartObject("error"u8);
            json.WriteString("code"u8, CodeOf(state.Failure));
            json.WriteString("message"u8, state.Failure.Message);
            json.WriteEndObject();
        }

        if (state.Status != ResponseStatus.Incomplete)
        {
            json.WriteNull("incomplete_details"u8);
            return;
        }

        json.WriteStartObject("incomplete_details"u8);
        json.WriteString("reason"u8, state.Reason == FinishReason.ContentFilter ? "content_filter"u8 : "max_output_tokens"u8);
        json.WriteEndObject();
    }

    /// <summary>OpenAI knows few codes here; the message says more.</summary>
    private static ReadOnlySpan<byte> CodeOf(in ApiFailure failure) => failure.Status switch
    {
        429 => "rate_limit_exceeded"u8,
        400 => "invalid_prompt"u8,
        _ => "server_error"u8,
    };

    /// <summary>What was asked, as the caller wrote it, and the default where it did not.</summary>
    private static void WriteRequest(Utf8JsonWriter json, ResponseWishes wishes)
    {
        Raw(json, "instructions"u8, wishes.Instructions, "null"u8);
        if (wishes.MaxOutputTokens > 0)
        {
            json.WriteNumber("max_output_tokens"u8, wishes.MaxOutputTokens);
        }
        else
        {
            json.WriteNull("max_output_tokens"u8);
        }

        json.WriteBoolean("parallel_tool_calls"u8, wishes.ParallelToolCalls);
        json.WriteString("previous_response_id"u8, wishes.PreviousResponseId.Length == 0 ? null : wishes.PreviousResponseId);
        Raw(json, "reasoning"u8, wishes.Reasoning, "{\"effort\":null,\"summary\":null}"u8);
        Raw(json, "safety_identifier"u8, wishes.SafetyIdentifier, "null"u8);
        json.WriteString("service_tier"u8, "default"u8);
        json.WriteBoolean("store"u8, wishes.Store);
        Number(json, "temperature"u8, wishes.Temperature);
        Raw(json, "text"u8, wishes.Text, "{\"format\":{\"type\":\"text\"}}"u8);
        Raw(json, "tool_choice"u8, wishes.ToolChoice, "\"auto\""u8);
        Raw(json, "tools"u8, wishes.Tools, "[]"u8);
        json.WriteNumber("top_logprobs"u8, wishes.TopLogProbs);
        Number(json, "top_p"u8, wishes.TopP);
        json.WriteString("truncation"u8, "disabled"u8);
        Raw(json, "user"u8, wishes.User, "null"u8);
        Raw(json, "metadata"u8, wishes.Metadata, "{}"u8);
    }

    private static void WriteUsage(Utf8JsonWriter json, in ResponseState state)
    {
        if (state.Usage == default)
        {
            json.WriteNull("usage"u8);
            return;
        }

        var usage = state.Usage;
        json.WriteStartObject("usage"u8);
        json.WriteNumber("input_tokens"u8, usage.InputTokens);
        json.WriteStartObject("input_tokens_details"u8);
        json.WriteNumber("cached_tokens"u8, usage.CachedInputTokens);
        json.WriteEndObject();
        json.WriteNumber("output_tokens"u8, usage.OutputTokens);
        json.WriteStartObject("output_tokens_details"u8);
        json.WriteNumber("reasoning_tokens"u8, usage.ReasoningTokens);
        json.WriteEndObject();
        json.WriteNumber("total_tokens"u8, usage.InputTokens + usage.OutputTokens);
        json.WriteEndObject();
    }

    private static void Raw(Utf8JsonWriter json, ReadOnlySpan<byte> name, Utf8Slice raw, ReadOnlySpan<byte> absent)
    {
        json.WritePropertyName(name);
        json.WriteRawValue(raw.IsEmpty ? absent : raw.Span, skipInputValidation: true);
    }

    private static void Number(Utf8JsonWriter json, ReadOnlySpan<byte> name, float? value)
    {
        if (value is { } number)
        {
            json.WriteNumber(name, number);
        }
        else
        {
            json.WriteNull(name);
        }
    }
}
