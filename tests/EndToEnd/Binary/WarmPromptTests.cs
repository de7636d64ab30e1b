using System.Net;
using System.Text.Json;

namespace Jesus.EndToEnd.Binary;

/// <summary>A prompt that the published daemon has read before, through Anthropic's door: what the cache gave is told apart at the stream's start and at its end.</summary>
public sealed class WarmPromptTests
{
    private static readonly string[] Members = ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"];

    [Fact]
    public async Task A_prompt_asked_again_states_at_its_start_what_the_cache_gave_and_the_same_at_its_end()
    {
        await using var daemon = await JesusDaemon.StartAsync();
        var text = string.Join(' ', Enumerable.Range(1, 50).Select(i => $"Line {i} of the log."));
        var prompt = JsonSerializer.Serialize(text);
        var messages = $$"""{"model":"jesus-nano","messages":[{"role":"user","content":{{prompt}}}]""";
        var (status, counted) = await daemon.PostAsync("/v1/messages/count_tokens", messages + "}");
        Assert.True(status == HttpStatusCode.OK, counted);
        var whole = JsonDocument.Parse(counted).RootElement.GetProperty("input_tokens").GetInt32();
        Assert.True(whole > 300, counted);

        var (cold, coldText) = await AskAsync(daemon, messages);
        Assert.Equal((whole, 0, 0), cold);

        var (warm, warmText) = await AskAsync(daemon, messages);
        Assert.Equal(whole, warm.Input + warm.Read);
        Assert.Equal(0, warm.Created);

        // The last token is always computed, since its logits begin the answer; blocks of the cache are far shorter than this prompt.
        Assert.InRange(warm.Read, whole / 2, whole - 1);
        Assert.Equal(coldText, warmText);
    }

    /// <summary>The prompt's tokens as the first event states them, which are what the last one with a usage states.</summary>
    private static async Task<((int Input, int Created, int Read) Usage, string Text)> AskAsync(JesusDaemon daemon, string messages)
    {
        var (status, streamed) = await daemon.PostAsync("/v1/messages", messages + ""","max_tokens":12,"temperature":0,"stream":true}""");
        Assert.True(status == HttpStatusCode.OK, streamed);
        var events = streamed.Split("\n\n", StringSplitOptions.RemoveEmptyEntries)
            .Select(one => JsonDocument.Parse(one[(one.IndexOf("\ndata: ", StringComparison.Ordinal) + "\ndata: ".Length)..]).RootElement).ToArray();
        Assert.Equal("message_start", TypeOf(events[0]));
        Assert.Equal("message_stop", TypeOf(events[^1]));
        var (start, end) = (UsageOf(events[0].GetProperty("message")), UsageOf(events.Single(e => TypeOf(e) == "message_delta")));
        Assert.Equal(start, end);
        var text = events.Where(e => TypeOf(e) == "content_block_delta").Select(e => e.GetProperty("delta").GetProperty("text").GetString());
        return ((start[0], start[1], start[2]), string.Concat(text));
    }

    private static int[] UsageOf(JsonElement parent)
    {
        var usage = parent.GetProperty("usage");
        return [.. Members.Select(name => usage.GetProperty(name).GetInt32())];
    }

    private static string? TypeOf(JsonElement item) => item.GetProperty("type").GetString();
}
