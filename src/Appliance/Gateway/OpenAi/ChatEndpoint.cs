using System.Runtime.CompilerServices;
using Jesus.Transport.Pooling;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary><c>POST /v1/chat/completions</c>: parse, call the pipeline, write.</summary>
internal sealed class ChatEndpoint(ModelCaller caller, ChatExchangePool pool, GatewayOptions limits, TimeProvider time)
    : PooledEndpoint(caller, pool, limits, time)
{
    protected override ValueTask AnswerAsync(GatewayRequest request, ChatExchange exchange, ReadOnlyMemory<byte> body)
    {
        var call = exchange.Call;
        var failure = ChatRequestParser.Parse(body, call.Request, Limits, out var wishes);
        failure = failure.IsNone ? ModelCalls.Address(request, call, wishes.Model, Time) : failure;
        if (!failure.IsNone)
        {
            return new ValueTask(ErrorReply.SendAsync(request, failure));
        }

        return wishes.Stream ? StreamAsync(request, exchange, wishes) : WholeAsync(request, exchange, wishes);
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder))]
    private async ValueTask WholeAsync(GatewayRequest request, ChatExchange exchange, ChatWishes wishes)
    {
        exchange.Collector.ParallelToolCalls = wishes.ParallelToolCalls;
        var outcome = await Caller(exchange.Call, exchange.Collector, request.Aborted);
        if (!outcome.Succeeded)
        {
            await ModelCalls.FailAsync(request, exchange.Call, outcome);
            return;
        }

        if (exchange.Collector.Wire.WrittenCount > 0)
        {
            ModelCalls.SayWhoAnswered(request, exchange.Call, outcome);
            await JsonReply.SendAsync(request.Http, 200, exchange.Collector.Wire.WrittenMemory);
            return;
        }

        exchange.Collector.Write(exchange.BeginAnswer(), IdOf(request), Now(), wishes, outcome);
        await SendAsync(request, exchange, outcome);
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder))]
    private async ValueTask StreamAsync(GatewayRequest request, ChatExchange exchange, ChatWishes wishes)
    {
        var stream = exchange.Stream;
        stream.Begin(request, exchange.Call, Now(), wishes);
        var outcome = await Caller(exchange.Call, stream, request.Aborted);
        if (outcome.Succeeded)
        {
            await stream.Finish(outcome);
        }
        else if (stream.Begun)
        {
            await stream.Fail(ApiFailure.Of(outcome));
        }
        else
        {
            await ModelCalls.FailAsync(request, exchange.Call, outcome);
        }
    }

    /// <summary>The answer's id, where it is ours to name: an answer passed on as it came keeps its provider's.</summary>
    internal static string IdOf(in GatewayRequest request) => "chatcmpl-" + request.RequestId;
}
