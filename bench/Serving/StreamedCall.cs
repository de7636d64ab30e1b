using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Jesus.Bench.Serving;

/// <summary>One call whose answer is streamed, with the time of every piece.</summary>
internal sealed class StreamedCall(Server server, string prompt, int tokens)
{
    private static readonly HttpClient Client = new(new SocketsHttpHandler { MaxConnectionsPerServer = 1_000 }) { Timeout = TimeSpan.FromMinutes(30) };
    private readonly List<long> _pieces = [];
    private long _started;

    /// <summary>Tokens that the server says it wrote.</summary>
    public int Tokens { get; private set; }
    public double FirstSeconds => Stopwatch.GetElapsedTime(_started, _pieces[0]).TotalSeconds;

    /// <summary>When each piece came.</summary>
    public IReadOnlyList<long> Pieces => _pieces;

    /// <summary>The waits between two pieces that overlap the span, in seconds.</summary>
    public IEnumerable<double> Waits(long from, long to)
    {
        for (var i = 1; i < _pieces.Count; i++)
        {
            if (_pieces[i] > from && _pieces[i - 1] < to)
            {
                yield return Stopwatch.GetElapsedTime(_pieces[i - 1], _pieces[i]).TotalSeconds;
            }
        }
    }

    public async Task<StreamedCall> RunAsync(Action? onFirst = null)
    {
        _started = Stopwatch.GetTimestamp();
        using var body = new StringContent(string.Create(CultureInfo.InvariantCulture,
            $$"""
            {"model":"{{server.Model}}","stream":true,"stream_options":{"include_usage":true},"temperature":0,"max_tokens":{{tokens}},
             "messages":[{"role":"user","content":"{{prompt}}"}]}
            """),
            Encoding.UTF8, MediaTypeHeaderValue.Parse("application/json"));
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server.Url, "/v1/chat/completions")) { Content = body };
        using var answer = await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        if (!answer.IsSuccessStatusCode)
        {
            throw new HttpRequestException($"{server.Name}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
        }

        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync());
        while (await reader.ReadLineAsync() is { } line)
        {
            if (line.StartsWith("data: {", StringComparison.Ordinal))
            {
                Take(line.AsMemory(6), onFirst);
            }
        }

        return this;
    }

    private void Take(ReadOnlyMemory<char> json, Action? onFirst)
    {
        using var document = JsonDocument.Parse(json);
        var root = document.RootElement;
        if (root.TryGetProperty("error", out var error))
        {
            throw new HttpRequestException($"{server.Name} broke its answer off: {error.GetRawText()}");
        }

        if (root.TryGetProperty("usage", out var usage) && usage.ValueKind == JsonValueKind.Object && usage.TryGetProperty("completion_tokens", out var count))
        {
            Tokens = count.GetInt32();
        }

        foreach (var choice in root.TryGetProperty("choices", out var choices) ? choices.EnumerateArray() : default)
        {
            if (choice.TryGetProperty("delta", out var delta) && delta.TryGetProperty("content", out var text)
                && text.ValueKind == JsonValueKind.String && text.GetString() is { Length: > 0 })
            {
                _pieces.Add(Stopwatch.GetTimestamp());
                if (_pieces.Count == 1)
                {
                    onFirst?.Invoke();
                }
            }
        }
    }
}
