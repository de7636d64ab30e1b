using System.Buffers;
using System.Text.Json;
using Jesus.Appliance.Responses;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.OpenAi.Responses;

/// <summary>The responses that a request continues with <c>previous_response_id</c>, from the oldest on: its conversation so far.</summary>
internal sealed class EarlierTurns
{
    private readonly List<StoredResponse> _chain = [];

    public static EarlierTurns None { get; } = new();

    private EarlierTurns()
    {
    }

    /// <summary>Follows the chain back to its beginning. Only the owner's own responses can be continued.</summary>
    /// <param name="bytesMax">Of all that was kept together.</param>
    public static (EarlierTurns Turns, ApiFailure Failure) Load(ResponseStore store, string id, string owner, long bytesMax)
    {
        var turns = new EarlierTurns();
        var bytes = 0L;
        for (var next = id; next.Length > 0;)
        {
            if (store.Find(next, owner) is not { } found)
            {
                return (None, NotFound(id, next));
            }

            if (!found.Ended || !IsWhole(found))
            {
                return (None, ApiFailure.Invalid("invalid_parameter",
                    $"The response '{next}' is not complete, so it cannot be continued. Wait for it, or continue the one before.", "previous_response_id"));
            }

            bytes += found.Input.Length + found.Response.Length;
            if (bytes > bytesMax)
            {
                return (None, ApiFailure.Invalid("context_length_exceeded",
                    $"The conversation behind '{id}' is larger than {bytesMax} bytes (listen.maxBodyBytes). Begin a new one with a summary of it.", "previous_response_id"));
            }

            turns._chain.Add(found);
            next = found.Previous;
        }

        turns._chain.Reverse();
        return (turns, default);
    }

    /// <summary>Adds the turns to the request, which from then on points into what was loaded.</summary>
    public ApiFailure Read(ModelRequest request, GatewayOptions limits)
    {
        foreach (var item in _chain)
        {
            var failure = ResponseItems.Read(item.Input, request, limits, isOurs: true);
            failure = failure.IsNone ? ResponseItems.Read(OutputOf(item), request, limits, isOurs: true) : failure;
            if (!failure.IsNone)
            {
                return failure;
            }
        }

        return default;
    }

    /// <summary>
    /// The caller's body with the whole conversation as its input and without <c>previous_response_id</c>: a provider may not know that id, and must
    /// not look for it among what it kept for others. Everything else stays as it was written.
    /// </summary>
    public ReadOnlyMemory<byte> Expand(ReadOnlyMemory<byte> body, ReadOnlySpan<byte> input)
    {
        var buffer = new ArrayBufferWriter<byte>(body.Length + 1024);
        using var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true, Encoder = JsonReply.Options.Encoder });
        json.WriteStartObject();
        var reader = new Utf8JsonReader(body.Span);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isInput = reader.ValueTextEquals("input"u8);
            var isPrevious = reader.ValueTextEquals("previous_response_id"u8);
            var name = reader.GetString()!;
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            if (!isPrevious)
            {
                json.WritePropertyName(name);
                if (isInput)
                {
                    WriteInput(json, input);
                }
                else
                {
                    json.WriteRawValue(body.Span[start..(int)reader.BytesConsumed], skipInputValidation: true);
                }
            }
        }

        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }

    private void WriteInput(Utf8JsonWriter json, ReadOnlySpan<byte> input)
    {
        json.WriteStartArray();
        foreach (var item in _chain)
        {
            StoredItems.WriteWithoutIds(json, item.Input.Span);
            StoredItems.WriteWithoutIds(json, OutputOf(item).Span);
        }

        StoredItems.WriteAll(json, input);
        json.WriteEndArray();
    }

    private static bool IsWhole(StoredResponse item)
    {
        var status = StoredItems.Property(item.Response, "status"u8).Span;
        return status.SequenceEqual("\"completed\""u8) || status.SequenceEqual("\"incomplete\""u8);
    }

    private static ReadOnlyMemory<byte> OutputOf(StoredResponse item)
    {
        var output = StoredItems.Property(item.Response, "output"u8);
        return output.IsEmpty ? "[]"u8.ToArray() : output;
    }

    private static ApiFailure NotFound(string asked, string missing) => new(
        404, ApiFailure.InvalidRequest, "previous_response_not_found",
        asked == missing
            ? $"Previous response with id '{asked}' not found: it was not kept (store), was deleted, is older than the retention, or belongs to somebody else."
            : $"Previous response with id '{asked}' cannot be continued: '{missing}', which it continues, was deleted or is older than the retention.",
        "previous_response_id");
}
