using Jesus.Appliance.Security;

namespace Jesus.Appliance.Gateway.Rest;

/// <summary><c>/api/v1/models</c>, <c>/api/v1/keys</c>, <c>/api/v1/budgets</c>, <c>/api/v1/peers</c>, <c>/metrics</c>, and words for what is not built.</summary>
internal sealed class PlatformEndpoints(GatewayParts parts)
{
    private static readonly string[] LaterPaths =
    [
        "/v1/responses",
        "/api/v1/audit", "/api/v1/evals", "/openapi.json", "/mcp",
    ];

    private const string KeyPath = "/api/v1/keys/";
    private readonly KeysEndpoints _keys = new(parts.Keys, parts.Time);
    private readonly BudgetsEndpoints _budgets = new(parts.Budgets);
    private readonly ModelsEndpoints _models = new(parts.ModelDirectory);
    private readonly PeersEndpoint _peers = new(parts.Federation);

    public Task HandleAsync(GatewayRequest request, string path)
    {
        var method = request.Http.Request.Method;
        return _models.Route(request, path) ?? (method, path) switch
        {
            ("GET", "/api/v1/budgets") => GatewayApp.Need(request, Roles.Admin, _budgets.ShowAsync),
            ("PUT" or "POST", "/api/v1/budgets") => GatewayApp.Need(request, Roles.Admin, r => _budgets.ChangeAsync(r, set: true)),
            ("DELETE", "/api/v1/budgets") => GatewayApp.Need(request, Roles.Admin, r => _budgets.ChangeAsync(r, set: false)),
            ("POST", "/api/v1/routes/explain") when parts.Explain is not null =>
                GatewayApp.Need(request, Roles.Models, r => RouteExplainEndpoint.HandleAsync(r, parts.Explain)),
            ("GET", "/api/v1/peers") => GatewayApp.Need(request, Roles.Admin, _peers.HandleAsync),
            ("GET", "/api/v1/keys") => GatewayApp.Need(request, Roles.Admin, _keys.ListAsync),
            ("POST", "/api/v1/keys") => GatewayApp.Need(request, Roles.Admin, _keys.CreateAsync),
            ("DELETE", _) when path.StartsWith(KeyPath, StringComparison.Ordinal) => GatewayApp.Need(request, Roles.Admin, r => _keys.RevokeAsync(r, path[KeyPath.Length..])),
            _ when Array.Exists(LaterPaths, p => path.StartsWith(p, StringComparison.Ordinal)) =>
                Fail(request, ApiFailure.NotImplemented($"{method} {path}")),
            _ => Fail(request, ApiFailure.NotFound("not_found", $"There is nothing at {method} '{path}'. / lists what there is.")),
        };
    }

    public async Task MetricsAsync(GatewayRequest request)
    {
        var openMetrics = request.Http.Request.Headers.Accept.ToString().Contains("application/openmetrics-text", StringComparison.OrdinalIgnoreCase);
        request.Http.Response.ContentType = openMetrics
            ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
            : "text/plain; version=0.0.4; charset=utf-8";
        parts.Metrics.Write(request.Http.Response.BodyWriter, openMetrics);
        _ = await request.Http.Response.BodyWriter.FlushAsync(request.Aborted);
    }

    private static Task Fail(GatewayRequest request, ApiFailure failure) => ErrorReply.SendAsync(request.Http, failure, request.RequestId);
}
