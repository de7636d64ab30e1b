namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>The fields of a chat completion request that are read, or accepted because ignoring them changes nothing.</summary>
internal enum ChatField : byte
{
    Model,
    Messages,
    Tools,
    ToolChoice,
    ResponseFormat,
    Inputs,
    Temperature,
    TopP,
    TopK,
    MinP,
    Seed,
    N,
    Stop,
    MaxTokens,
    MaxCompletionTokens,
    LogProbs,
    TopLogProbs,
    FrequencyPenalty,
    PresencePenalty,
    Stream,
    StreamOptions,
    ParallelToolCalls,
    Store,
    ServiceTier,
    LogitBias,
    Modalities,

    /// <summary>A label that the caller keeps for itself: any value is accepted.</summary>
    Label,

    /// <summary>Not known, or known and not honoured.</summary>
    Unknown,
}

internal static class ChatFields
{
    private static readonly (byte[] Name, ChatField Field)[] Known =
    [
        ("model"u8.ToArray(), ChatField.Model),
        ("messages"u8.ToArray(), ChatField.Messages),
        ("stream"u8.ToArray(), ChatField.Stream),
        ("stream_options"u8.ToArray(), ChatField.StreamOptions),
        ("temperature"u8.ToArray(), ChatField.Temperature),
        ("top_p"u8.ToArray(), ChatField.TopP),
        ("top_k"u8.ToArray(), ChatField.TopK),
        ("min_p"u8.ToArray(), ChatField.MinP),
        ("seed"u8.ToArray(), ChatField.Seed),
        ("n"u8.ToArray(), ChatField.N),
        ("stop"u8.ToArray(), ChatField.Stop),
        ("max_tokens"u8.ToArray(), ChatField.MaxTokens),
        ("max_completion_tokens"u8.ToArray(), ChatField.MaxCompletionTokens),
        ("tools"u8.ToArray(), ChatField.Tools),
        ("tool_choice"u8.ToArray(), ChatField.ToolChoice),
        ("response_format"u8.ToArray(), ChatField.ResponseFormat),
        ("inputs"u8.ToArray(), ChatField.Inputs),
        ("logprobs"u8.ToArray(), ChatField.LogProbs),
        ("top_logprobs"u8.ToArray(), ChatField.TopLogProbs),
        ("frequency_penalty"u8.ToArray(), ChatField.FrequencyPenalty),
        ("presence_penalty"u8.ToArray(), ChatField.PresencePenalty),
        ("parallel_tool_calls"u8.ToArray(), ChatField.ParallelToolCalls),
        ("store"u8.ToArray(), ChatField.Store),
        ("service_tier"u8.ToArray(), ChatField.ServiceTier),
        ("logit_bias"u8.ToArray(), ChatField.LogitBias),
        ("modalities"u8.ToArray(), ChatField.Modalities),
        ("user"u8.ToArray(), ChatField.Label),
        ("metadata"u8.ToArray(), ChatField.Label),
        ("safety_identifier"u8.ToArray(), ChatField.Label),
        ("prompt_cache_key"u8.ToArray(), ChatField.Label),
    ];

    public static ChatField Find(ref System.Text.Json.Utf8JsonReader reader)
    {
        foreach (var (name, field) in Known)
        {
            if (reader.ValueTextEquals(name))
            {
                return field;
            }
        }

        return ChatField.Unknown;
    }

    /// <summary>What to do instead, for fields that OpenAI knows and this box does not honour.</summary>
    public static string Remedy(string name) => name switch
    {
        "functions" or "function_call" => "Use tools and tool_choice.",
        "logprobs" => "Leave it out.",
        _ => "Leave it out: a field that would be ignored is refused, so that no answer differs silently from what was asked.",
    };
}
