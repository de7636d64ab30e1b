namespace Jesus.Appliance.Gateway.Anthropic.Batches;

/// <summary><c>/v1/messages/batches</c> and what is below (Anthropic API reference, "Message Batches").</summary>
internal sealed class BatchEndpoints(MessageBatches batches, GatewayOptions limits, TimeProvider time)
{
    public const string Path = "/v1/messages/batches";

    private const int ListMax = 1000;

    /// <param name="tail">What follows <see cref="Path"/>: empty, or <c>/ID</c> and maybe <c>/cancel</c> or <c>/results</c>.</param>
    /// <returns>Null when there is nothing at the path.</returns>
    public Task? Route(GatewayRequest request, string tail)
    {
        var method = request.Http.Request.Method;
        if (tail.Length == 0)
        {
            return method switch
            {
                "POST" => CreateAsync(request),
                "GET" => ListAsync(request),
                _ => GatewayApp.WrongMethod(request, "GET, POST"),
            };
        }

        var parts = tail[1..].Split('/');
        return (method, parts.Length, parts.Length == 2 ? parts[1] : "") switch
        {
            ("GET", 1, _) => OnAsync(request, parts[0], SendAsync),
            ("DELETE", 1, _) => OnAsync(request, parts[0], DeleteAsync),
            ("POST", 2, "cancel") => OnAsync(request, parts[0], CancelAsync),
            ("GET", 2, "results") => OnAsync(request, parts[0], ResultsAsync),
            (_, 1, _) => GatewayApp.WrongMethod(request, "GET, DELETE"),
            (_, 2, "cancel") => GatewayApp.WrongMethod(request, "POST"),
            (_, 2, "results") => GatewayApp.WrongMethod(request, "GET"),
            _ => null,
        };
    }

    private async Task CreateAsync(GatewayRequest request)
    {
        var (body, failure) = await RequestBody.ReadAsync(request.Http, limits.MaxBodyBytes);
        failure = failure.IsNone ? RouteHeaders.Refuse(request.Http.Request, "message batches") : failure;
        if (!failure.IsNone)
        {
            body.Dispose();
            await FailAsync(request, failure);
            return;
        }

        using (body)
        {
            (var batch, failure) = await batches.CreateAsync(body.Bytes, request.Principal, request.Aborted);
            await (batch is not null ? SendAsync(request, batch) : FailAsync(request, failure));
        }
    }

    private async Task ListAsync(GatewayRequest request)
    {
        var (query, failure) = PageQuery.Read(request.Http.Request.Query, ListMax);
        if (!failure.IsNone)
        {
            await FailAsync(request, failure);
            return;
        }

        var page = await batches.ListAsync(query, request.Principal, request.Aborted);
        await JsonReply.SendAsync(request.Http, 200, json =>
        {
            json.WriteStartArray("data"u8);
            foreach (var batch in page.Items)
            {
                json.WriteStartObject();
                batch.Write(json, ResultsUrl(request, batch), time.GetUtcNow());
                json.WriteEndObject();
            }

            json.WriteEndArray();
            page.WriteEnds(json, static batch => batch.Id);
        });
    }

    private async Task OnAsync(GatewayRequest request, string id, Func<GatewayRequest, BatchView, Task> act)
    {
        var batch = await batches.GetAsync(id, request.Principal, request.Aborted);
        await (batch is not null ? act(request, batch) : FailAsync(request, ApiFailure.NotFound("batch_not_found", $"There is no message batch '{id}'.")));
    }

    private Task SendAsync(GatewayRequest request, BatchView batch) =>
        JsonReply.SendAsync(request.Http, 200, json => batch.Write(json, ResultsUrl(request, batch), time.GetUtcNow()));

    private async Task CancelAsync(GatewayRequest request, BatchView batch)
    {
        var (after, failure) = await batches.CancelAsync(batch, request.Principal, request.Aborted);
        await (failure.IsNone ? SendAsync(request, after ?? batch) : FailAsync(request, failure));
    }

    private async Task DeleteAsync(GatewayRequest request, BatchView batch)
    {
        if (!batch.HasEnded)
        {
            await FailAsync(request, ApiFailure.Invalid("invalid_request", $"'{batch.Id}' is still processing: cancel it first, and delete it when it has ended."));
            return;
        }

        await batches.DeleteAsync(batch, request.Principal);
        await JsonReply.SendAsync(request.Http, 200, json =>
        {
            json.WriteString("id"u8, batch.Id);
            json.WriteString("type"u8, "message_batch_deleted"u8);
        });
    }

    /// <summary>As lines of JSON, one at a time: the whole is never in memory.</summary>
    private async Task ResultsAsync(GatewayRequest request, BatchView batch)
    {
        if (!batch.HasEnded || time.GetUtcNow() >= batch.ArchivedAt)
        {
            await FailAsync(request, ApiFailure.NotFound("no_results", batch.HasEnded
                ? $"The results of '{batch.Id}' are no longer kept: {BatchWorkflow.ResultsKept.TotalDays} days have passed."
                : $"'{batch.Id}' has no results before it has ended."));
            return;
        }

        var response = request.Http.Response;
        response.StatusCode = 200;
        response.ContentType = "application/x-jsonl";
        foreach (var line in await batches.ResultsAsync(batch, request.Principal, request.Aborted))
        {
            _ = await response.BodyWriter.WriteAsync(line, request.Aborted);
        }
    }

    private static string ResultsUrl(GatewayRequest request, BatchView batch) =>
        $"{request.Http.Request.Scheme}://{request.Http.Request.Host}{Path}/{batch.Id}/results";

    private static Task FailAsync(GatewayRequest request, ApiFailure failure) => ErrorReply.SendAsync(request.Http, failure, request.RequestId);
}
