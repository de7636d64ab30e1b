using System.Diagnostics;
using System.Runtime.CompilerServices;
using Jesus.Appliance.Gateway.Anthropic;
using Jesus.Appliance.Gateway.OpenAi;
using Jesus.Appliance.Gateway.OpenAi.Responses;
using Jesus.Appliance.Gateway.Rest;
using Jesus.Appliance.Security;
using Jesus.Transport.Pooling;
using Jesus.Transport.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Gateway;

/// <summary>The HTTP door: finds the endpoint of a path, lets the doorkeeper say who asks, and answers every failure in the API's own shape.</summary>
public sealed class GatewayApp
{
    private const string RunsPath = "/api/v1/runs/";
    private const string ResponsesPath = "/v1/responses";

    /// <summary>Parsing, digests and a tokenizer's count of so much take about a millisecond.</summary>
    private const int QuickBodyMax = 32 * 1024;

    private readonly GatewayParts _parts;
    private readonly ILogger _log;
    private readonly OpenAiApi _openAi;
    private readonly ResponsesEndpoint _responses;
    private readonly AnthropicApi _anthropic;
    private readonly RunsEndpoints _runs;
    private readonly PlatformEndpoints _platform;
    private readonly HealthEndpoints _health;

    public GatewayApp(GatewayParts parts, ILogger log)
    {
        _parts = parts;
        _log = log;
        _openAi = new OpenAiApi(parts);
        _responses = new ResponsesEndpoint(parts, log);
        _anthropic = new AnthropicApi(parts);
        _runs = new RunsEndpoints(parts.Runs, parts.Options, parts.Time);
        _platform = new PlatformEndpoints(parts);
        _health = new HealthEndpoints(parts.Readiness, parts.Version);
    }

    /// <summary>Answers one request. Nothing escapes: what is no expected failure is logged with the request id and answered with 500.</summary>
    public Task HandleAsync(HttpContext http) => IsQuick(http.Request) ? AnswerAsync(http).AsTask() : AnswerAwayAsync(http);

    /// <summary>Short of what it calls, the request takes less than a millisecond and waits for no file: it may run where sockets are served.</summary>
    private static bool IsQuick(HttpRequest request) =>
        request.Path.Value is "/v1/chat/completions" or "/v1/messages" && request.ContentLength <= QuickBodyMax;

    /// <summary>Other connections do not wait for this one: it runs on the thread pool, and so does all that reads its body.</summary>
    private async Task AnswerAwayAsync(HttpContext http)
    {
        var place = http.Features.Get<ILoopPlace>();
        if (place is null)
        {
            await AnswerAsync(http);
            return;
        }

        place.AvoidsLoop = true;
        await LoopExit.Leave();
        try
        {
            await AnswerAsync(http);
        }
        finally
        {
            place.AvoidsLoop = false;
        }
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder))]
    private async ValueTask AnswerAsync(HttpContext http)
    {
        var path = http.Request.Path.Value ?? "/";
        var started = Stopwatch.GetTimestamp();
        var requestId = RequestIds.New("req_");
        http.Response.Headers[AnthropicApi.Speaks(http.Request) ? "request-id" : "x-request-id"] = requestId;
        try
        {
            await AnswerAsync(new GatewayRequest(http, Principal.System, requestId, started), path);
        }
        catch (Exception) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client left: nobody reads an answer, and the pipeline has recorded what was used.
        }
        catch (Exception e)
        {
            _log.LogError(e, "request {RequestId} {Method} {Path} failed", requestId, http.Request.Method, path);
            await BreakAsync(http, requestId);
        }
    }

    /// <summary>What goes on without a client ends, in time or not at all. Call once, when the daemon stops.</summary>
    public Task StopAsync(CancellationToken deadline) => _responses.StopAsync(deadline);

    /// <summary>An answer that has begun is cut, so that no client takes it for whole.</summary>
    private static Task BreakAsync(HttpContext http, string requestId)
    {
        if (http.Response.HasStarted)
        {
            http.Abort();
            return Task.CompletedTask;
        }

        return ErrorReply.SendAsync(http, new ApiFailure(500, "server_error", "internal_error", $"Something broke inside; the log names it under {requestId}."), requestId);
    }

    private ValueTask AnswerAsync(in GatewayRequest open, string path)
    {
        switch (path)
        {
            case "/healthz":
                return new ValueTask(HealthEndpoints.HealthAsync(open));
            case "/readyz":
                return new ValueTask(_health.ReadyAsync(open));
            case "/metrics":
                return new ValueTask(_platform.MetricsAsync(open));
            case "/":
                return new ValueTask(_health.HomeAsync(open));
            default:
                break;
        }

        var (principal, failure) = _parts.Doorkeeper.Admit(open.Http);
        if (principal is null)
        {
            if (failure.Status == 401)
            {
                open.Http.Response.Headers.WWWAuthenticate = "Bearer realm=\"jesus\"";
            }

            return new ValueTask(ErrorReply.SendAsync(open, failure));
        }

        var request = open with { Principal = principal };
        return OpenAiApi.IsPlainChat(request, path) && IsJson(request.Http.Request.ContentType) && !IsEncoded(request.Http)
            ? _openAi.ChatAsync(request)
            : new ValueTask(RouteAsync(request, path));
    }

    private Task RouteAsync(GatewayRequest request, string path)
    {
        if (OpenAiApi.Refuse(request, path) is { } refused)
        {
            return refused;
        }

        var post = HttpMethods.IsPost(request.Http.Request.Method);
        if (post && HasBody(request.Http))
        {
            if (!IsJson(request.Http.Request.ContentType))
            {
                // A page in a browser can post a form or plain text to a loopback address without being asked; JSON it cannot.
                return Fail(request, new ApiFailure(415, ApiFailure.InvalidRequest, "unsupported_media_type", "Send 'Content-Type: application/json'."));
            }

            if (IsEncoded(request.Http))
            {
                return Fail(request, new ApiFailure(415, ApiFailure.InvalidRequest, "unsupported_content_encoding",
                    $"The body is encoded ('Content-Encoding: {request.Http.Request.Headers.ContentEncoding}'). Send it as it is, without that header."));
            }
        }

        return _anthropic.Route(request, path) ?? _openAi.Route(request, path) ?? path switch
        {
            "/api/v1/runs" => post ? Need(request, Roles.Runs, _runs.SubmitAsync) : Get(request, Roles.Runs, _runs.ListAsync),
            ResponsesPath => Need(request, Roles.Models, r => _responses.HandleAsync(r, "")),
            _ when path.StartsWith(ResponsesPath + "/", StringComparison.Ordinal) =>
                Need(request, Roles.Models, r => _responses.HandleAsync(r, path[(ResponsesPath.Length + 1)..])),
            _ when path.StartsWith(RunsPath, StringComparison.Ordinal) => Run(request, path[RunsPath.Length..]),
            _ => _platform.HandleAsync(request, path),
        };
    }

    private Task Run(GatewayRequest request, string tail)
    {
        var slash = tail.IndexOf('/', StringComparison.Ordinal);
        var (id, rest) = slash < 0 ? (tail, "") : (tail[..slash], tail[(slash + 1)..]);
        return Need(request, Roles.Runs, r => _runs.HandleAsync(r, id, rest));
    }

    private static Task Get(GatewayRequest request, Roles role, Func<GatewayRequest, Task> endpoint) =>
        HttpMethods.IsGet(request.Http.Request.Method) ? Need(request, role, endpoint) : WrongMethod(request, "GET");

    internal static Task Need(GatewayRequest request, Roles role, Func<GatewayRequest, Task> endpoint) =>
        request.Principal.May(role) ? endpoint(request)
            : Fail(request, ApiFailure.Forbidden($"'{request.Principal.Id}' lacks the role {role}. An administrator can create a key that has it."));

    internal static Task WrongMethod(GatewayRequest request, string allowed)
    {
        request.Http.Response.Headers.Allow = allowed;
        return Fail(request, new ApiFailure(405, ApiFailure.InvalidRequest, "method_not_allowed", $"Use {allowed} here."));
    }

    private static Task Fail(GatewayRequest request, ApiFailure failure) => ErrorReply.SendAsync(request, failure);

    /// <summary>Neither "Content-Length: 0" nor, as some clients send an action on what is in the path, no word of a body.</summary>
    private static bool HasBody(HttpContext http) =>
        http.Request.ContentLength is { } length ? length != 0 : http.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody ?? true;

    private static bool IsEncoded(HttpContext http) => http.Request.Headers.ContentEncoding.Count > 0;

    private static bool IsJson(string? contentType) =>
        contentType is not null && contentType.StartsWith("application/json", StringComparison.OrdinalIgnoreCase);
}
