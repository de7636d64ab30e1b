using System.Text;

namespace Jesus.Appliance.Gateway.Rest;

/// <summary><c>/healthz</c> (the process answers), <c>/readyz</c> (it can serve; detail in JSON) and <c>/</c> (a page of links).</summary>
internal sealed class HealthEndpoints(Readiness readiness, string version)
{
    private readonly byte[] _home = Encoding.UTF8.GetBytes(HomePage(version));

    public static Task HealthAsync(GatewayRequest request) => JsonReply.SendAsync(request.Http, 200, json => json.WriteString("status"u8, "ok"u8));

    public Task ReadyAsync(GatewayRequest request)
    {
        var (ready, parts) = readiness.Snapshot();
        return JsonReply.SendAsync(request.Http, ready ? 200 : 503, json =>
        {
            json.WriteString("status"u8, ready ? "ready" : readiness.Draining ? "draining" : "not_ready");
            json.WriteString("version"u8, version);
            json.WriteStartObject("parts"u8);
            foreach (var (part, partReady, detail) in parts)
            {
                json.WriteStartObject(part);
                json.WriteBoolean("ready"u8, partReady);
                json.WriteString("detail"u8, detail);
                json.WriteEndObject();
            }

            json.WriteEndObject();
        });
    }

    public async Task HomeAsync(GatewayRequest request)
    {
        var response = request.Http.Response;
        response.ContentType = "text/html; charset=utf-8";
        response.ContentLength = _home.Length;
        response.Headers.ContentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'";
        _ = await response.BodyWriter.WriteAsync(_home, request.Aborted);
    }

    private static string HomePage(string version) =>
        $"""
        <!doctype html>
        <html lang="en">
        <head><meta charset="utf-8"><title>Jesus</title>
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <style>body{"{"}font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem{"}"}code{"{"}background:#8882;padding:.1em .3em{"}"}</style></head>
        <body>
        <h1>Jesus {version}</h1>
        <p>This agent appliance is up. There is no dashboard in this version; these are its doors:</p>
        <ul>
        <li><a href="/v1/models">/v1/models</a> and <code>POST /v1/chat/completions</code>: OpenAI's API</li>
        <li><a href="/api/v1/runs">/api/v1/runs</a>: agent runs</li>
        <li><a href="/api/v1/models">/api/v1/models</a>: model files and their state</li>
        <li><a href="/api/v1/peers">/api/v1/peers</a>: other boxes of the federation</li>
        <li><a href="/metrics">/metrics</a>: for Prometheus</li>
        <li><a href="/readyz">/readyz</a>, <a href="/healthz">/healthz</a></li>
        </ul>
        <p>On the command line: <code>jesus --help</code>.</p>
        </body></html>

        """;
}
