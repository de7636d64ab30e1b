using System.IO.Compression;
using System.Text;

namespace Jesus.Tests.Faults;

/// <summary>Every way of failing after the request, by name. Those before it (refused, no connection, TLS) are no scripts: see docs/faults.md's test.</summary>
internal static class FaultScripts
{
    /// <summary>What an answer says before it fails.</summary>
    public const string Said = "Hello";

    /// <summary>A key that an upstream may quote; nobody else may see it.</summary>
    public const string Key = "sk-test-4711";

    public static IReadOnlyList<Fault> All { get; } =
    [
        .. Answers(), .. Silences(), .. Refusals(), .. WrongBodies(), .. BrokenStreams(), .. OddStreams(), .. OddUsage(), .. OddTools(),
    ];

    public static Fault Of(string name) => All.Single(f => f.Name == name);

    /// <summary>Unusual, and right.</summary>
    private static IEnumerable<Fault> Answers() =>
    [
        new("none", "a good answer", (api, c) => api.AnswerAsync(c, Said, StatedUsage.Usual)),
        new("slow first byte", "the answer begins late, within the time allowed", async (api, c) =>
        {
            await c.WaitAsync(150);
            await api.AnswerAsync(c, Said, StatedUsage.Usual);
        }),
        new("byte by byte", "the answer comes in pieces of one byte", async (api, c) =>
        {
            var body = Encoding.UTF8.GetBytes(c.WantsStream ? api.Stream("Hello, wörld 🌍", StatedUsage.Usual) : api.Whole("Hello, wörld 🌍", StatedUsage.Usual));
            await c.SendAsync($"HTTP/1.1 200 OK\r\ncontent-type: {(c.WantsStream ? "text/event-stream" : "application/json")}\r\ncontent-length: {body.Length}\r\n\r\n");
            foreach (var one in body)
            {
                await c.SendAsync(new[] { one });
            }
        }),
        new("byte order mark", "the body begins with U+FEFF", (api, c) => BodyAsync(api, c, body => "\uFEFF" + body)),
        new("CR LF", "lines end with CR LF", (api, c) => BodyAsync(api, c, body => body.Replace("\n", "\r\n", StringComparison.Ordinal))),
        new("CR alone", "lines end with CR", (api, c) => BodyAsync(api, c, body => body.Replace('\n', '\r'))),
        new("comments between", "the stream has comments and unknown fields", (api, c) =>
            BodyAsync(api, c, body => c.WantsStream ? ": hello\n\nretry: 10\n\n" + body.Replace("\n\n", "\n\n: ping\n\n", StringComparison.Ordinal) : body)),
        new("other content type", "a right answer that calls itself text/plain", (api, c) => c.RespondAsync("200 OK", BodyOf(api, c), "text/plain")),
        new("slow head", "the response's head comes in drops", async (api, c) =>
        {
            foreach (var drop in $"HTTP/1.1 200 OK\r\ncontent-type: {TypeOf(c)}\r\nconnection: close\r\n\r\n".Chunk(9))
            {
                await c.SendAsync(new string(drop));
                await c.WaitAsync(5);
            }

            await c.SendAsync(BodyOf(api, c));
        }),
        new("no length", "the body ends with the connection", async (api, c) =>
            await c.SendAsync($"HTTP/1.1 200 OK\r\ncontent-type: {TypeOf(c)}\r\nconnection: close\r\n\r\n" + BodyOf(api, c))),
    ];

    private static IEnumerable<Fault> Silences() =>
    [
        new("no first byte", "nothing comes after the request", (_, c) => c.StallAsync()),
        new("head, then silence", "the response's head comes, and nothing after it", async (_, c) =>
        {
            await c.BeginEventsAsync();
            await c.StallAsync();
        }),
        new("closed after the request", "the connection is closed in place of an answer", (_, _) => Task.CompletedTask),
        new("reset after the request", "the connection is reset in place of an answer", (_, c) =>
        {
            c.Reset();
            return Task.CompletedTask;
        }),
        new("half a head", "the connection is closed inside the response's head", (_, c) => c.SendAsync("HTTP/1.1 200 OK\r\ncontent-ty")),
        new("reset inside the head", "the connection is reset inside the response's head", async (_, c) =>
        {
            await c.SendAsync("HTTP/1.1 200 OK\r\ncontent-ty");
            await c.WaitAsync(50);
            c.Reset();
        }),
        new("head without end, slowly", "a response's head in drops that never ends", async (_, c) =>
        {
            await c.SendAsync("HTTP/1.1 200 OK\r\nx-filler: ");
            while (true)
            {
                await c.SendAsync("x");
                await c.WaitAsync(50);
            }
        }),
        new("no HTTP", "something else than HTTP comes", (_, c) => c.SendAsync("SSH-2.0-OpenSSH_9.2\r\n\r\n")),
        new("endless head", "a response's head that never ends", async (_, c) =>
        {
            await c.SendAsync("HTTP/1.1 200 OK\r\n");
            while (true)
            {
                await c.SendAsync("x-filler: " + new string('x', 1000) + "\r\n");
            }
        }),
    ];

    private static IEnumerable<Fault> Refusals() =>
    [
        Status("400", "400 Bad Request", UpstreamError.Invalid, "temperature too high"),
        Status("400 context too long", "400 Bad Request", UpstreamError.ContextTooLong, "too long"),
        Status("400 content policy", "400 Bad Request", UpstreamError.ContentPolicy, "blocked"),
        Status("401 that quotes the key", "401 Unauthorized", UpstreamError.Unauthorized, $"bad key {Key}"),
        Status("403", "403 Forbidden", UpstreamError.Unauthorized, "not for you"),
        Status("404", "404 Not Found", UpstreamError.NotFound, "no such model"),
        Status("429 with retry-after", "429 Too Many Requests", UpstreamError.RateLimited, "later", "retry-after: 7\r\n"),
        Status("429 with retry-after-ms", "429 Too Many Requests", UpstreamError.RateLimited, "later", "retry-after-ms: 7000\r\n"),
        Status("429 until a date", "429 Too Many Requests", UpstreamError.RateLimited, "later", "retry-after: Fri, 31 Dec 2094 23:59:59 GMT\r\n"),
        Status("429 until a past date", "429 Too Many Requests", UpstreamError.RateLimited, "later", "retry-after: Thu, 01 Jan 2015 00:00:00 GMT\r\n"),
        Status("429 with nonsense", "429 Too Many Requests", UpstreamError.RateLimited, "later", "retry-after: soon\r\n"),
        new("429 with a limit used up", "429 with x-ratelimit-remaining-requests: 0 and x-ratelimit-reset-requests: 1m30s", (api, c) => c.RespondAsync(
            "429 Too Many Requests", api.Error(UpstreamError.RateLimited, "later"),
            headers: "x-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 1m30s\r\nx-ratelimit-remaining-tokens: 5\r\nx-ratelimit-reset-tokens: 9m\r\n")),
        new("429 without headers", "429 and an empty body", (_, c) => c.RespondAsync("429 Too Many Requests", "")),
        new("500", "500 and a body that is no JSON", (_, c) => c.RespondAsync("500 Oops", "broken", "text/plain")),
        new("502", "502 and a proxy's page", (_, c) => c.RespondAsync("502 Bad Gateway", "<html><body>502 Bad Gateway</body></html>", "text/html")),
        Status("503", "503 Service Unavailable", UpstreamError.Overloaded, "no capacity", "retry-after: 2\r\n"),
        Status("504", "504 Gateway Timeout", UpstreamError.Internal, "timed out"),
        Status("529", "529 Overloaded", UpstreamError.Overloaded, "overloaded"),
        new("redirect", "302 to another place", (_, c) => c.RespondAsync("302 Found", "", headers: "location: http://127.0.0.1:9/elsewhere\r\n")),
        new("100 and nothing", "an interim response and no final one", (_, c) => c.SendAsync("HTTP/1.1 100 Continue\r\n\r\n")),
        new("204", "204, which has no body", (_, c) => c.SendAsync("HTTP/1.1 204 No Content\r\n\r\n")),
    ];

    private static IEnumerable<Fault> WrongBodies() =>
    [
        new("error body with 200", "200, and an error in place of an answer", (api, c) => c.RespondAsync("200 OK", api.Error(UpstreamError.RateLimited, "slow down"))),
        new("web page with 200", "200, and HTML", (_, c) => c.RespondAsync("200 OK", "<!DOCTYPE html><html>login</html>", "text/html")),
        new("text with 200", "200, and text that is no JSON", (_, c) => c.RespondAsync("200 OK", "OK", "text/plain")),
        new("empty body with 200", "200, and nothing", (_, c) => c.RespondAsync("200 OK", "")),
        new("other JSON with 200", "200, and JSON of another shape", (_, c) => c.RespondAsync("200 OK", "{\"hello\":\"world\"}")),
        new("gzip not asked for", "a compressed body, though none was asked for", async (api, c) =>
        {
            var zipped = Gzip(BodyOf(api, c));
            await c.SendAsync($"HTTP/1.1 200 OK\r\ncontent-type: {TypeOf(c)}\r\ncontent-encoding: gzip\r\ncontent-length: {zipped.Length}\r\n\r\n");
            await c.SendAsync(zipped);
        }),
        new("length too great", "content-length says more than comes", (api, c) => LengthAsync(api, c, 40)),
        new("length too small", "content-length says less than comes", (api, c) => LengthAsync(api, c, -40)),
        new("two lengths", "two content-length fields that differ", (api, c) =>
            c.SendAsync($"HTTP/1.1 200 OK\r\ncontent-type: {TypeOf(c)}\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n{BodyOf(api, c)}")),
        new("chunk of no size", "a chunk whose size is no number", async (api, c) =>
        {
            await c.BeginEventsAsync();
            await c.SendAsync($"zz\r\n{api.Opening(StatedUsage.Usual)}\r\n");
        }),
    ];

    private static IEnumerable<Fault> BrokenStreams() =>
    [
        new("stall inside", "silence after the first words", async (api, c) =>
        {
            await BeginAsync(api, c);
            await c.StallAsync();
        }),
        new("cut inside", "the connection is closed after the first words", BeginAsync),
        new("reset inside", "the connection is reset after the first words", async (api, c) =>
        {
            await BeginAsync(api, c);
            await c.WaitAsync(50);
            c.Reset();
        }),
        new("half a chunk", "the connection is closed inside a chunk", async (api, c) =>
        {
            await BeginAsync(api, c);
            await c.SendAsync("ff\r\ndata: {");
        }),
        new("half a line first", "the connection is closed inside the first event", async (_, c) =>
        {
            await c.BeginEventsAsync();
            await c.ChunkAsync("data: {\"choi");
        }),
        new("half a line inside", "the connection is closed inside an event after the first words", async (api, c) =>
        {
            await BeginAsync(api, c);
            await c.ChunkAsync(api.Text("more")[..^6]);
        }),
        new("half a character", "the connection is closed inside a character", async (api, c) =>
        {
            await BeginAsync(api, c);
            var bytes = Encoding.UTF8.GetBytes(api.Text("ü").Replace("\\u00FC", "ü", StringComparison.Ordinal));
            await c.ChunkAsync(bytes[..(bytes.AsSpan().IndexOf((byte)0xC3) + 1)]);
        }),
        new("not UTF-8", "bytes that are no UTF-8 inside a text", async (api, c) =>
        {
            await BeginAsync(api, c);
            var bytes = Encoding.UTF8.GetBytes(api.Text("??"));
            bytes.AsSpan().Replace((byte)'?', (byte)0xFF);
            await c.ChunkAsync(bytes);
            await EndAsync(api, c);
        }),
        new("ends without an end", "the stream ends properly after the first words, with no reason and no last event", async (api, c) =>
        {
            await BeginAsync(api, c);
            await c.EndChunksAsync();
        }),
        new("broken JSON inside", "an event after the first words is no JSON", async (api, c) =>
        {
            await BeginAsync(api, c);
            await c.ChunkAsync("data: {\"choices\":[}\n\n");
            await EndAsync(api, c);
        }),
        new("error event first", "the stream's first event is an error", async (api, c) =>
        {
            await c.BeginEventsAsync();
            await c.ChunkAsync(api.ErrorEvent(UpstreamError.Overloaded, "no capacity"));
            await c.EndChunksAsync();
        }),
        new("error event inside", "an error event after the first words", async (api, c) =>
        {
            await BeginAsync(api, c);
            await c.ChunkAsync(api.ErrorEvent(UpstreamError.Overloaded, "no capacity"));
            await c.EndChunksAsync();
        }),
        new("failed inside", "the answer says after the first words that it has failed", async (api, c) =>
        {
            await BeginAsync(api, c);
            await c.ChunkAsync(api.Failure(UpstreamError.RateLimited, "slow down"));
            await c.EndChunksAsync();
        }),
        new("endless stream", "words without end", async (api, c) =>
        {
            await BeginAsync(api, c);
            while (true)
            {
                await c.ChunkAsync(api.Text("and so on "));
            }
        }),
        new("giant line", "a line of more than a megabyte", async (api, c) =>
        {
            await c.BeginEventsAsync();
            await c.ChunkAsync("data: " + new string('x', 1_200_000));
            await EndAsync(api, c);
        }),
    ];

    private static IEnumerable<Fault> OddStreams() =>
    [
        new("empty stream", "an event stream with no event", async (_, c) =>
        {
            await c.BeginEventsAsync();
            await c.ChunkAsync(": nothing\n\n");
            await c.EndChunksAsync();
        }),
        new("end without content", "the first event is the last one", async (api, c) =>
        {
            await c.BeginEventsAsync();
            await c.ChunkAsync(api.End);
            await c.EndChunksAsync();
        }),
        new("no last event", "reason and usage come, the last event does not", async (api, c) =>
        {
            await BeginAsync(api, c);
            await c.ChunkAsync(api.Closing(StatedUsage.Usual));
            await c.EndChunksAsync();
        }),
        new("words after the end", "events after the last one", async (api, c) =>
        {
            await BeginAsync(api, c);
            await c.ChunkAsync(api.Closing(StatedUsage.Usual) + api.End + api.Text("more"));
            await c.EndChunksAsync();
        }),
    ];

    private static IEnumerable<Fault> OddUsage() =>
    [
        Usage("usage missing", "the answer says nothing of its usage", default),
        Usage("usage half", "only the prompt's usage is stated", new StatedUsage(9, null)),
        Usage("usage zero", "the usage stated is zero", new StatedUsage(0, 0)),
        Usage("usage negative", "the usage stated is below zero", new StatedUsage(-9, -2)),
        Usage("usage far too big", "the usage stated is beyond what was asked for", new StatedUsage(9, 1_000_000)),
        Usage("usage no int", "the usage stated is beyond 64 bits of sense", new StatedUsage(99_999_999_999_999, 2)),
    ];

    private static IEnumerable<Fault> OddTools() =>
    [
        Tools("tool ids twice", "two tool calls with one id", api => api.ToolCall(0, "call_1", "a", "{}") + api.ToolCall(1, "call_1", "b", "{}")),
        Tools("tool id missing", "a tool call without an id", api => api.ToolCall(0, null, "a", "{}")),
        Tools("tool index out of order", "the second tool call comes before the first", api => api.ToolCall(1, "call_2", "b", "{}") + api.ToolCall(0, "call_1", "a", "{}")),
        Tools("tool index far off", "a tool call numbered a million", api => api.ToolCall(1_000_000, "call_1", "a", "{}")),
        Tools("tool arguments broken", "a tool call whose arguments are half an object", api => api.ToolCall(0, "call_1", "a", "{\"city\":")),
    ];

    private static Fault Status(string name, string status, UpstreamError error, string message, string headers = "") =>
        new(name, $"{status[..3]}{(headers.Length > 0 ? " with " + headers.TrimEnd() : "")}", (api, c) => c.RespondAsync(status, api.Error(error, message), headers: headers));

    private static Fault Usage(string name, string what, StatedUsage usage) => new(name, what, (api, c) => api.AnswerAsync(c, Said, usage));

    /// <summary>Tool calls as events, whatever was asked for: a whole answer has no order to get wrong.</summary>
    private static Fault Tools(string name, string what, Func<UpstreamApi, string> calls) => new(name, what, async (api, c) =>
    {
        await BeginAsync(api, c);
        await c.ChunkAsync(calls(api) + api.Closing(StatedUsage.Usual, toolCalls: true) + api.End);
        await c.EndChunksAsync();
    });

    private static async Task BeginAsync(UpstreamApi api, FaultConnection c)
    {
        await c.BeginEventsAsync();
        await c.ChunkAsync(api.Opening(StatedUsage.Usual) + api.Text(Said));
    }

    private static async Task EndAsync(UpstreamApi api, FaultConnection c)
    {
        await c.ChunkAsync(api.Closing(StatedUsage.Usual) + api.End);
        await c.EndChunksAsync();
    }

    private static string TypeOf(FaultConnection c) => c.WantsStream ? "text/event-stream" : "application/json";

    private static string BodyOf(UpstreamApi api, FaultConnection c) => c.WantsStream ? api.Stream(Said, StatedUsage.Usual) : api.Whole(Said, StatedUsage.Usual);

    private static Task BodyAsync(UpstreamApi api, FaultConnection c, Func<string, string> change) => c.RespondAsync("200 OK", change(BodyOf(api, c)), TypeOf(c));

    private static Task LengthAsync(UpstreamApi api, FaultConnection c, int wrongBy)
    {
        var body = BodyOf(api, c);
        return c.SendAsync($"HTTP/1.1 200 OK\r\ncontent-type: {TypeOf(c)}\r\ncontent-length: {Encoding.UTF8.GetByteCount(body) + wrongBy}\r\n\r\n{body}");
    }

    private static byte[] Gzip(string text)
    {
        var to = new MemoryStream();
        using (var zip = new GZipStream(to, CompressionLevel.Fastest))
        {
            zip.Write(Encoding.UTF8.GetBytes(text));
        }

        return to.ToArray();
    }
}
