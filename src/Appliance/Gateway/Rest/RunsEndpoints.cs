using System.Globalization;
using System.Text.Json;
using Jesus.Appliance.Runner;
using Jesus.Appliance.Runner.Views;
using Microsoft.AspNetCore.Http.Features;

namespace Jesus.Appliance.Gateway.Rest;

/// <summary><c>/api/v1/runs</c>: parse, call the runner, write.</summary>
internal sealed class RunsEndpoints(IRunService runs, GatewayOptions limits, TimeProvider time)
{
    private int _streams;

    public async Task SubmitAsync(GatewayRequest request)
    {
        var (body, failure) = await RequestBody.ReadAsync(request.Http, limits.MaxBodyBytes);
        using var owned = body;
        var submission = default(RunSubmission);
        if (failure.IsNone)
        {
            (submission, failure) = RunSubmissionReader.Read(body.Bytes);
        }

        if (submission is null)
        {
            await ErrorReply.SendAsync(request.Http, failure, request.RequestId);
            return;
        }

        var result = await runs.SubmitAsync(submission, request.Principal, request.Aborted);
        if (result.Accepted)
        {
            request.Http.Response.Headers.Location = "/api/v1/runs/" + result.RunId;
            await JsonReply.SendAsync(request.Http, 202, json => json.WriteString("id"u8, result.RunId));
        }
        else
        {
            await RefuseAsync(request, result);
        }
    }

    public async Task ListAsync(GatewayRequest request)
    {
        var query = request.Http.Request.Query;
        RunStateName? state = null;
        if (query.TryGetValue("state", out var wanted))
        {
            if (!Enum.TryParse<RunStateName>(wanted, ignoreCase: true, out var parsed))
            {
                await FailAsync(request, ApiFailure.Invalid("invalid_value",
                    $"'state' is '{wanted}'; queued, running, waiting, succeeded, failed or cancelled is allowed.", "state"));
                return;
            }

            state = parsed;
        }

        var limit = int.TryParse(query["limit"], NumberStyles.None, CultureInfo.InvariantCulture, out var given) ? Math.Clamp(given, 1, 200) : 50;
        var page = await runs.ListAsync(new RunFilter(state, query["workflow"].ToString(), query["before"].ToString(), limit), request.Principal, request.Aborted);
        await JsonReply.SendAsync(request.Http, 200, page, RunJson.Default.RunPage);
    }

    /// <summary><c>/api/v1/runs/{id}</c> and what lies below it.</summary>
    /// <param name="request">The request.</param>
    /// <param name="id">The run.</param>
    /// <param name="rest">The path after the id, without its first slash; empty for the run itself.</param>
    public Task HandleAsync(GatewayRequest request, string id, string rest)
    {
        var method = request.Http.Request.Method;
        return (method, rest) switch
        {
            ("GET", "") => GetAsync(request, id),
            ("GET", "events") => EventsAsync(request, id),
            ("GET", "explain") => ExplainAsync(request, id),
            ("GET", "artifacts") => ArtifactsAsync(request, id),
            ("GET", _) when rest.StartsWith("artifacts/", StringComparison.Ordinal) => ArtifactAsync(request, id, NameIn(request, "/artifacts/")),
            ("POST", "cancel") => ReplyAsync(request, id, runs.CancelAsync(id, request.Principal, request.Aborted)),
            ("POST", "retry") => ReplyAsync(request, id, runs.RetryAsync(id, request.Principal, request.Aborted)),
            ("POST", "approve") => ApproveAsync(request, id),
            (_, "signal" or "fork" or "replay") => FailAsync(request, ApiFailure.NotImplemented($"/api/v1/runs/{{id}}/{rest}")),
            (_, "" or "events" or "explain" or "artifacts" or "cancel" or "retry" or "approve") =>
                FailAsync(request, new ApiFailure(405, ApiFailure.InvalidRequest, "method_not_allowed", $"{method} is not possible here.")),
            _ => FailAsync(request, ApiFailure.NotFound("not_found", $"There is nothing at '{request.Http.Request.Path}'.")),
        };
    }

    /// <summary>An artifact's name may hold slashes, which Kestrel leaves escaped in its path: decoded here, once, from what the client sent.</summary>
    private static string NameIn(GatewayRequest request, string marker)
    {
        var target = request.Http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var path = target.Split('?', 2)[0];
        return Uri.UnescapeDataString(path[(path.IndexOf(marker, StringComparison.Ordinal) + marker.Length)..]);
    }

    private async Task GetAsync(GatewayRequest request, string id)
    {
        var run = await runs.GetAsync(id, request.Principal, request.Aborted);
        await (run is null ? NoSuchRun(request, id) : JsonReply.SendAsync(request.Http, 200, run, RunJson.Default.RunView));
    }

    private async Task ExplainAsync(GatewayRequest request, string id)
    {
        var why = await runs.ExplainAsync(id, request.Principal, request.Aborted);
        await (why is null ? NoSuchRun(request, id) : JsonReply.SendAsync(request.Http, 200, why, RunJson.Default.RunExplanation));
    }

    private async Task ArtifactsAsync(GatewayRequest request, string id)
    {
        var artifacts = await runs.ArtifactsAsync(id, request.Principal, request.Aborted);
        await (artifacts is null ? NoSuchRun(request, id) : JsonReply.SendAsync(request.Http, 200, artifacts, RunJson.Default.IReadOnlyListArtifactView));
    }

    private async Task ArtifactAsync(GatewayRequest request, string id, string name)
    {
        var content = await runs.OpenArtifactAsync(id, name, request.Principal, request.Aborted);
        if (content is null)
        {
            await FailAsync(request, ApiFailure.NotFound("artifact_not_found", $"Run '{id}' has no artifact '{name}'."));
            return;
        }

        var response = request.Http.Response;
        response.ContentType = content.Artifact.MediaType.Length > 0 ? content.Artifact.MediaType : "application/octet-stream";
        response.ContentLength = content.Bytes.Length;
        response.Headers.ETag = $"\"{content.Artifact.Sha256}\"";
        // What a run wrote is data: no browser shall run it as a page of this origin.
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers.ContentSecurityPolicy = "sandbox; default-src 'none'";
        _ = await response.BodyWriter.WriteAsync(content.Bytes, request.Aborted);
    }

    private async Task EventsAsync(GatewayRequest request, string id)
    {
        var http = request.Http;
        var after = http.Request.Headers["Last-Event-ID"].ToString() is { Length: > 0 } header ? header : http.Request.Query["after"].ToString();
        if (!long.TryParse(after.Length == 0 ? "0" : after, NumberStyles.None, CultureInfo.InvariantCulture, out var sequence))
        {
            await FailAsync(request, ApiFailure.Invalid("invalid_value", $"'Last-Event-ID' is '{after}'; a sequence number is wanted.", "Last-Event-ID"));
            return;
        }

        if (Interlocked.Increment(ref _streams) > limits.MaxEventStreams)
        {
            Interlocked.Decrement(ref _streams);
            await FailAsync(request, new ApiFailure(503, "server_error", "too_many_streams",
                $"{limits.MaxEventStreams} event streams are open already (listen.maxEventStreams). Close one, or poll the run.", null, TimeSpan.FromSeconds(5)));
            return;
        }

        try
        {
            var events = await runs.WatchAsync(id, sequence, request.Principal, request.Aborted);
            await (events is null ? NoSuchRun(request, id)
                : RunEvents.WriteAsync(http, events, TimeSpan.FromSeconds(limits.HeartbeatSeconds), time, request.Aborted));
        }
        finally
        {
            Interlocked.Decrement(ref _streams);
        }
    }

    /// <summary>Body: <c>{"step"?: PATH, "approved"?: true, "note"?: TEXT}</c>; an empty body approves the one step that waits.</summary>
    private async Task ApproveAsync(GatewayRequest request, string id)
    {
        var (body, failure) = await RequestBody.ReadAsync(request.Http, 64 * 1024);
        using var owned = body;
        var (step, approved, note) = ("", true, "");
        if (failure.IsNone && body.Bytes.Length > 0)
        {
            (step, approved, note, failure) = ReadApproval(body.Bytes);
        }

        await (failure.IsNone ? ReplyAsync(request, id, runs.ApproveAsync(id, step, approved, note, request.Principal, request.Aborted)) : FailAsync(request, failure));
    }

    private static (string Step, bool Approved, string Note, ApiFailure Failure) ReadApproval(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            var root = document.RootElement;
            var step = root.TryGetProperty("step"u8, out var s) ? s.GetString() ?? "" : "";
            var approved = !root.TryGetProperty("approved"u8, out var a) || a.GetBoolean();
            var note = root.TryGetProperty("note"u8, out var n) ? n.GetString() ?? "" : "";
            return (step, approved, note, default);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return ("", false, "", ApiFailure.Invalid("invalid_json", "The body must be {\"step\"?: text, \"approved\"?: true or false, \"note\"?: text}."));
        }
    }

    private async Task ReplyAsync(GatewayRequest request, string id, ValueTask<RunReply> order)
    {
        var reply = await order;
        await (reply.Code switch
        {
            RunReplyCode.Done => JsonReply.SendAsync(request.Http, 200, reply.Run!, RunJson.Default.RunView),
            RunReplyCode.NotFound => NoSuchRun(request, id),
            RunReplyCode.NotAllowed => FailAsync(request, ApiFailure.Forbidden(reply.Message)),
            _ => FailAsync(request, new ApiFailure(409, ApiFailure.InvalidRequest, "wrong_state", reply.Message)),
        });
    }

    private static Task RefuseAsync(GatewayRequest request, SubmitResult result)
    {
        var http = request.Http;
        switch (result.Refusal)
        {
            case SubmitRefusal.NotAllowed:
                return FailAsync(request, ApiFailure.Forbidden(result.Message));
            case SubmitRefusal.Busy:
                return FailAsync(request, new ApiFailure(429, "rate_limit_error", "too_many_runs", result.Message, null, TimeSpan.FromSeconds(5)));
            case SubmitRefusal.Stopping:
                return FailAsync(request, new ApiFailure(503, "server_error", "draining", result.Message));
            case SubmitRefusal.NotFederated:
                return FailAsync(request, new ApiFailure(409, ApiFailure.InvalidRequest, "not_federated", result.Message, "anywhere"));
            case SubmitRefusal.Unreachable:
                return FailAsync(request, new ApiFailure(503, "server_error", "runs_unreachable", result.Message, null, TimeSpan.FromSeconds(5)));
            case SubmitRefusal.StoreFull:
                return FailAsync(request, new ApiFailure(507, "server_error", "store_full", result.Message));
            default:
                return JsonReply.SendAsync(http, 422, json =>
                {
                    json.WriteStartObject("error"u8);
                    json.WriteString("code"u8, "invalid_workflow"u8);
                    json.WriteString("message"u8, result.Message);
                    json.WriteString("request_id"u8, request.RequestId);
                    json.WritePropertyName("errors"u8);
                    JsonSerializer.Serialize(json, result.Errors, RunJson.Default.IReadOnlyListWorkflowError);
                    json.WriteEndObject();
                });
        }
    }

    private static Task NoSuchRun(GatewayRequest request, string id) =>
        FailAsync(request, ApiFailure.NotFound("run_not_found", $"There is no run '{id}' that you may see. GET /api/v1/runs lists yours."));

    private static Task FailAsync(GatewayRequest request, ApiFailure failure) => ErrorReply.SendAsync(request.Http, failure, request.RequestId);
}
