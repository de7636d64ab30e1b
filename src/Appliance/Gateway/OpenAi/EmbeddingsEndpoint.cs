using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;
using Jesus.Appliance.Pipeline;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary><c>POST /v1/embeddings</c> (OpenAI API reference, "Create embeddings").</summary>
internal sealed class EmbeddingsEndpoint(ModelCaller caller, ChatExchangePool pool, GatewayOptions limits, TimeProvider time)
    : PooledEndpoint(caller, pool, limits, time)
{
    protected override async ValueTask AnswerAsync(GatewayRequest request, ChatExchange exchange, ReadOnlyMemory<byte> body)
    {
        var call = exchange.Call;
        var failure = VectorRequestParser.ParseEmbeddings(body, call.Request, Limits, out var wishes);
        failure = failure.IsNone ? ModelCalls.Address(request, call, wishes.Model, Time) : failure;
        if (!failure.IsNone)
        {
            await ErrorReply.SendAsync(request, failure);
            return;
        }

        var sink = new VectorSink(call.Request.InputCount);
        var outcome = await Caller(call, sink, request.Aborted);
        if (!outcome.Succeeded)
        {
            await ModelCalls.FailAsync(request, call, outcome);
        }
        else if (sink.Missing >= 0)
        {
            await ErrorReply.SendAsync(request, VectorSink.Incomplete(sink.Missing));
        }
        else
        {
            Write(exchange.BeginAnswer(), call.Request.InputCount, sink, wishes, outcome);
            await SendAsync(request, exchange, outcome);
        }
    }

    private static void Write(Utf8JsonWriter json, int count, VectorSink vectors, in ChatWishes wishes, in Outcome outcome)
    {
        json.WriteStartObject();
        json.WriteString("object"u8, "list"u8);
        json.WriteStartArray("data"u8);
        for (var i = 0; i < count; i++)
        {
            json.WriteStartObject();
            json.WriteString("object"u8, "embedding"u8);
            json.WriteNumber("index"u8, i);
            WriteVector(json, vectors[i], wishes.Base64);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("model"u8, wishes.Model);
        json.WriteStartObject("usage"u8);
        json.WriteNumber("prompt_tokens"u8, outcome.Usage.InputTokens);
        json.WriteNumber("total_tokens"u8, outcome.Usage.InputTokens);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteVector(Utf8JsonWriter json, ReadOnlySpan<float> vector, bool base64)
    {
        if (!base64)
        {
            json.WriteStartArray("embedding"u8);
            foreach (var value in vector)
            {
                json.WriteNumberValue(value);
            }

            json.WriteEndArray();
            return;
        }

        var bytes = ArrayPool<byte>.Shared.Rent(vector.Length * sizeof(float));
        for (var i = 0; i < vector.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), vector[i]);
        }

        json.WriteBase64String("embedding"u8, bytes.AsSpan(0, vector.Length * sizeof(float)));
        ArrayPool<byte>.Shared.Return(bytes);
    }
}
