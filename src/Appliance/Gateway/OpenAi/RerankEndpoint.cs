using System.Text.Json;
using Jesus.Appliance.Pipeline;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary><c>POST /v1/rerank</c>, in the shape that Jina's and Cohere's APIs and the servers of open models share.</summary>
internal sealed class RerankEndpoint(ModelCaller caller, ChatExchangePool pool, GatewayOptions limits, TimeProvider time)
    : PooledEndpoint(caller, pool, limits, time)
{
    protected override async ValueTask AnswerAsync(GatewayRequest request, ChatExchange exchange, ReadOnlyMemory<byte> body)
    {
        var call = exchange.Call;
        var failure = VectorRequestParser.ParseRerank(body, call.Request, Limits, out var wishes);
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
            Write(exchange.BeginAnswer(), "rerank-" + request.RequestId, call.Request, sink, wishes, outcome);
            await SendAsync(request, exchange, outcome);
        }
    }

    private static void Write(Utf8JsonWriter json, string id, ModelRequest request, VectorSink scores, in ChatWishes wishes, in Outcome outcome)
    {
        var order = new int[request.Inputs.Count];
        for (var i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        Array.Sort(order, (a, b) => scores[a][0] == scores[b][0] ? a.CompareTo(b) : scores[b][0].CompareTo(scores[a][0]));
        json.WriteStartObject();
        json.WriteString("id"u8, id);
        json.WriteString("model"u8, wishes.Model);
        json.WriteStartArray("results"u8);
        foreach (var index in order.AsSpan(0, wishes.TopN == 0 ? order.Length : Math.Min(wishes.TopN, order.Length)))
        {
            json.WriteStartObject();
            json.WriteNumber("index"u8, index);
            json.WriteNumber("relevance_score"u8, scores[index][0]);
            if (wishes.ReturnDocuments)
            {
                json.WriteStartObject("document"u8);
                json.WriteString("text"u8, request.Inputs[index].Span);
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartObject("usage"u8);
        json.WriteNumber("prompt_tokens"u8, outcome.Usage.InputTokens);
        json.WriteNumber("total_tokens"u8, outcome.Usage.InputTokens);
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
