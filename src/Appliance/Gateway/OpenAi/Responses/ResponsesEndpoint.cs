using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Responses;
using Jesus.Appliance.Scheduler;
using Jesus.Inference.Contract;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Gateway.OpenAi.Responses;

/// <summary><c>POST /v1/responses</c>, <c>POST /v1/responses/input_tokens</c>, and by their ids the responses that were kept.</summary>
internal sealed class ResponsesEndpoint
{
    private readonly ModelCaller _caller;
    private readonly ResponseStore _store;
    private readonly GatewayOptions _limits;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ResponseExchangePool _pool = new();
    private readonly BackgroundResponses _background;
    private readonly KeptResponses _kept;

    public ResponsesEndpoint(GatewayParts parts, ILogger log)
    {
        (_caller, _store, _limits, _time, _log) = (parts.Models, parts.Responses, parts.Options, parts.Time, log);
        _background = new BackgroundResponses(_caller, _store, _pool, _time, log);
        _kept = new KeptResponses(_store, _background, _limits);
    }

    /// <param name="tail">What stands behind <c>/v1/responses/</c>; empty for the collection itself.</param>
    public Task HandleAsync(GatewayRequest request, string tail)
    {
        var slash = tail.IndexOf('/', StringComparison.Ordinal);
        var (id, rest) = slash < 0 ? (tail, "") : (tail[..slash], tail[(slash + 1)..]);
        return (request.Http.Request.Method, id, rest) switch
        {
            ("POST", "", "") => BodyAsync(request, CreateAsync),
            ("POST", "input_tokens", "") => BodyAsync(request, CountAsync),
            (_, "" or "input_tokens", "") => WrongMethod(request, "POST"),
            ("GET", _, "") => _kept.GetAsync(request, id),
            ("DELETE", _, "") => _kept.DeleteAsync(request, id),
            (_, _, "") => WrongMethod(request, "GET, DELETE"),
            ("POST", _, "cancel") => _kept.CancelAsync(request, id),
            (_, _, "cancel") => WrongMethod(request, "POST"),
            ("GET", _, "input_items") => _kept.InputItemsAsync(request, id),
            (_, _, "input_items") => WrongMethod(request, "GET"),
            _ => ErrorReply.SendAsync(request, ApiFailure.NotFound("not_found", $"There is nothing at /v1/responses/{tail}.")),
        };
    }

    /// <summary>Responses in the background end, or are kept as failed.</summary>
    public Task StopAsync(CancellationToken deadline) => _background.StopAsync(deadline);

    private static Task WrongMethod(in GatewayRequest request, string allowed)
    {
        request.Http.Response.Headers.Allow = allowed;
        return ErrorReply.SendAsync(request, new ApiFailure(405, ApiFailure.InvalidRequest, "method_not_allowed", $"Use {allowed} here."));
    }

    private async Task BodyAsync(GatewayRequest request, Func<GatewayRequest, ResponseExchange, ReadOnlyMemory<byte>, Task<bool>> handle)
    {
        var (body, failure) = await RequestBody.ReadAsync(request.Http, _limits.MaxBodyBytes);
        if (!failure.IsNone)
        {
            await ErrorReply.SendAsync(request, failure);
            return;
        }

        var exchange = _pool.Rent();
        var goesOn = false;
        try
        {
            goesOn = await handle(request, exchange, body.Bytes);
        }
        finally
        {
            if (!goesOn)
            {
                _pool.Return(exchange);
            }

            body.Dispose();
        }
    }

    /// <returns>True when the exchange is used on in the background.</returns>
    private async Task<bool> CreateAsync(GatewayRequest request, ResponseExchange exchange, ReadOnlyMemory<byte> body)
    {
        var failure = Read(request, exchange, body);
        if (failure.IsNone && exchange.Wishes.Background)
        {
            return await BackgroundAsync(request, exchange, body.ToArray());
        }

        if (!failure.IsNone)
        {
            await ErrorReply.SendAsync(request, failure);
            return false;
        }

        await AnswerAsync(request, exchange);
        return false;
    }

    /// <summary>Reads the request with the conversation behind it.</summary>
    private ApiFailure Read(in GatewayRequest request, ResponseExchange exchange, ReadOnlyMemory<byte> body)
    {
        var (call, wishes) = (exchange.Call, exchange.Wishes);
        var failure = ResponseRequestParser.Parse(body, call.Request, _limits, wishes);
        var earlier = EarlierTurns.None;
        if (failure.IsNone && wishes.PreviousResponseId.Length > 0)
        {
            (earlier, failure) = EarlierTurns.Load(_store, wishes.PreviousResponseId, request.Principal.Id, _limits.MaxBodyBytes);
        }

        failure = failure.IsNone ? ResponseRequestParser.ReadConversation(call.Request, _limits, wishes, earlier) : failure;
        if (!failure.IsNone)
        {
            return failure;
        }

        if (wishes.PreviousResponseId.Length > 0)
        {
            call.Request.Body = earlier.Expand(body, wishes.Input.IsEmpty ? "[]"u8 : wishes.Input.Span);
        }

        var wrong = ModelCalls.Address(request, call, wishes.Model, _time);
        call.Lane = wishes.Background ? Lane.Agent : Lane.Interactive;
        return wrong;
    }

    private async Task AnswerAsync(GatewayRequest request, ResponseExchange exchange)
    {
        var (call, wishes, answer, http) = (exchange.Call, exchange.Wishes, exchange.Answer, exchange.Http);
        var begun = new ResponseState(RequestIds.New("resp_"), Now(), ResponseStatus.InProgress);
        if (wishes.Stream)
        {
            http.Open(request, call);
        }

        answer.Open(begun, wishes, wishes.Stream ? http : null);
        var outcome = await _caller(call, answer, request.Aborted);
        if (!answer.Broken.IsNone)
        {
            outcome = outcome with { Error = answer.Broken };
        }

        if (!outcome.Succeeded)
        {
            await FailAsync(request, exchange, begun, outcome);
        }
        else if (answer.Wire.IsUsed)
        {
            await EndWireAsync(request, exchange, begun, outcome);
        }
        else
        {
            await EndAsync(request, exchange, begun, outcome);
        }
    }

    /// <summary>The answer is whole: it is kept before anything says so.</summary>
    private async Task EndAsync(GatewayRequest request, ResponseExchange exchange, ResponseState begun, Outcome outcome)
    {
        var (wishes, answer) = (exchange.Wishes, exchange.Answer);
        var state = begun with
        {
            Status = ResponseJson.StatusOf(outcome.Reason),
            Reason = outcome.Reason,
            Usage = outcome.Usage,
            CompletedUnixSeconds = Now(),
        };
        answer.Close();
        var final = exchange.Write(state);
        if (wishes.Store && !await KeepAsync(request, exchange, state.Id, state.CreatedUnixSeconds, final))
        {
            // Said in the answer itself: what it would be continued by is not there.
            wishes.Store = false;
            final = exchange.Write(state);
        }

        if (!wishes.Stream)
        {
            ModelCalls.SayWhoAnswered(request, exchange.Call, outcome);
            await JsonReply.SendAsync(request.Http, 200, final);
            return;
        }

        answer.Events.Terminal(state.Status, final.Span);
        await answer.Events.FlushAsync();
    }

    /// <summary>The provider's own answer goes out as it came; it is kept under the provider's id.</summary>
    private async Task EndWireAsync(GatewayRequest request, ResponseExchange exchange, ResponseState begun, Outcome outcome)
    {
        var wire = exchange.Answer.Wire;
        if (exchange.Wishes.Store && !wire.Response.IsEmpty && IdOf(wire.Response) is { Length: > 0 } id)
        {
            _ = await KeepAsync(request, exchange, id, begun.CreatedUnixSeconds, wire.Response);
        }

        if (!exchange.Wishes.Stream)
        {
            ModelCalls.SayWhoAnswered(request, exchange.Call, outcome);
            await JsonReply.SendAsync(request.Http, 200, wire.Body);
            return;
        }

        wire.Release(exchange.Http);
        await exchange.Http.FlushAsync();
    }

    /// <summary>Before anything was shown a plain error; after it, the stream ends with what says that the answer is not whole.</summary>
    private static async Task FailAsync(GatewayRequest request, ResponseExchange exchange, ResponseState begun, Outcome outcome)
    {
        var failure = ApiFailure.Of(outcome);
        var answer = exchange.Answer;
        if (!exchange.Http.Begun)
        {
            await ModelCalls.FailAsync(request, exchange.Call, outcome);
            return;
        }

        if (answer.Wire.IsUsed)
        {
            answer.Events.Error(failure, answer.Wire.Events);
        }
        else
        {
            var state = begun with { Status = ResponseStatus.Failed, Failure = failure, Usage = outcome.Usage };
            answer.Events.Terminal(state.Status, exchange.Write(state).Span);
        }

        await answer.Events.FlushAsync();
    }

    private async ValueTask<bool> KeepAsync(GatewayRequest request, ResponseExchange exchange, string id, long created, ReadOnlyMemory<byte> final)
    {
        var wishes = exchange.Wishes;
        var refusal = await _store.KeepAsync(new StoredResponse(
            id, request.Principal.Id, DateTimeOffset.FromUnixTimeSeconds(created), Background: false, Ended: true, wishes.PreviousResponseId, InputOf(wishes), final));
        if (refusal is not null)
        {
            _log.LogWarning("response {Id} of {RequestId} was not kept: {Reason}", id, request.RequestId, refusal);
        }

        return refusal is null;
    }

    private async Task<bool> BackgroundAsync(GatewayRequest request, ResponseExchange exchange, byte[] body)
    {
        // Again from bytes that outlive the exchange with the client.
        exchange.Reset();
        var failure = Read(request, exchange, body);
        failure = failure.IsNone ? RefuseVerbatim(exchange.Call.Request) : failure;
        BackgroundPlace? place = null;
        failure = failure.IsNone ? _background.Reserve(request.Principal.Id, exchange.Call.Request, out place) : failure;
        if (!failure.IsNone)
        {
            await ErrorReply.SendAsync(request, failure);
            return false;
        }

        // A provider would make it in its own background, under an id that came too late: the request is put into its terms instead.
        (exchange.Call.Request.Body, exchange.Call.Request.BodyShape) = (default, ApiShape.None);
        var state = new ResponseState(RequestIds.New("resp_"), Now(), ResponseStatus.Queued);
        var queued = exchange.Write(state).ToArray();
        var begun = new StoredResponse(state.Id, request.Principal.Id, DateTimeOffset.FromUnixTimeSeconds(state.CreatedUnixSeconds),
            Background: true, Ended: false, exchange.Wishes.PreviousResponseId, InputOf(exchange.Wishes), queued);
        var refusal = await ReservedAsync(begun, place!);
        if (refusal is not null)
        {
            await ErrorReply.SendAsync(request, new ApiFailure(507, "server_error", "storage_full", refusal));
            return false;
        }

        var stream = exchange.Wishes.Stream;
        var response = _background.Start(exchange, begun, place!);
        AnswerHeaders.WriteTime(request);
        await (stream ? _kept.FollowAsync(request, response, 0) : JsonReply.SendAsync(request.Http, 200, queued));
        return true;
    }

    private async ValueTask<string?> ReservedAsync(StoredResponse begun, BackgroundPlace place)
    {
        string? refusal = "";
        try
        {
            return refusal = await _store.KeepAsync(begun);
        }
        finally
        {
            if (refusal is not null)
            {
                _background.GiveBack(place);
            }
        }
    }

    private static ApiFailure RefuseVerbatim(ModelRequest request) => request.VerbatimOnly.Length == 0 ? default : ApiFailure.Invalid(
        "unsupported_parameter",
        $"'{request.VerbatimOnly}' cannot be honoured in the background: only a provider that is given the request as it is can, and that only while its caller waits."
        + " Leave it out, or leave 'background' out.", request.VerbatimOnly);

    private async Task<bool> CountAsync(GatewayRequest request, ResponseExchange exchange, ReadOnlyMemory<byte> body)
    {
        var failure = Read(request, exchange, body);
        if (!failure.IsNone)
        {
            await ErrorReply.SendAsync(request, failure);
            return false;
        }

        exchange.Call.Request.Operation = ModelOperation.CountTokens;
        exchange.Answer.Open(new ResponseState("", 0, ResponseStatus.InProgress), exchange.Wishes, null);
        var outcome = await _caller(exchange.Call, exchange.Answer, request.Aborted);
        AnswerHeaders.Write(request, exchange.Call);
        await (outcome.Succeeded
            ? JsonReply.SendAsync(request.Http, 200, json =>
            {
                json.WriteString("object"u8, "response.input_tokens"u8);
                json.WriteNumber("input_tokens"u8, outcome.Usage.InputTokens);
            })
            : ErrorReply.SendAsync(request, ApiFailure.Of(outcome)));
        return false;
    }

    private static ReadOnlyMemory<byte> InputOf(ResponseWishes wishes) => wishes.Input.IsEmpty ? "[]"u8.ToArray() : wishes.Input.Memory;

    private static string IdOf(ReadOnlyMemory<byte> response)
    {
        var raw = StoredItems.Property(response, "id"u8).Span;
        return raw.Length > 2 && raw[0] == '"' ? System.Text.Encoding.UTF8.GetString(raw[1..^1]) : "";
    }

    private long Now() => _time.GetUtcNow().ToUnixTimeSeconds();
}
