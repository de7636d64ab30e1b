using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;
using Jesus.Transport.Http;

namespace Jesus.Inference.Adapters.Shared.Chat;

/// <summary>Embeddings and reranking: one request, one JSON body back, one <see cref="EventKind.Vector"/> event for each input.</summary>
internal static class VectorCall
{
    /// <summary>An answer's body: 2,048 inputs (OpenAI's most) of 3,072 numbers in base64 are 33 MB.</summary>
    private const int AnswerBytesMax = 64 * 1024 * 1024;

    /// <summary>Inputs of one call: OpenAI takes 2,048.</summary>
    private const int InputsMax = 2_048;

    public static async ValueTask<CallResult> RunAsync(
        UpstreamClient client, ReadOnlyMemory<byte> path, ModelRequest request, AnswerExchange exchange, IAnswerSink sink, CancellationToken cancel)
    {
        var error = Check(request);
        error = error.IsNone ? Write(request, exchange.Body) : error;
        if (!error.IsNone)
        {
            return new CallResult { Error = error, Reason = FinishReason.Error };
        }

        exchange.WriteHeaders(request.Ids);
        var result = await client.SendAsync(exchange, path, cancel).ConfigureAwait(false);
        if (result.Response is null)
        {
            return Failed(request, client.Errors.Of(result.Error), charged: !UpstreamClient.NothingSent(result.Error));
        }

        using var response = result.Response;
        return response.Status == 200
            ? await ReadAsync(client, request, exchange, response, sink).ConfigureAwait(false)
            : await client.RefusedAsync(exchange, response).ConfigureAwait(false);
    }

    private static async ValueTask<CallResult> ReadAsync(UpstreamClient client, ModelRequest request, AnswerExchange exchange, HttpResponse response, IAnswerSink sink)
    {
        var fits = await exchange.ReadWholeAsync(response, AnswerBytesMax).ConfigureAwait(false);
        if (!response.Error.IsNone)
        {
            return Failed(request, client.Errors.Of(response.Error), charged: true);
        }

        using var answer = new VectorAnswer();
        var wrong = fits ? answer.Read(exchange.Whole.Span, request.Inputs.Count) : $"more than {AnswerBytesMax} bytes";
        if (wrong is not null)
        {
            var (code, message) = ErrorBody.Read(exchange.Whole.Span);
            return message.Length > 0
                ? Failed(request, client.Errors.BrokeOff(code, message), charged: false)
                : Failed(request, client.Errors.NotAnAnswer(wrong, exchange.Whole.Span), charged: true);
        }

        for (var i = 0; i < answer.Count; i++)
        {
            await sink.WriteAsync(answer.EventAt(i)).ConfigureAwait(false);
        }

        return new CallResult
        {
            Reason = FinishReason.Stop,
            Usage = answer.Usage ?? Bound(request),
            Quality = answer.Usage is null ? UsageQuality.Estimated : UsageQuality.Exact,
        };
    }

    private static ModelError Check(ModelRequest request)
    {
        if (request.PromptLengths.Count > 0)
        {
            return new ModelError(ErrorCause.UnsupportedField, "Token ids are for the box's own models: providers count with tokenizers of their own. Send text.", "input");
        }

        if (request.Inputs.Count is 0 or > InputsMax)
        {
            return new ModelError(ErrorCause.Refused, $"There must be 1 to {InputsMax} inputs, not {request.Inputs.Count}.", "input");
        }

        return request.Operation == ModelOperation.Rerank && Query(request).IsEmpty
            ? new ModelError(ErrorCause.Refused, "Reranking needs a query.", "query")
            : default;
    }

    private static ModelError Write(ModelRequest request, PooledBuffer body) => RequestWriter.Write(body, request, static (json, request) =>
    {
        json.WriteStartObject();
        json.WriteString("model"u8, request.Model.Span);
        if (request.Operation == ModelOperation.Rerank)
        {
            json.WriteString("query"u8, Query(request).Span);
            RequestWriter.WriteTexts(json, "documents"u8, request.Inputs);
        }
        else
        {
            WriteEmbedding(json, request);
        }

        json.WriteEndObject();
    });

    private static void WriteEmbedding(Utf8JsonWriter json, ModelRequest request)
    {
        RequestWriter.WriteTexts(json, "input"u8, request.Inputs);

        // A quarter of the bytes that decimal digits take.
        json.WriteString("encoding_format"u8, "base64"u8);
        if (request.EmbedDimensions > 0)
        {
            json.WriteNumber("dimensions"u8, request.EmbedDimensions);
        }

        if (!request.EndUser.IsEmpty)
        {
            json.WriteString("user"u8, request.EndUser.Span);
        }
    }

    private static Utf8Slice Query(ModelRequest request) => request.Turns.Count == 1 && request.Turns[0].PartCount > 0 ? request.Turns.PartsOf(0)[0].Text : default;

    private static Usage Bound(ModelRequest request) => new() { InputTokens = UpstreamBound.Tokens(request) };

    private static CallResult Failed(ModelRequest request, ModelError error, bool charged) => new()
    {
        Error = error,
        Reason = FinishReason.Error,
        Usage = charged ? Bound(request) : default,
        Quality = charged ? UsageQuality.Estimated : UsageQuality.Exact,
    };
}
