using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Runner;
using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Tools;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.Anthropic.Batches;

/// <summary>
/// <c>messages.create {body, expires, request}</c>: answers one request of a batch through the pipeline, in the batch lane and on the caller's budget. Answers
/// <c>{type, sha256}</c> with the message in the artifact store, or <c>{type, error}</c>. A request that was sent to a model when the box died is not sent again:
/// its result says so, and counts the most it can have cost. One that still waited for its turn is answered after the restart as if nothing had been.
/// </summary>
public sealed class BatchTool(ModelCaller caller, IRunBlobs blobs, GatewayOptions limits, TimeProvider time) : ITool
{
    /// <summary>Characters of an error in a result: a sentence or two.</summary>
    private const int MessageMax = 2_000;

    private readonly MessageExchangePool _pool = new();
    private readonly BatchBodies _bodies = new(blobs);

    public ToolDescription Description { get; } = new(
        "messages.create",
        "Answers one request of a message batch.",
        Parse("""
            {"type":"object","required":["body","expires","request"],"properties":{"body":{"type":"string"},"expires":{"type":"integer"},
            "request":{"type":"object","required":["id","at","bytes"],"properties":{"id":{"type":"string"},"at":{"type":"integer"},"bytes":{"type":"integer"}}}}}
            """u8),
        Parse("""{"type":"object","properties":{"type":{"type":"string"},"sha256":{"type":"string"}}}"""u8),
        ToolPurity.Paid);

    public async ValueTask<ToolResult> CallAsync(JsonElement arguments, ToolContext context, CancellationToken cancel)
    {
        var request = arguments.GetProperty("request"u8);
        var body = _bodies.Read(
            arguments.GetProperty("body"u8).GetString()!, context.Principal.User, request.GetProperty("at"u8).GetInt64(), request.GetProperty("bytes"u8).GetInt64());
        if (body.IsEmpty)
        {
            return Error(new ApiFailure(500, "api_error", "lost", "The request is no longer in the artifact store."), default);
        }

        var left = DateTimeOffset.FromUnixTimeMilliseconds(arguments.GetProperty("expires"u8).GetInt64()) - time.GetUtcNow();
        if (left <= TimeSpan.Zero)
        {
            return Expired(default);
        }

        using var limit = new CancellationTokenSource(left, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancel, limit.Token);
        var result = await AnswerAsync(body, context, both.Token);
        return result.WasStopped && !cancel.IsCancellationRequested ? Expired(result.Spent) : result;
    }

    public ToolResult Lost(JsonElement arguments, in ToolSpending atMost)
    {
        var cost = (atMost.CostMicroUsd / 1e6m).ToString("0.######", CultureInfo.InvariantCulture);
        var message = $"The box died while this request was being answered. It may have been charged, ${cost} at most (estimated), so it is not asked again by itself; "
            + "send it again if you still want the answer.";
        return Error(new ApiFailure(500, "api_error", "interrupted", message), atMost);
    }

    private async ValueTask<ToolResult> AnswerAsync(ReadOnlyMemory<byte> body, ToolContext context, CancellationToken cancel)
    {
        var exchange = _pool.Rent();
        try
        {
            var failure = MessagesParser.Parse(body, exchange.Call.Request, limits, counts: false, out var wishes);
            if (failure.IsNone && wishes.Stream)
            {
                failure = ApiFailure.Invalid("invalid_request", "stream: is not allowed in a batch.", "stream");
            }

            if (!failure.IsNone)
            {
                return Error(failure, default);
            }

            Address(exchange, context, wishes);
            var outcome = await caller(exchange.Call, exchange.Collector, cancel);
            var spent = new ToolSpending(
                outcome.Usage.InputTokens, outcome.Usage.OutputTokens, outcome.CostMicroUsd, outcome.Quality == UsageQuality.Estimated);
            if (outcome.Error.Cause == ErrorCause.Cancelled && cancel.IsCancellationRequested)
            {
                return ToolResult.Stopped(spent);
            }

            failure = outcome.Succeeded ? default : ApiFailure.Of(outcome);
            return failure.IsNone ? Keep(exchange, wishes.Model, outcome, spent)
                : failure.ShouldRetry && !context.IsLastAttempt ? ToolResult.Failed(failure.Message) with { Spent = spent, RetryAfter = failure.RetryAfter }
                : Error(failure, spent);
        }
        finally
        {
            _pool.Return(exchange);
        }
    }

    private static void Address(MessageExchange exchange, ToolContext context, in MessageWishes wishes)
    {
        var call = exchange.Call;
        call.Principal = context.Principal;
        call.Lane = Lane.Batch;
        call.RouteName = wishes.Model;
        call.RunId = context.RunId;
        call.Api = "anthropic";
        call.BeforeAttempt = context.Announce is { } announce ? most => announce(new ToolSpending(most.InputTokens, most.OutputTokens, most.MicroUsd)) : null;
        call.Pauses = context.Pauses ?? call.Pauses;
        var text = call.Request.Text;
        call.Request.Ids = new CallIds(text.Copy(context.RunId), default, text.Copy(context.Principal.Id));
        exchange.Collector.ParallelToolCalls = call.Request.ParallelToolCalls != false;
    }

    private ToolResult Keep(MessageExchange exchange, string model, in Outcome outcome, ToolSpending spent)
    {
        if (exchange.Collector.Wire.IsEmpty)
        {
            exchange.Collector.Write(exchange.Json, RequestIds.New("msg_"), model, outcome);
            exchange.Json.Flush();
        }

        try
        {
            var message = exchange.Collector.Wire.IsEmpty ? exchange.Answer.WrittenMemory : exchange.Collector.Wire;
            var hash = blobs.Put(message.Span, "application/json");
            return Result("succeeded", json => json.WriteString("sha256"u8, hash), spent);
        }
        catch (IOException e)
        {
            return Error(new ApiFailure(500, "api_error", "store_full", $"The answer could not be kept: {e.Message}"), spent);
        }
    }

    private static ToolResult Expired(in ToolSpending spent) => Result("expired", null, spent);

    private static ToolResult Error(ApiFailure failure, ToolSpending spent)
    {
        var cut = failure.Message.Length > MessageMax ? failure with { Message = string.Concat(failure.Message.AsSpan(0, MessageMax), "...") } : failure;
        return Result("errored", json => AnthropicErrors.WriteError(json, cut), spent);
    }

    private static ToolResult Result(string type, Action<Utf8JsonWriter>? more, ToolSpending spent)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer, JsonReply.Options))
        {
            json.WriteStartObject();
            json.WriteString("type"u8, type);
            more?.Invoke(json);
            json.WriteEndObject();
        }

        return ToolResult.Of(Parse(buffer.WrittenSpan)) with { Spent = spent };
    }

    private static JsonElement Parse(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        return JsonElement.ParseValue(ref reader);
    }
}
