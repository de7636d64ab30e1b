using System.Text;

namespace Jesus.EndToEnd.Sdk;

/// <summary>A provider that speaks Anthropic's own API, through the published daemon: both ways byte for byte but for the model's name.</summary>
public sealed class AnthropicForwardTests(AnthropicForwardTests.Fixture fixture) : IClassFixture<AnthropicForwardTests.Fixture>
{
    private const string Body =
        """
        { "model" : "claude/wire","max_tokens":64, "messages":[
          {"role":"user","content":[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"\u0078"}}]} ],
          "mcp_servers":[],"stream":STREAM }
        """;

    [Theory]
    [InlineData("false")]
    [InlineData("true")]
    public async Task A_request_and_its_answer_pass_byte_for_byte(string stream)
    {
        var body = Body.Replace("STREAM", stream, StringComparison.Ordinal);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/messages") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Add("x-api-key", fixture.Key);
        request.Headers.Add("anthropic-version", "2026-10-21");
        request.Headers.Add("anthropic-beta", "mcp-client-2025-11-20");
        using var response = await fixture.Daemon.Http.SendAsync(request);
        var answer = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, answer);
        Assert.Equal(stream == "true" ? AnthropicUpstream.Framed : AnthropicUpstream.Whole, answer);

        var sent = fixture.Upstream.LastOf("wire");
        Assert.Equal(body.Replace("\"claude/wire\"", "\"wire\"", StringComparison.Ordinal), sent.Body);
        Assert.Contains("anthropic-version: 2026-10-21\r\n", sent.Head, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("anthropic-beta: mcp-client-2025-11-20\r\n", sent.Head, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(fixture.Key, sent.Head, StringComparison.Ordinal);
    }

    public sealed class Fixture : SdkFixture
    {
        protected override string Script => "";
        protected override string Config => AnthropicUpstream.Config;

        internal override void Prepare(ScriptedUpstream upstream) => AnthropicUpstream.Prepare(upstream);
    }
}
