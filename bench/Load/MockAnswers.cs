using System.Globalization;
using System.Text;

namespace Jesus.Bench.Load;

/// <summary>What the mock upstream answers and what the load asks, made once.</summary>
internal static class MockAnswers
{
    public const string Model = "mock";
    public const string LongModel = "mock-long";

    /// <summary>The route to the candidate of few places.</summary>
    public const string SlowModel = "slow";
    public const int Events = 100;

    /// <summary>Asked for so many tokens at most, the caller's bytes may pass through under a cap.</summary>
    private const int TokensMax = 512;
    private const int WordBytes = 700;
    private const string Head = "\"id\":\"chatcmpl-1\",\"created\":1700000000,\"model\":\"mock\"";

    public static byte[] Whole { get; } = Response(
        $"{{{Head},\"object\":\"chat.completion\",\"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\"content\":\"{Words(WordBytes)}\"}},"
        + "\"finish_reason\":\"stop\"}],"
        + "\"usage\":{\"prompt_tokens\":400,\"completion_tokens\":150,\"total_tokens\":550}}");

    /// <summary>The same answer as three events.</summary>
    public static byte[] Short { get; } = Stream([Chunk($"{{\"role\":\"assistant\",\"content\":\"{Words(WordBytes)}\"}}")]);

    /// <summary>An answer of a hundred events, a word each.</summary>
    public static byte[] Long { get; } = Stream([.. Enumerable.Range(0, Events - 3).Select(i => Chunk($"{{\"content\":\"word {i} \"}}"))]);

    public static byte[] Failure { get; } = Encoding.ASCII.GetBytes(
        "HTTP/1.1 500 Internal Server Error\r\ncontent-type: application/json\r\ncontent-length: 44\r\n\r\n{\"error\":{\"message\":\"broken\",\"code\":\"oops\"}}");

    public static byte[] Busy { get; } = Encoding.ASCII.GetBytes(
        "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\ncontent-length: 43\r\n\r\n{\"error\":{\"message\":\"later\",\"code\":\"busy!\"}}");

    /// <summary>A request of 2 KB.</summary>
    public static byte[] Request(string model, bool stream, string extraHeaders = "")
    {
        var body = $"{{\"model\":\"{model}\",\"max_tokens\":{TokensMax},{(stream ? "\"stream\":true," : "")}\"messages\":[{{\"role\":\"system\",\"content\":\"You answer.\"}},"
            + $"{{\"role\":\"user\",\"content\":\"{Words(1700)}\"}}]}}";
        return Post("/v1/chat/completions", "", body, "user-agent: load\r\naccept: */*\r\n" + extraHeaders);
    }

    /// <summary>A question of its own each time it is sent (<see cref="LoadSource"/>), to the candidate of few places.</summary>
    public static byte[] Question(string key) => Post("/v1/chat/completions", key,
        $"{{\"model\":\"{SlowModel}\",\"max_tokens\":{TokensMax},\"messages\":[{{\"role\":\"user\",\"content\":\"#00000000 {Words(1700)}\"}}]}}");

    /// <summary>The same as a response in the background, which waits in the lane of agents.</summary>
    public static byte[] Background(string key) => Post("/v1/responses", key,
        $"{{\"model\":\"{SlowModel}\",\"max_output_tokens\":{TokensMax},\"background\":true,\"input\":\"#00000000 {Words(1700)}\"}}");

    /// <summary>The same as a batch of Anthropic's, which waits in the lane of batches.</summary>
    public static byte[] Batch(string key, int requests) => Post("/v1/messages/batches", key,
        $"{{\"requests\":[{string.Join(',', Enumerable.Range(0, requests).Select(i => BatchLine(i)))}]}}", "anthropic-version: 2023-06-01\r\n");

    public static byte[] CancelBatch(string key, string id) => Post($"/v1/messages/batches/{id}/cancel", key, "", "anthropic-version: 2023-06-01\r\n");

    public static byte[] NewKey(string user) => Post("/api/v1/keys", "", $"{{\"user\":\"{user}\",\"roles\":[\"models\",\"runs\"]}}");

    private static string BatchLine(int number) =>
        $"{{\"custom_id\":\"r{number.ToString(CultureInfo.InvariantCulture)}\",\"params\":{{\"model\":\"{SlowModel}\",\"max_tokens\":{TokensMax},"
        + $"\"messages\":[{{\"role\":\"user\",\"content\":\"{number.ToString(CultureInfo.InvariantCulture)} {Words(700)}\"}}]}}}}";

    private static byte[] Post(string path, string key, string body, string extraHeaders = "") => Encoding.ASCII.GetBytes(
        $"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n{(key.Length > 0 ? $"x-api-key: {key}\r\n" : "")}{extraHeaders}"
        + $"content-length: {body.Length.ToString(CultureInfo.InvariantCulture)}\r\n\r\n{body}");

    private static string Words(int bytes)
    {
        var text = new StringBuilder();
        for (var i = 0; text.Length < bytes; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"word{i} ");
        }

        return text.ToString(0, bytes);
    }

    private static string Chunk(string delta, string reason = "null") =>
        $"data: {{{Head},\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{reason}}}]}}\n\n";

    private static byte[] Response(string body) => Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {body.Length}\r\n\r\n{body}");

    private static byte[] Stream(string[] content)
    {
        var events = string.Concat(content) + Chunk("{}", "\"stop\"")
            + $"data: {{{Head},\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{{\"prompt_tokens\":400,\"completion_tokens\":150,\"total_tokens\":550}}}}"
            + "\n\ndata: [DONE]\n\n";
        var all = new StringBuilder("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
        foreach (var item in events.Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
        {
            all.Append(CultureInfo.InvariantCulture, $"{item.Length + 2:x}\r\n{item}\n\n\r\n");
        }

        return Encoding.ASCII.GetBytes(all.Append("0\r\n\r\n").ToString());
    }
}
