using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Jesus.EndToEnd.Binary;

/// <summary>The published daemon over real sockets, on the demonstration model.</summary>
public sealed class ServeTests
{
    private const string Hello = """{"model":"jesus-nano","messages":[{"role":"user","content":"Who are you?"}],"max_tokens":40}""";

    [Fact]
    public async Task It_is_healthy_ready_and_lists_its_model()
    {
        await using var daemon = await JesusDaemon.StartAsync();
        Assert.Equal(HttpStatusCode.OK, (await daemon.Http.GetAsync("/healthz")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await daemon.Http.GetAsync("/readyz")).StatusCode);
        Assert.Contains("jesus-nano", await daemon.Http.GetStringAsync("/v1/models"), StringComparison.Ordinal);
        Assert.Contains("/v1/models", await daemon.Http.GetStringAsync("/"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_chat_answers_the_same_text_whole_and_streamed()
    {
        await using var daemon = await JesusDaemon.StartAsync();
        var (status, whole) = await daemon.PostAsync("/v1/chat/completions", Hello);
        Assert.True(status == HttpStatusCode.OK, whole + daemon.Log);
        var answer = JsonDocument.Parse(whole).RootElement;
        var text = answer.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString();
        Assert.NotEmpty(text!);
        Assert.True(answer.GetProperty("usage").GetProperty("prompt_tokens").GetInt32() > 0);

        var (_, streamed) = await daemon.PostAsync("/v1/chat/completions", Hello[..^1] + ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
        var events = streamed.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(e => e["data: ".Length..]).ToArray();
        Assert.Equal("[DONE]", events[^1]);
        var pieces = events[..^1].Select(e => JsonDocument.Parse(e).RootElement.GetProperty("choices")).Where(c => c.GetArrayLength() > 0)
            .Select(c => c[0].GetProperty("delta")).Where(d => d.TryGetProperty("content", out _)).Select(d => d.GetProperty("content").GetString());
        Assert.Equal(text, string.Concat(pieces));
    }

    [Fact]
    public async Task An_answer_under_a_schema_parses_and_its_spans_are_of_the_input()
    {
        await using var daemon = await JesusDaemon.StartAsync();
        const string Line = "Nov 22 14:03:11 web-3 sshd[2211]: Failed password for root from 10.2.0.7";
        var body = $$$$$$$$"""
            {"model":"jesus-nano","messages":[{"role":"user","content":"Extract the fields of this log line.\n{{{{{{{{Line}}}}}}}}"}],"inputs":{"line":"{{{{{{{{Line}}}}}}}}"},
             "response_format":{"type":"json_schema","json_schema":{"name":"fields","schema":{"type":"object","required":["time","message"],
               "properties":{"time":{"type":"string","x-span-of":"line"},"message":{"type":"string","x-span-of":"line"}}}}}}
            """;
        var (status, answer) = await daemon.PostAsync("/v1/chat/completions", body);
        Assert.True(status == HttpStatusCode.OK, answer);
        var choice = JsonDocument.Parse(answer).RootElement.GetProperty("choices")[0];
        Assert.Equal("stop", choice.GetProperty("finish_reason").GetString());
        var fields = JsonDocument.Parse(choice.GetProperty("message").GetProperty("content").GetString()!).RootElement;
        Assert.Contains(fields.GetProperty("time").GetString()!, Line, StringComparison.Ordinal);
        Assert.Contains(fields.GetProperty("message").GetString()!, Line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_required_tool_is_called_by_its_name_with_arguments_that_parse()
    {
        await using var daemon = await JesusDaemon.StartAsync();
        var (status, answer) = await daemon.PostAsync("/v1/chat/completions", """
            {"model":"jesus-nano","messages":[{"role":"user","content":"What is 17 times 3?"}],"tool_choice":"required",
             "tools":[{"type":"function","function":{"name":"calc","description":"Computes an arithmetic expression.","parameters":{"type":"object",
             "properties":{"expression":{"type":"string"}},"required":["expression"]}}}]}
            """);
        Assert.True(status == HttpStatusCode.OK, answer);
        var choice = JsonDocument.Parse(answer).RootElement.GetProperty("choices")[0];
        Assert.Equal("tool_calls", choice.GetProperty("finish_reason").GetString());
        var function = choice.GetProperty("message").GetProperty("tool_calls")[0].GetProperty("function");
        Assert.Equal("calc", function.GetProperty("name").GetString());
        Assert.Equal(JsonValueKind.String, JsonDocument.Parse(function.GetProperty("arguments").GetString()!).RootElement.GetProperty("expression").ValueKind);
    }

    [Theory]
    [InlineData("{", 400, "invalid_json")]
    [InlineData("""{"model":"jesus-nano","messages":[{"role":"user","content":"x"}],"best_of":2}""", 400, "unsupported_parameter")]
    [InlineData("""{"model":"no-such","messages":[{"role":"user","content":"x"}]}""", 404, "model_not_found")]
    [InlineData("LONG", 400, "context_length_exceeded")]
    public async Task A_bad_request_is_named(string body, int status, string code)
    {
        await using var daemon = await JesusDaemon.StartAsync();
        body = body == "LONG" ? $$"""{"model":"jesus-nano","messages":[{"role":"user","content":"{{string.Concat(Enumerable.Repeat("word and word ", 2000))}}"}]}""" : body;
        var (got, answer) = await daemon.PostAsync("/v1/chat/completions", body);
        Assert.True(status == (int)got, answer);
        Assert.Equal(code, JsonDocument.Parse(answer).RootElement.GetProperty("error").GetProperty("code").GetString());
    }

    [Fact]
    public async Task Sigterm_ends_it_cleanly_and_takes_its_url_and_socket_along()
    {
        await using var daemon = await JesusDaemon.StartAsync();
        Assert.True(File.Exists(Path.Combine(daemon.State, "jesus.sock")));
        Assert.Equal(0, await daemon.TerminateAsync());
        Assert.False(File.Exists(Path.Combine(daemon.State, "url")));
        Assert.False(File.Exists(Path.Combine(daemon.State, "jesus.sock")));
        Assert.Contains("stopped", daemon.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keys_survive_a_kill()
    {
        await using var daemon = await JesusDaemon.StartAsync();
        var (status, body) = await daemon.PostAsync("/api/v1/keys", """{"user":"alice"}""");
        Assert.True(status == HttpStatusCode.Created, body);
        var secret = JsonDocument.Parse(body).RootElement.GetProperty("secret").GetString();
        await daemon.KillAsync();
        await daemon.LaunchAsync();
        daemon.Http.DefaultRequestHeaders.Authorization = new("Bearer", secret);
        Assert.Equal(HttpStatusCode.OK, (await daemon.Http.GetAsync("/v1/models")).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await daemon.Http.GetAsync("/api/v1/keys")).StatusCode);
        daemon.Http.DefaultRequestHeaders.Authorization = new("Bearer", secret![..^1] + (secret[^1] == 'x' ? 'y' : 'x'));
        Assert.Equal(HttpStatusCode.Unauthorized, (await daemon.Http.GetAsync("/v1/models")).StatusCode);
    }

    [Fact]
    public async Task Without_trust_in_loopback_the_port_wants_a_key_and_the_socket_does_not()
    {
        await using var daemon = await JesusDaemon.StartAsync(new Dictionary<string, string> { ["JESUS__Security__TrustLoopback"] = "false" });
        Assert.Equal(HttpStatusCode.Unauthorized, (await daemon.Http.GetAsync("/v1/models")).StatusCode);
        var (exit, output, error) = await JesusBinary.RunAsync("models", "list", "--state", daemon.State);
        Assert.True(exit == 0, error);
        Assert.Contains("jesus-nano", output, StringComparison.Ordinal);
        Assert.Equal(5, (await daemon.VerbAsync("models", "list")).Exit);
    }

    [Fact]
    public async Task A_page_of_another_origin_is_turned_away()
    {
        await using var daemon = await JesusDaemon.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/models");
        request.Headers.Add("Origin", "http://evil.example");
        Assert.Equal(HttpStatusCode.Unauthorized, (await daemon.Http.SendAsync(request)).StatusCode);
    }

    [Fact]
    public async Task Metrics_count_what_was_asked()
    {
        await using var daemon = await JesusDaemon.StartAsync();
        _ = await daemon.PostAsync("/v1/chat/completions", Hello);
        var text = await daemon.Http.GetStringAsync("/metrics");
        Assert.Contains("jesus_requests_total{", text, StringComparison.Ordinal);
        Assert.Contains("jesus_request_seconds_bucket{", text, StringComparison.Ordinal);
        Assert.Contains("process_resident_memory_bytes ", text, StringComparison.Ordinal);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        request.Headers.Accept.ParseAdd("application/openmetrics-text");
        using var response = await daemon.Http.SendAsync(request);
        Assert.EndsWith("# EOF\n", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Prometheus_finds_nothing_to_complain_about()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/promtool"), "promtool is not installed (Debian package prometheus).");
        await using var daemon = await JesusDaemon.StartAsync();
        _ = await daemon.PostAsync("/v1/chat/completions", Hello);
        var start = new System.Diagnostics.ProcessStartInfo("/usr/bin/promtool", ["check", "metrics"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var promtool = System.Diagnostics.Process.Start(start)!;
        await promtool.StandardInput.WriteAsync(await daemon.Http.GetStringAsync("/metrics"));
        promtool.StandardInput.Close();
        var output = await promtool.StandardOutput.ReadToEndAsync() + await promtool.StandardError.ReadToEndAsync();
        await promtool.WaitForExitAsync();
        Assert.Equal((0, ""), (promtool.ExitCode, output.Trim()));
    }

    [Fact]
    public async Task A_second_daemon_on_the_same_state_does_not_start()
    {
        await using var daemon = await JesusDaemon.StartAsync();
        var (exit, _, error) = await JesusBinary.RunAsync("serve", "--state", daemon.State, "--listen", "http://127.0.0.1:0");
        Assert.Equal(1, exit);
        Assert.Contains(daemon.State, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_sends_rubbish_is_answered_and_harms_nobody()
    {
        await using var daemon = await JesusDaemon.StartAsync();
        var uri = new Uri(daemon.Url);
        using (var socket = new TcpClient())
        {
            await socket.ConnectAsync(uri.Host, uri.Port);
            await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes("GET / HTTP/9.9\r\n\r\n\0\0\0"));
            var buffer = new byte[64];
            Assert.StartsWith("HTTP/1.1 ", Encoding.ASCII.GetString(buffer, 0, await socket.GetStream().ReadAsync(buffer)), StringComparison.Ordinal);
        }

        Assert.Equal(HttpStatusCode.OK, (await daemon.Http.GetAsync("/healthz")).StatusCode);
    }
}
