using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Jesus.EndToEnd.Binary;

namespace Jesus.EndToEnd.Fleet;

/// <summary>One call as its client saw it.</summary>
internal sealed class FleetAnswer
{
    /// <summary>Whoever gets neither an answer nor an error within this hangs.</summary>
    private static readonly TimeSpan HangMax = TimeSpan.FromSeconds(150);

    private readonly StringBuilder _text = new();
    private readonly List<long> _arrivals = [];

    public string Text => _text.ToString();

    /// <summary><c>stop</c> or <c>length</c>; empty for an answer that did not end well.</summary>
    public string Finish { get; private set; } = "";

    /// <summary>The API's own error, before or in the middle of the answer.</summary>
    public string Error { get; private set; } = "";

    /// <summary>Neither an end nor an error came.</summary>
    public bool Hangs { get; private set; }

    /// <summary>Pieces so far; counted while the answer streams.</summary>
    public int Pieces => Volatile.Read(ref _pieces);

    private int _pieces;

    /// <summary>Who began the answer, as the head says it.</summary>
    public string Candidate { get; private set; } = "";

    /// <summary>Something of it had come by a moment.</summary>
    public bool BeganBefore(long moment) => _arrivals.Count > 0 && _arrivals[0] < moment;

    /// <summary>
    /// From a moment to the piece that ended the longest silence after it, in milliseconds: what was under way at that moment still comes. Null when nothing came.
    /// </summary>
    public double? SilentUntil(long moment)
    {
        var (longest, end) = (-1L, 0L);
        for (var i = 1; i < _arrivals.Count; i++)
        {
            var silence = _arrivals[i] - _arrivals[i - 1];
            if (_arrivals[i] > moment && silence > longest)
            {
                (longest, end) = (silence, _arrivals[i]);
            }
        }

        return longest < 0 ? null : Stopwatch.GetElapsedTime(moment, end).TotalMilliseconds;
    }

    /// <summary>
    /// A completion, another for each seed. Drawn so wildly the demonstration model rarely finds an end before <paramref name="tokens"/>; held to a schema it would not, but such an
    /// answer is shown only when it is whole.
    /// </summary>
    public static string Body(string model, int seed, int tokens) =>
        JsonSerializer.Serialize(new { model, prompt = $"Once upon a time ({seed})", seed, temperature = 2.0, max_tokens = tokens, stream = true });

    /// <summary>Asks and reads to the end, whatever that is.</summary>
    public async Task<FleetAnswer> AskAsync(JesusDaemon daemon, string body)
    {
        using var limit = new CancellationTokenSource(HangMax);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
            using var response = await daemon.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(limit.Token));
            if (!response.IsSuccessStatusCode)
            {
                Error = $"{(int)response.StatusCode} {await reader.ReadToEndAsync(limit.Token)}";
                return this;
            }

            Candidate = string.Concat(response.Headers.TryGetValues("x-jesus-candidate", out var names) ? names : []);
            while (await reader.ReadLineAsync(limit.Token) is { } line)
            {
                Read(line);
            }

            Error = Error.Length == 0 && Finish.Length == 0 ? "the stream ended without a finish_reason" : Error;
        }
        catch (OperationCanceledException)
        {
            Hangs = true;
        }
        catch (Exception broken) when (broken is HttpRequestException or IOException)
        {
            Error = "connection: " + broken.Message;
        }

        return this;
    }

    private void Read(string line)
    {
        if (!line.StartsWith("data: ", StringComparison.Ordinal) || line == "data: [DONE]")
        {
            return;
        }

        using var json = JsonDocument.Parse(line["data: ".Length..]);
        if (json.RootElement.TryGetProperty("error", out var error))
        {
            Error = error.GetRawText();
            return;
        }

        foreach (var choice in json.RootElement.GetProperty("choices").EnumerateArray())
        {
            if (choice.TryGetProperty("text", out var content) && content.GetString() is { Length: > 0 } piece)
            {
                _text.Append(piece);
                _arrivals.Add(Stopwatch.GetTimestamp());
                Interlocked.Increment(ref _pieces);
            }

            if (choice.TryGetProperty("finish_reason", out var finish) && finish.ValueKind == JsonValueKind.String)
            {
                Finish = finish.GetString()!;
            }
        }
    }
}
