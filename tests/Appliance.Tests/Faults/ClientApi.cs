using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Jesus.Appliance.Tests.Faults;

/// <summary>A client of one of our APIs: what it asks, and what it makes of the answer.</summary>
internal abstract class ClientApi
{
    public static readonly ClientApi OpenAi = new OpenAiClient();
    public static readonly ClientApi OpenAiResponses = new ResponsesClient();
    public static readonly ClientApi Anthropic = new AnthropicClient();

    public abstract string Name { get; }
    protected abstract string Path { get; }

    /// <summary>One call, as a reader would tell it: <c>answer</c>, <c>502 code</c>, <c>words, then code</c>.</summary>
    public async Task<ClientView> AskAsync(HttpClient http, bool stream, CancellationToken cancel, string prompt = "hello")
    {
        using var content = new StringContent($"{{\"model\":\"r\",{AskOf(prompt)}{(stream ? ",\"stream\":true" : "")}}}", Encoding.UTF8, "application/json");
        using var request = new HttpRequestMessage(HttpMethod.Post, Path) { Content = content };
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
        var (body, cut) = await ReadAsync(response, cancel);
        var status = (int)response.StatusCode;
        if (status != 200)
        {
            var retry = response.Headers.RetryAfter?.Delta is { } delta ? string.Create(CultureInfo.InvariantCulture, $", retry-after {delta.TotalSeconds}") : "";
            return new ClientView($"{status} `{CodeOf(JsonDocument.Parse(body).RootElement)}`{retry}", "", Finished: false, body);
        }

        return stream ? ViewOf(body, cut) : WholeOf(body);
    }

    protected virtual string AskOf(string prompt) => $"\"max_tokens\":100,\"messages\":[{{\"role\":\"user\",\"content\":\"{prompt}\"}}]";

    protected abstract string CodeOf(JsonElement body);

    /// <summary>The code of an event that says that the answer failed; null for any other.</summary>
    protected virtual string? FailureOf(JsonElement item) => item.TryGetProperty("error", out _) ? CodeOf(item) : null;

    protected abstract string TextOf(JsonElement whole);

    /// <summary>Text of one event.</summary>
    protected abstract string DeltaOf(JsonElement item);

    protected abstract bool IsEnd(string data);

    private static async Task<(string Body, bool Cut)> ReadAsync(HttpResponseMessage response, CancellationToken cancel)
    {
        var bytes = new MemoryStream();
        try
        {
            await response.Content.CopyToAsync(bytes, cancel);
            return (Encoding.UTF8.GetString(bytes.ToArray()), false);
        }
        catch (Exception cut) when (cut is HttpRequestException or IOException)
        {
            return (Encoding.UTF8.GetString(bytes.ToArray()), true);
        }
    }

    private ClientView WholeOf(string body) => new("answer", TextOf(JsonDocument.Parse(body).RootElement), Finished: true, body);

    private ClientView ViewOf(string body, bool cut)
    {
        var text = new StringBuilder();
        var finished = false;
        string? error = null;
        foreach (var line in body.Split('\n'))
        {
            if (!line.StartsWith("data:", StringComparison.Ordinal))
            {
                continue;
            }

            var data = line[5..].Trim();
            finished |= IsEnd(data);
            if (data != "[DONE]")
            {
                var item = Parsed(data);
                error ??= FailureOf(item);
                text.Append(error is null ? DeltaOf(item) : "");
            }
        }

        var words = text.Length > 0 ? "words, then " : "";
        var says = error is not null ? $"{words}`{error}`" : finished ? "answer" : words + (cut ? "a cut connection" : "an end without an end");
        return new ClientView(says, text.ToString(), finished, body);
    }

    /// <summary>What is no JSON is shown: the exception alone names only a place.</summary>
    private static JsonElement Parsed(string data)
    {
        try
        {
            return JsonDocument.Parse(data).RootElement;
        }
        catch (JsonException broken)
        {
            throw new InvalidOperationException($"An event is no JSON: {data}", broken);
        }
    }

    private sealed class OpenAiClient : ClientApi
    {
        public override string Name => "OpenAI";
        protected override string Path => "/v1/chat/completions";

        protected override string CodeOf(JsonElement body) => body.GetProperty("error").GetProperty("code").GetString() ?? "";

        protected override string TextOf(JsonElement whole) => whole.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString() ?? "";

        protected override string DeltaOf(JsonElement item) =>
            item.TryGetProperty("choices", out var choices) && choices.GetArrayLength() > 0 && choices[0].GetProperty("delta").TryGetProperty("content", out var content)
                ? content.GetString() ?? "" : "";

        protected override bool IsEnd(string data) => data == "[DONE]";
    }

    private sealed class ResponsesClient : ClientApi
    {
        public override string Name => "OpenAI responses";
        protected override string Path => "/v1/responses";

        protected override string AskOf(string prompt) => $"\"max_output_tokens\":100,\"store\":false,\"input\":\"{prompt}\"";

        protected override string CodeOf(JsonElement body) => body.GetProperty("error").GetProperty("code").GetString() ?? "";

        protected override string? FailureOf(JsonElement item) => item.GetProperty("type").GetString() switch
        {
            "error" => item.GetProperty("code").GetString(),
            "response.failed" => CodeOf(item.GetProperty("response")),
            _ => null,
        };

        protected override string TextOf(JsonElement whole) => string.Concat(
            whole.GetProperty("output").EnumerateArray().Where(item => item.TryGetProperty("content", out _))
                .SelectMany(item => item.GetProperty("content").EnumerateArray()).Where(part => part.TryGetProperty("text", out _))
                .Select(part => part.GetProperty("text").GetString()));

        protected override string DeltaOf(JsonElement item) =>
            item.GetProperty("type").GetString() == "response.output_text.delta" ? item.GetProperty("delta").GetString() ?? "" : "";

        protected override bool IsEnd(string data) => data.Contains("\"response.completed\"", StringComparison.Ordinal);
    }

    private sealed class AnthropicClient : ClientApi
    {
        public override string Name => "Anthropic";
        protected override string Path => "/v1/messages";

        protected override string CodeOf(JsonElement body) => body.GetProperty("error").GetProperty("type").GetString() ?? "";

        protected override string TextOf(JsonElement whole) =>
            string.Concat(whole.GetProperty("content").EnumerateArray().Where(b => b.TryGetProperty("text", out _)).Select(b => b.GetProperty("text").GetString()));

        protected override string DeltaOf(JsonElement item) =>
            item.GetProperty("type").GetString() == "content_block_delta" && item.GetProperty("delta").TryGetProperty("text", out var text) ? text.GetString() ?? "" : "";

        protected override bool IsEnd(string data) => data.Contains("\"message_stop\"", StringComparison.Ordinal);
    }
}

/// <param name="Says">What happened, in the words of the table.</param>
/// <param name="Finished">The stream's last event came: the client takes the answer for whole.</param>
internal sealed record ClientView(string Says, string Text, bool Finished, string Body);
