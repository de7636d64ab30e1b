using System.Text;
using Jesus.Inference.Contract;
using Jesus.Inference.Tests.Adapters.Local;
using Jesus.Tests.Faults;

namespace Jesus.Inference.Tests.Adapters;

/// <summary>A provider's server of ours: answers each request by its path, and keeps what it was asked.</summary>
internal sealed class Upstream : IAsyncDisposable
{
    private readonly Dictionary<string, Func<FaultConnection, Task>> _answers = [];
    private readonly List<(string Head, string Body)> _requests = [];
    private readonly FaultServer _server;

    public Upstream() => _server = new FaultServer(ServeAsync);

    public Uri Url(string path = "/v1") => new($"http://127.0.0.1:{_server.Port}{path}");

    public IReadOnlyList<(string Head, string Body)> Requests
    {
        get
        {
            lock (_requests)
            {
                return [.. _requests];
            }
        }
    }

    /// <summary>The body of the only request whose first line has the path.</summary>
    public string BodyOf(string path) => Requests.Single(r => PathOf(r.Head) == path).Body;

    public Upstream Answers(string path, string json, string status = "200 OK") => On(path, c => c.RespondAsync(status, json));

    /// <summary>Answers with events, cut into chunks of one event each.</summary>
    public Upstream Streams(string path, params string[] events) => On(path, async c =>
    {
        await c.BeginEventsAsync();
        foreach (var data in events)
        {
            await c.ChunkAsync($"data: {data}\n\n");
        }

        await c.EndChunksAsync();
    });

    public Upstream On(string path, Func<FaultConnection, Task> answer)
    {
        _answers[path] = answer;
        return this;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    /// <summary>The events as lines: kind, choice, what they say, and <c>wire</c> for those that the bytes before them say too.</summary>
    public static List<string> Lines(RecordingSink sink) => [.. sink.Events.Select(Line)];

    private static string Line(ModelEvent item)
    {
        var text = Encoding.UTF8.GetString(item.Utf8.Span);
        var rest = item.Kind switch
        {
            EventKind.Wire => $"{item.Wire} {text}",
            EventKind.Finished => $"{item.Reason} {text}",
            EventKind.ToolCallStart => $"{item.Index} {text} {Encoding.UTF8.GetString(item.ToolCallId.Span)}",
            EventKind.ToolCallArguments => $"{item.Index} {text}",
            _ => text,
        };
        return $"{(item.InWire ? "in wire: " : "")}{item.Kind} {rest}".TrimEnd();
    }

    private async Task ServeAsync(FaultConnection connection)
    {
        while (await connection.ReadRequestAsync())
        {
            lock (_requests)
            {
                _requests.Add((connection.Head, connection.Body));
            }

            var path = PathOf(connection.Head);
            await (_answers.TryGetValue(path, out var answer) ? answer(connection) : connection.RespondAsync("404 Not Found", "{\"error\":{\"message\":\"no such path\"}}"));
        }
    }

    private static string PathOf(string head) => head.Split(' ')[1];
}
