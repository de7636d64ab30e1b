using System.Runtime.CompilerServices;
using Jesus.Appliance.Pipeline;
using Jesus.Transport.Pooling;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>An endpoint of one model call: reads the body, rents what the call needs, lets the endpoint answer, gives everything back.</summary>
internal abstract class PooledEndpoint(ModelCaller caller, ChatExchangePool pool, GatewayOptions limits, TimeProvider time)
{
    protected ModelCaller Caller { get; } = caller;
    protected GatewayOptions Limits { get; } = limits;
    protected TimeProvider Time { get; } = time;

    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder))]
    public async ValueTask HandleAsync(GatewayRequest request)
    {
        var (body, failure) = await RequestBody.ReadAsync(request.Http, Limits.MaxBodyBytes);
        if (!failure.IsNone)
        {
            await ErrorReply.SendAsync(request, failure);
            return;
        }

        var exchange = pool.Rent();
        try
        {
            await AnswerAsync(request, exchange, body.Bytes);
        }
        finally
        {
            pool.Return(exchange);
            body.Dispose();
        }
    }

    protected abstract ValueTask AnswerAsync(GatewayRequest request, ChatExchange exchange, ReadOnlyMemory<byte> body);

    protected long Now() => Time.GetUtcNow().ToUnixTimeSeconds();

    /// <summary>Sends what was written into the exchange.</summary>
    protected static Task SendAsync(in GatewayRequest request, ChatExchange exchange, in Outcome outcome)
    {
        exchange.Json.Flush();
        ModelCalls.SayWhoAnswered(request, exchange.Call, outcome);
        return JsonReply.SendAsync(request.Http, 200, exchange.Answer.WrittenMemory);
    }
}
