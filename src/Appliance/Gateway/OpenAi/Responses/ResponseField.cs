using System.Text.Json;

namespace Jesus.Appliance.Gateway.OpenAi.Responses;

/// <summary>The fields of a request to create a response, by what reads them.</summary>
internal enum ResponseField : byte
{
    Model,
    Input,
    Instructions,
    PreviousResponseId,
    Tools,
    ToolChoice,
    ParallelToolCalls,
    Text,
    Reasoning,
    Include,
    Temperature,
    TopP,
    TopLogProbs,
    MaxOutputTokens,
    Metadata,
    Truncation,
    User,
    SafetyIdentifier,
    Store,
    Background,
    Stream,
    StreamOptions,
    ServiceTier,
    Conversation,

    /// <summary>A label or a hint whose absence changes nothing of the answer: any value is taken.</summary>
    Label,

    /// <summary>Not known here: only a provider that is given the caller's own bytes may know it.</summary>
    Unknown,
}

internal static class ResponseFields
{
    private static readonly (byte[] Name, ResponseField Field)[] Known =
    [
        ("model"u8.ToArray(), ResponseField.Model),
        ("input"u8.ToArray(), ResponseField.Input),
        ("instructions"u8.ToArray(), ResponseField.Instructions),
        ("previous_response_id"u8.ToArray(), ResponseField.PreviousResponseId),
        ("tools"u8.ToArray(), ResponseField.Tools),
        ("tool_choice"u8.ToArray(), ResponseField.ToolChoice),
        ("parallel_tool_calls"u8.ToArray(), ResponseField.ParallelToolCalls),
        ("text"u8.ToArray(), ResponseField.Text),
        ("reasoning"u8.ToArray(), ResponseField.Reasoning),
        ("include"u8.ToArray(), ResponseField.Include),
        ("temperature"u8.ToArray(), ResponseField.Temperature),
        ("top_p"u8.ToArray(), ResponseField.TopP),
        ("top_logprobs"u8.ToArray(), ResponseField.TopLogProbs),
        ("max_output_tokens"u8.ToArray(), ResponseField.MaxOutputTokens),
        ("metadata"u8.ToArray(), ResponseField.Metadata),
        ("truncation"u8.ToArray(), ResponseField.Truncation),
        ("user"u8.ToArray(), ResponseField.User),
        ("safety_identifier"u8.ToArray(), ResponseField.SafetyIdentifier),
        ("store"u8.ToArray(), ResponseField.Store),
        ("background"u8.ToArray(), ResponseField.Background),
        ("stream"u8.ToArray(), ResponseField.Stream),
        ("stream_options"u8.ToArray(), ResponseField.StreamOptions),
        ("service_tier"u8.ToArray(), ResponseField.ServiceTier),
        ("conversation"u8.ToArray(), ResponseField.Conversation),
        ("prompt_cache_key"u8.ToArray(), ResponseField.Label),
        ("prompt_cache_retention"u8.ToArray(), ResponseField.Label),
    ];

    public static ResponseField Find(ref Utf8JsonReader reader)
    {
        foreach (var (name, field) in Known)
        {
            if (reader.ValueTextEquals(name))
            {
                return field;
            }
        }

        return ResponseField.Unknown;
    }
}
