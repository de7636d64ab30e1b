using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Scheduler;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.Anthropic;

/// <summary><c>POST /v1/messages</c> and <c>/v1/messages/count_tokens</c>: parse, call the pipeline, write.</summary>
internal sealed class MessagesEndpoint(ModelCaller caller, GatewayOptions limits, TimeProvider time)
{
    private readonly MessageExchangePool _pool = new();

    public Task CreateAsync(GatewayRequest request) => HandleAsync(request, counts: false);

    public Task CountTokensAsync(GatewayRequest request) => HandleAsync(request, counts: true);

    private async Task HandleAsync(GatewayRequest request, bool counts)
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
            await AnswerAsync(request, exchange, body.Bytes, counts);
        }
        finally
        {
            _pool.Return(exchange);
            body.Dispose();
        }
    }

    private async Task AnswerAsync(GatewayRequest request, MessageExchange exchange, ReadOnlyMemory<byte> body, bool counts)
    {
        var call = exchange.Call;
        ReadHeaders(request, call.Request);
        var failure = MessagesParser.Parse(body, call.Request, limits, counts, out var wishes);
        failure = failure.IsNone ? Address(request, call, wishes) : failure;
        if (!failure.IsNone)
        {
            await ErrorReply.SendAsync(request.Http, failure, request.RequestId);
            return;
        }

        if (counts)
        {
            await CountAsync(request, exchange);
        }
        else if (wishes.Stream)
        {
            await StreamAsync(request, exchange, wishes);
        }
        else
        {
            await WholeAsync(request, exchange, wishes);
        }
    }

    private static void ReadHeaders(GatewayRequest request, ModelRequest model)
    {
        model.BodyVersion = AnthropicHeaders.Version(request.Http.Request, model.Text);
        model.Betas = AnthropicHeaders.Betas(request.Http.Request, model.Text);
        if (!model.Betas.IsEmpty && AnthropicHeaders.FirstUnhonoured(request.Http.Request) is { Length: > 0 } beta)
        {
            model.VerbatimOnly = $"anthropic-beta ({beta})";
        }
    }

    private ApiFailure Address(GatewayRequest request, ModelCall call, in MessageWishes wishes)
    {
        call.Principal = request.Principal;
        call.Lane = Lane.Interactive;
        call.RouteName = wishes.Model;
        call.Api = "anthropic";
        var text = call.Request.Text;
        var trace = request.Http.Request.Headers.TraceParent.ToString();
        call.Request.Ids = new CallIds(text.Copy(request.RequestId), text.Copy(trace), text.Copy(request.Principal.Id));
        return RouteHeaders.Read(request.Http.Request, call, time);
    }

    private async Task WholeAsync(GatewayRequest request, MessageExchange exchange, MessageWishes wishes)
    {
        var collector = exchange.Collector;
        collector.ParallelToolCalls = exchange.Call.Request.ParallelToolCalls != false;
        var outcome = await caller(exchange.Call, collector, request.Aborted);
        SayHow(request, exchange.Call);
        if (!outcome.Succeeded)
        {
            await ErrorReply.SendAsync(request.Http, ApiFailure.Of(outcome), request.RequestId);
            return;
        }

        RouteHeaders.WriteCost(request.Http.Response, outcome);
        if (collector.Wire.IsEmpty)
        {
            collector.Write(exchange.Json, IdOf(request), wishes.Model, outcome);
            exchange.Json.Flush();
        }

        await JsonReply.SendAsync(request.Http, 200, collector.Wire.IsEmpty ? exchange.Answer.WrittenMemory : collector.Wire);
    }

    private async Task StreamAsync(GatewayRequest request, MessageExchange exchange, MessageWishes wishes)
    {
        var stream = exchange.Stream;
        stream.Begin(request, exchange.Call, IdOf(request), wishes.Model, time);
        var outcome = await caller(exchange.Call, stream, request.Aborted);
        if (outcome.Succeeded)
        {
            await stream.Finish(outcome);
        }
        else if (stream.Begun)
        {
            await stream.Fail(ApiFailure.Of(outcome), request.RequestId);
        }
        else
        {
            SayHow(request, exchange.Call);
            await ErrorReply.SendAsync(request.Http, ApiFailure.Of(outcome), request.RequestId);
        }
    }

    private async Task CountAsync(GatewayRequest request, MessageExchange exchange)
    {
        var outcome = await caller(exchange.Call, exchange.Collector, request.Aborted);
        SayHow(request, exchange.Call);
        if (!outcome.Succeeded)
        {
            await ErrorReply.SendAsync(request.Http, ApiFailure.Of(outcome), request.RequestId);
        }
        else if (!exchange.Collector.Wire.IsEmpty)
        {
            await JsonReply.SendAsync(request.Http, 200, exchange.Collector.Wire);
        }
        else
        {
            await JsonReply.SendAsync(request.Http, 200, json => json.WriteNumber("input_tokens"u8, outcome.Usage.InputTokens));
        }
    }

    private static string IdOf(GatewayRequest request) => "msg_" + request.RequestId["req_".Length..];

    private void SayHow(GatewayRequest request, ModelCall call)
    {
        AnthropicHeaders.SayLimits(request.Http.Response.Headers, call.RateLimits, time);
        RouteHeaders.Write(request.Http.Response, call);
    }
}
