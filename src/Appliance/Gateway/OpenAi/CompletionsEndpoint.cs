using System.Runtime.CompilerServices;
using Jesus.Inference.Contract;
using Jesus.Transport.Pooling;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary><c>POST /v1/completions</c>: the prompt is continued as it stands, without a chat template.</summary>
internal sealed class CompletionsEndpoint(ModelCaller caller, ChatExchangePool pool, GatewayOptions limits, TimeProvider time)
    : PooledEndpoint(caller, pool, limits, time)
{
    protected override ValueTask AnswerAsync(GatewayRequest request, ChatExchange exchange, ReadOnlyMemory<byte> body)
    {
        var call = exchange.Call;
        var failure = CompletionRequestParser.Parse(body, call.Request, Limits, out var wishes);
        failure = failure.IsNone ? ModelCalls.Address(request, call, wishes.Model, Time) : failure;
        if (!failure.IsNone)
        {
            return new ValueTask(ErrorReply.SendAsync(request, failure));
        }

        var id = "cmpl-" + request.RequestId;
        return wishes.Stream ? StreamAsync(request, exchange, id, wishes) : WholeAsync(request, exchange, id, wishes);
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder))]
    private async ValueTask WholeAsync(GatewayRequest request, ChatExchange exchange, string id, ChatWishes wishes)
    {
        var sink = new CompletionSink(exchange.Collector, wishes.LogProbs);
        var outcome = await Caller(exchange.Call, sink, request.Aborted);
        if (!outcome.Succeeded)
        {
            await ModelCalls.FailAsync(request, exchange.Call, outcome);
            return;
        }

        var (json, answer) = (exchange.BeginAnswer(), exchange.Collector);
        CompletionWriter.WriteHead(json, id, Now(), wishes.Model);
        for (var i = 0; i < answer.ChoiceCount; i++)
        {
            var reason = answer.Choices[i].Reason;
            CompletionWriter.WriteChoice(json, i, answer.Choices[i].Text.WrittenSpan, sink.LogProbs(i), reason == FinishReason.None ? outcome.Reason : reason);
        }

        json.WriteEndArray();
        ChatJson.WriteUsage(json, outcome.Usage);
        json.WriteEndObject();
        await SendAsync(request, exchange, outcome);
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder))]
    private async ValueTask StreamAsync(GatewayRequest request, ChatExchange exchange, string id, ChatWishes wishes)
    {
        var stream = new CompletionStream(request, exchange.Call, exchange.Json, id, Now(), wishes);
        var outcome = await Caller(exchange.Call, stream, request.Aborted);
        if (outcome.Succeeded)
        {
            await stream.FinishAsync(outcome);
        }
        else if (stream.Begun)
        {
            await stream.FailAsync(ApiFailure.Of(outcome));
        }
        else
        {
            await ModelCalls.FailAsync(request, exchange.Call, outcome);
        }
    }
}
