using System.Collections.Concurrent;
using System.Text.Json;
using Jesus.Tests.Faults;

namespace Jesus.EndToEnd.Sdk;

/// <summary>
/// A provider's server that a test scripts: what it answers is chosen by the model that the request names, and what it was asked is kept. Its connections
/// stay open, as a provider's do.
/// </summary>
internal sealed class ScriptedUpstream : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, Func<UpstreamCall, Task>> _byModel = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, UpstreamCall> _last = new(StringComparer.Ordinal);
    private readonly FaultServer _server;

    public ScriptedUpstream() => _server = new FaultServer(ServeAsync);

    /// <summary>The address, without a path.</summary>
    public string Url => $"http://127.0.0.1:{_server.Port}";

    /// <summary>What answers requests for a model.</summary>
    public void On(string model, Func<UpstreamCall, Task> answer) => _byModel[model] = answer;

    /// <summary>Answers with a whole JSON body.</summary>
    public void OnJson(string model, string body, string status = "200 OK", string headers = "") =>
        On(model, call => call.Connection.RespondAsync(status, body, headers: headers));

    /// <summary>Answers a stream's wish with events (each the data of one), any other with the whole body.</summary>
    public void OnChat(string model, string whole, params string[] events) =>
        On(model, call => call.Streams ? call.EventsAsync(events) : call.Connection.RespondAsync("200 OK", whole));

    /// <summary>The last request for the model.</summary>
    public UpstreamCall LastOf(string model) => _last[model];

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task ServeAsync(FaultConnection connection)
    {
        while (await connection.ReadRequestAsync())
        {
            var call = new UpstreamCall(connection, connection.Head, connection.Body);
            _last[call.Model] = call;
            await (_byModel.TryGetValue(call.Model, out var answer)
                ? answer(call)
                : connection.RespondAsync("404 Not Found", $$$"""{"error":{"message":"no model {{{call.Model}}} in the script","type":"invalid_request_error"}}"""));
        }
    }
}

/// <summary>One request that reached the <see cref="ScriptedUpstream"/>.</summary>
internal sealed class UpstreamCall
{
    public UpstreamCall(FaultConnection connection, string head, string body)
    {
        (Connection, Head, Body) = (connection, head, body);
        Json = body.Length == 0 ? default : JsonDocument.Parse(body).RootElement;
    }

    public FaultConnection Connection { get; }
    public string Head { get; }
    public string Body { get; }
    public JsonElement Json { get; }

    /// <summary>The model that the body names; empty without one.</summary>
    public string Model => Json.ValueKind == JsonValueKind.Object && Json.TryGetProperty("model", out var model) ? model.GetString()! : "";
    public bool Streams => Json.ValueKind == JsonValueKind.Object && Json.TryGetProperty("stream", out var stream) && stream.ValueKind == JsonValueKind.True;

    /// <summary>A whole event stream: the data of each event. One that begins with <c>event:</c> is sent as it is.</summary>
    public async Task EventsAsync(params string[] events)
    {
        await Connection.BeginEventsAsync();
        foreach (var data in events)
        {
            await Connection.ChunkAsync((data.StartsWith("event:", StringComparison.Ordinal) ? data : "data: " + data) + "\n\n");
        }

        await Connection.EndChunksAsync();
    }
}
