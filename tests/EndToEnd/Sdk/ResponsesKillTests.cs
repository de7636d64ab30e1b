using System.Net;
using System.Text.Json;
using Jesus.EndToEnd.Binary;

namespace Jesus.EndToEnd.Sdk;

/// <summary>What the Responses API promised holds after <c>kill -9</c>.</summary>
public sealed class ResponsesKillTests
{
    [Fact]
    public async Task A_kept_response_can_be_read_and_continued_and_an_interrupted_one_is_failed()
    {
        JesusBinary.SkipIfAbsent();
        await using var upstream = new ScriptedUpstream();
        ResponsesUpstream.Prepare(upstream);
        var config = Path.GetTempFileName();
        await File.WriteAllTextAsync(config, ResponsesUpstream.Config.Replace("UPSTREAM", upstream.Url, StringComparison.Ordinal));
        await using var daemon = await JesusDaemon.StartAsync("--config", config);
        var kept = await CreateAsync(daemon, """{"model":"cloud/hello","input":"Hi"}""");
        var interrupted = await CreateAsync(daemon, """{"model":"cloud/endless","input":"Hi","background":true}""");

        await daemon.KillAsync();
        await daemon.LaunchAsync();

        Assert.True(JsonElement.DeepEquals(kept, await GetAsync(daemon, kept)));
        _ = await CreateAsync(daemon, $$"""{"model":"cloud/hello","input":"And?","previous_response_id":"{{IdOf(kept)}}"}""");
        var failed = await GetAsync(daemon, interrupted);
        Assert.Equal("failed", failed.GetProperty("status").GetString());
        Assert.Equal("server_error", failed.GetProperty("error").GetProperty("code").GetString());
        File.Delete(config);
    }

    [Fact]
    public async Task A_response_in_the_background_that_a_stop_ends_is_kept_as_failed()
    {
        JesusBinary.SkipIfAbsent();
        await using var upstream = new ScriptedUpstream();
        ResponsesUpstream.Prepare(upstream);
        var config = Path.GetTempFileName();
        await File.WriteAllTextAsync(config, ResponsesUpstream.Config.Replace("UPSTREAM", upstream.Url, StringComparison.Ordinal));
        await using var daemon = await JesusDaemon.StartAsync("--config", config);
        var stopped = await CreateAsync(daemon, """{"model":"cloud/endless","input":"Hi","background":true}""");

        Assert.Equal(0, await daemon.TerminateAsync());
        await daemon.LaunchAsync();
        Assert.Equal("failed", (await GetAsync(daemon, stopped)).GetProperty("status").GetString());
        File.Delete(config);
    }

    private static async Task<JsonElement> CreateAsync(JesusDaemon daemon, string json)
    {
        var (status, body) = await daemon.PostAsync("/v1/responses", json);
        Assert.True(status == HttpStatusCode.OK, body);
        return JsonDocument.Parse(body).RootElement;
    }

    private static async Task<JsonElement> GetAsync(JesusDaemon daemon, JsonElement response) =>
        JsonDocument.Parse(await daemon.Http.GetStringAsync("/v1/responses/" + IdOf(response))).RootElement;

    private static string IdOf(JsonElement response) => response.GetProperty("id").GetString()!;
}
