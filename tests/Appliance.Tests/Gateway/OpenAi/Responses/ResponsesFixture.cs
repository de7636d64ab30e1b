using System.Net;
using System.Text;
using System.Text.Json;
using Jesus.Appliance.Pipeline;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Gateway.OpenAi.Responses;

/// <summary>What the tests of the Responses API share: answers of a pipeline, and reading of events.</summary>
internal static class ResponsesFixture
{
    public static Usage Used { get; } = new() { InputTokens = 9, CachedInputTokens = 4, OutputTokens = 3, ReasoningTokens = 1 };

    public static ModelEvent Text(string text) => new() { Kind = EventKind.Text, Utf8 = Encoding.UTF8.GetBytes(text) };

    public static ModelEvent Event(EventKind kind, string text, int index = 0, string id = "") =>
        new() { Kind = kind, Utf8 = Encoding.UTF8.GetBytes(text), Index = index, ToolCallId = Encoding.UTF8.GetBytes(id) };

    /// <summary>Answers every call with these events and success.</summary>
    public static void Says(this GatewayFixture gateway, params ModelEvent[] events) => gateway.Answer = (_, sink, _) => SayAsync(sink, FinishReason.Stop, events);

    public static async ValueTask<Outcome> SayAsync(IAnswerSink sink, FinishReason reason, params ModelEvent[] events)
    {
        await sink.WriteAsync(new ModelEvent { Kind = EventKind.Started });
        foreach (var item in events)
        {
            await sink.WriteAsync(item);
        }

        await sink.WriteAsync(new ModelEvent { Kind = EventKind.Finished, Reason = reason });
        return new Outcome { Reason = reason, Candidate = "local/nano", Usage = Used, Attempts = 1 };
    }

    public static async Task<JsonElement> CreateAsync(this GatewayFixture gateway, string json, HttpStatusCode status = HttpStatusCode.OK)
    {
        var (code, body, _) = await gateway.PostAsync("/v1/responses", json);
        Assert.True(code == status, $"{code}: {body}");
        return JsonDocument.Parse(body).RootElement;
    }

    public static async Task<(HttpStatusCode Status, JsonElement Json)> GetAsync(this GatewayFixture gateway, string path)
    {
        using var response = await gateway.Http.GetAsync(path);
        return (response.StatusCode, JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement);
    }

    /// <summary>The events of a stream: each name beside its data, whose <c>type</c> must be the same and whose numbers must count up from <paramref name="first"/>.</summary>
    public static IReadOnlyList<(string Name, JsonElement Data)> Events(string body, long first = 0)
    {
        var events = new List<(string, JsonElement)>();
        foreach (var block in body.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Where(b => !b.StartsWith(':')))
        {
            var lines = block.Split('\n');
            Assert.Equal(2, lines.Length);
            var name = lines[0]["event: ".Length..];
            var data = JsonDocument.Parse(lines[1]["data: ".Length..]).RootElement;
            Assert.Equal(name, data.GetProperty("type").GetString());
            Assert.Equal(first + events.Count, data.GetProperty("sequence_number").GetInt64());
            events.Add((name, data));
        }

        return events;
    }

    public static string TextOf(this JsonElement response) => response.GetProperty("output").EnumerateArray().Last().GetProperty("content")[0].GetProperty("text").GetString()!;

    public static string IdOf(this JsonElement response) => response.GetProperty("id").GetString()!;

    public static string ErrorCode(this JsonElement body) => body.GetProperty("error").GetProperty("code").GetString()!;
}
