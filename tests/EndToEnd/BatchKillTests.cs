using System.Net;
using System.Text.Json;
using Jesus.EndToEnd.Binary;

namespace Jesus.EndToEnd;

/// <summary>The published binary dies by kill -9 again and again while it answers a message batch, and goes on each time from its disk.</summary>
public sealed class BatchKillTests
{
    private const int Requests = 40;
    private const int Kills = 6;

    [Fact]
    public async Task A_batch_survives_kills_and_answers_each_request_once()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        await using var daemon = await JesusDaemon.StartAsync();
        var requests = Enumerable.Range(0, Requests).Select(i =>
            $$$"""{"custom_id":"r{{{i}}}","params":{"model":"jesus-nano","max_tokens":32,"messages":[{"role":"user","content":"What is {{{i}}} + 1?"}]}}""");
        var (status, body) = await daemon.PostAsync("/v1/messages/batches", "{\"requests\":[" + string.Join(',', requests) + "]}");
        Assert.True(status == HttpStatusCode.OK, body);
        var path = "/v1/messages/batches/" + JsonDocument.Parse(body).RootElement.GetProperty("id").GetString();
        for (var kill = 0; kill < Kills; kill++)
        {
            await Task.Delay(random.Next(10, 250));
            await daemon.KillAsync();
            await daemon.LaunchAsync();
        }

        var batch = await EndAsync(daemon, path);
        Assert.True(batch.GetProperty("request_counts").GetProperty("succeeded").GetInt32() == Requests, $"seed {seed}: {batch}\n{daemon.Log}");
        var ids = new List<string>();
        foreach (var line in (await daemon.Http.GetStringAsync(path + "/results")).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var result = JsonDocument.Parse(line).RootElement;
            Assert.Equal("succeeded", result.GetProperty("result").GetProperty("type").GetString());
            ids.Add(result.GetProperty("custom_id").GetString()!);
        }

        Assert.Equal(Enumerable.Range(0, Requests).Select(i => $"r{i}"), ids);
    }

    private static async Task<JsonElement> EndAsync(JesusDaemon daemon, string path)
    {
        for (var i = 0; i < 3_000; i++)
        {
            var batch = JsonDocument.Parse(await daemon.Http.GetStringAsync(path)).RootElement;
            if (batch.GetProperty("processing_status").GetString() == "ended")
            {
                return batch;
            }

            await Task.Delay(100);
        }

        throw new TimeoutException("the batch never ended\n" + daemon.Log);
    }
}
