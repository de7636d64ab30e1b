using System.Net;
using System.Text;
using System.Text.Json;
using Jesus.EndToEnd.Binary;

namespace Jesus.EndToEnd.Sdk;

/// <summary>Requests and answers of the Responses API through a provider that speaks it: the bytes are the caller's and the provider's own.</summary>
public sealed class ResponsesWireTests
{
    private const string Config =
        """
        {
          "providers": {
            "oai": { "adapter": "openai", "url": "UPSTREAM/v1", "leavesBox": false, "models": [ { "name": "wire" } ] }
          }
        }
        """;

    private const string Whole =
        """
        {"id":"resp_up","object":"response","created_at":1,"status":"completed", "error":null,"incomplete_details":null,"model":"wire","output":[
          {"id":"ws_1","type":"web_search_call","status":"completed"},
          {"id":"msg_up","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"F\u006fund","annotations":[]}]}
        ],"usage":{"input_tokens":5,"output_tokens":2,"total_tokens":7},"anything_new":1.50}
        """;

    private static readonly string[] Events =
    [
        """{"type":"response.created","sequence_number":0,"response":{"id":"resp_up","object":"response","status":"in_progress","output":[]}}""",
        """{"type":"response.output_text.delta","sequence_number":1,"item_id":"msg_up","output_index":0,"content_index":0,"delta":"F\u006fund", "logprobs":[]}""",
        $$"""{"type":"response.completed","sequence_number":2,"response":{{Whole.ReplaceLineEndings("")}}}""",
    ];

    [Fact]
    public async Task A_hosted_tool_works_the_bytes_pass_and_the_answer_is_kept_under_the_providers_id()
    {
        await using var upstream = new ScriptedUpstream();
        await using var daemon = await StartAsync(upstream);
        const string Ask = """{"tools":[{"type":"web_search"}], "model":"oai/wire","input":"Look \u0069t up.","unknown_yet":{"a":1.0}}""";
        var (status, body) = await daemon.PostAsync("/v1/responses", Ask);

        Assert.True(status == HttpStatusCode.OK, body);
        Assert.Equal(Whole, body);
        Assert.Equal(Ask.Replace("oai/wire", "wire", StringComparison.Ordinal), upstream.LastOf("wire").Body);
        Assert.Equal("completed", JsonDocument.Parse(await daemon.Http.GetStringAsync("/v1/responses/resp_up")).RootElement.GetProperty("status").GetString());

        // Continued, the provider gets the conversation and no id that it would look for among what it kept for others.
        (status, body) = await daemon.PostAsync("/v1/responses", """{"model":"oai/wire","previous_response_id":"resp_up","input":"More."}""");
        Assert.True(status == HttpStatusCode.OK, body);
        var sent = upstream.LastOf("wire").Json;
        Assert.False(sent.TryGetProperty("previous_response_id", out _));
        Assert.Equal(["message", "web_search_call", "message", "message"], sent.GetProperty("input").EnumerateArray().Select(i => i.GetProperty("type").GetString()));
    }

    [Fact]
    public async Task A_stream_passes_byte_for_byte()
    {
        await using var upstream = new ScriptedUpstream();
        await using var daemon = await StartAsync(upstream);
        var (status, body) = await daemon.PostAsync("/v1/responses", """{"model":"oai/wire","input":"Hi","stream":true}""");
        Assert.True(status == HttpStatusCode.OK, body);
        var expected = new StringBuilder();
        foreach (var data in Events)
        {
            _ = expected.Append("event: ").Append(JsonDocument.Parse(data).RootElement.GetProperty("type").GetString()).Append("\ndata: ").Append(data).Append("\n\n");
        }

        Assert.Equal(expected.ToString(), body);
    }

    private static async Task<JesusDaemon> StartAsync(ScriptedUpstream upstream)
    {
        JesusBinary.SkipIfAbsent();
        upstream.OnChat("wire", Whole, Events);
        var config = Path.GetTempFileName();
        await File.WriteAllTextAsync(config, Config.Replace("UPSTREAM", upstream.Url, StringComparison.Ordinal));
        var daemon = await JesusDaemon.StartAsync("--config", config);
        File.Delete(config);
        return daemon;
    }
}
