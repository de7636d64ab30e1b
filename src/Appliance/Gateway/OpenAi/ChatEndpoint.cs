using System.Globalization;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Scheduler;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary><c>POST /v1/chat/completions</c>: parse, call the pipeline, write.</summary>
internal sealed class ChatEndpoint(ModelCaller caller, GatewayOptions limits, TimeProvider time)
{
    private readonly ChatExchangePool _pool = new();

    public async Task HandleAsync(GatewayRequest request)
    {
        var (body, failure) = await RequestBody.ReadAsync(request.Http, limits.MaxBodyBytes);
        if (!failure.IsNone)
        {
            await ErrorReply.SendAsync(request.Http, failure, request.RequestId);
            return;
        }

        var exchange = _pool.Rent();
        try
        {
            await AnswerAsync(request, exchange, body.Bytes);
        }
        finally
        {
            _pool.Return(exchange);
            body.Dispose();
        }
    }

    private async Task AnswerAsync(GatewayRequest request, ChatExchange exchange, ReadOnlyMemory<byte> body)
    {
        var call = exchange.Call;
        var failure = ChatRequestParser.Parse(body, call.Request, limits, out var wishes);
        if (!failure.IsNone)
        {
            await ErrorReply.SendAsync(request.Http, failure, request.RequestId);
            return;
        }

        Address(request, call, wishes);
        var id = "chatcmpl-" + request.RequestId;
        if (wishes.Stream)
        {
            await StreamAsync(request, exchange, id, wishes);
        }
        else
        {
            await WholeAsync(request, exchange, id, wishes);
        }
    }

    private void Address(GatewayRequest request, ModelCall call, in ChatWishes wishes)
    {
        call.Principal = request.Principal;
        call.Lane = Lane.Interactive;
        call.RouteName = wishes.Model;
        call.Api = "openai";
        RouteHeaders.Read(request.Http.Request, call, time);
        var text = call.Request.Text;
        var trace = request.Http.Request.Headers.TraceParent.ToString();
        call.Request.Ids = new CallIds(text.Copy(request.RequestId), text.Copy(trace), text.Copy(request.Principal.Id));
    }

    private async Task WholeAsync(GatewayRequest request, ChatExchange exchange, string id, ChatWishes wishes)
    {
        exchange.Collector.ParallelToolCalls = wishes.ParallelToolCalls;
        var outcome = await caller(exchange.Call, exchange.Collector, request.Aborted);
        RouteHeaders.Write(request.Http.Response, exchange.Call);
        if (!outcome.Succeeded)
        {
            await ErrorReply.SendAsync(request.Http, ApiFailure.Of(outcome), request.RequestId);
            return;
        }

        exchange.Collector.Write(exchange.Json, id, Now(), wishes, outcome);
        exchange.Json.Flush();
        SayWhoAnswered(request, outcome);
        await JsonReply.SendAsync(request.Http, 200, exchange.Answer.WrittenMemory);
    }

    private async Task StreamAsync(GatewayRequest request, ChatExchange exchange, string id, ChatWishes wishes)
    {
        var stream = exchange.Stream;
        stream.Begin(request.Http.Response, exchange.Call, id, Now(), wishes, request.Aborted);
        var outcome = await caller(exchange.Call, stream, request.Aborted);
        RouteHeaders.Write(request.Http.Response, exchange.Call);
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
            await ErrorReply.SendAsync(request.Http, ApiFailure.Of(outcome), request.RequestId);
        }
    }

    private static void SayWhoAnswered(GatewayRequest request, in Outcome outcome)
    {
        var headers = request.Http.Response.Headers;
        headers["x-jesus-candidate"] = outcome.Candidate;
        if (outcome.CostMicroUsd != 0)
        {
            headers["x-jesus-cost-usd"] = (outcome.CostMicroUsd / 1_000_000m).ToString(CultureInfo.InvariantCulture);
        }
    }

    private long Now() => time.GetUtcNow().ToUnixTimeSeconds();
}
