using System.Net;
using System.Text;
using System.Text.Json;
using Jesus.Appliance.Gateway;
using Jesus.Appliance.Runner;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Runner.Workflows;
using Jesus.Appliance.Security;

namespace Jesus.Appliance.Tests.Gateway.Rest;

public sealed class RestEndpointsTests
{
    [Fact]
    public async Task A_submission_carries_its_workflow_inputs_and_files()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var (status, body, response) = await gateway.PostAsync("/api/v1/runs",
            """{"workflow":"name: w","file_name":"w.yaml","inputs":{"a":"text","b":5},"input_files":{"log":{"text":"l1"},"bin":{"base64":"AAE="}},"""
                + """ "files":{"sub.yaml":"name: s"}}""");

        Assert.Equal(HttpStatusCode.Accepted, status);
        Assert.Contains("\"r1\"", body, StringComparison.Ordinal);
        Assert.Equal("/api/v1/runs/r1", response.Headers.Location!.ToString());
        var given = gateway.Runs.Submitted!;
        Assert.Equal("name: w", Encoding.UTF8.GetString(given.Workflow.Span));
        Assert.Equal("text", given.Inputs["a"].Text);
        Assert.Equal(5, given.Inputs["b"].Json!.Value.GetInt32());
        Assert.Equal("l1", Encoding.UTF8.GetString(given.Inputs["log"].Bytes!.Value.Span));
        Assert.Equal([0, 1], given.Inputs["bin"].Bytes!.Value.ToArray());
        Assert.Equal("name: s", Encoding.UTF8.GetString(given.Files["sub.yaml"].Span));
    }

    [Fact]
    public async Task A_bad_workflow_is_answered_with_every_error()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Runs.SubmitAnswer = SubmitResult.Invalid([new WorkflowError("w.yaml", 3, 5, "unknown step", ["prompt"])]);
        var (status, body, _) = await gateway.PostAsync("/api/v1/runs", """{"workflow":"x"}""");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, status);
        var error = JsonDocument.Parse(body).RootElement.GetProperty("error");
        Assert.Equal(3, error.GetProperty("errors")[0].GetProperty("line").GetInt32());
        Assert.StartsWith("req_", error.GetProperty("request_id").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"inputs":{}}""", 400)]
    [InlineData("""{"workflow":"x","what":1}""", 400)]
    [InlineData("""{"workflow":"x","inputs":[]}""", 400)]
    [InlineData("""{"workflow":"x","input_files":{"a":{"base64":"%"}}}""", 400)]
    [InlineData("""{"workflow":""", 400)]
    public async Task A_broken_submission_is_refused(string body, int status)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        Assert.Equal(status, (int)(await gateway.PostAsync("/api/v1/runs", body)).Status);
    }

    [Fact]
    public async Task Events_are_sent_with_ids_and_resume_after_the_last_one_seen()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var all = await gateway.Http.GetStringAsync("/api/v1/runs/r1/events");
        Assert.Equal(["id: 1", "id: 2", "id: 3"], all.Split('\n').Where(l => l.StartsWith("id:", StringComparison.Ordinal)));
        Assert.Contains("event: run.finished", all, StringComparison.Ordinal);

        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/runs/r1/events");
        request.Headers.Add("Last-Event-ID", "2");
        using var response = await gateway.Http.SendAsync(request);
        var rest = await response.Content.ReadAsStringAsync();
        Assert.Equal(["id: 3"], rest.Split('\n').Where(l => l.StartsWith("id:", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_quiet_event_stream_sends_comments()
    {
        await using var gateway = await GatewayFixture.StartAsync(new GatewayOptions { HeartbeatSeconds = 1 });
        var gate = new TaskCompletionSource();
        gateway.Runs.Gate = gate.Task;
        using var response = await gateway.Http.GetAsync("/api/v1/runs/r1/events", HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        var line = "";
        while (line is not null && !line.StartsWith(": ", StringComparison.Ordinal))
        {
            line = await reader.ReadLineAsync();
        }

        gate.SetResult();
        Assert.NotNull(line);
        Assert.Contains("id: 3", await reader.ReadToEndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Orders_are_passed_on_and_a_wrong_state_is_a_conflict()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        Assert.Equal(HttpStatusCode.OK, (await gateway.PostAsync("/api/v1/runs/r1/cancel", "")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await gateway.PostAsync("/api/v1/runs/r2/cancel", "")).Status);
        Assert.Equal(HttpStatusCode.OK, (await gateway.PostAsync("/api/v1/runs/r1/approve", """{"step":"s","approved":false,"note":"no"}""")).Status);
        Assert.Equal(("s", false, "no"), gateway.Runs.Approval);
        gateway.Runs.OrderAnswer = RunReplyCode.WrongState;
        Assert.Equal(HttpStatusCode.Conflict, (await gateway.PostAsync("/api/v1/runs/r1/retry", "")).Status);
        Assert.Equal(HttpStatusCode.NotImplemented, (await gateway.PostAsync("/api/v1/runs/r1/fork", "")).Status);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await gateway.Http.GetAsync("/api/v1/runs/r1/cancel")).StatusCode);
    }

    [Fact]
    public async Task An_artifact_is_served_as_data_never_as_a_page_of_this_origin()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var response = await gateway.Http.GetAsync("/api/v1/runs/r1/artifacts/" + Uri.EscapeDataString("out/report.txt"));
        Assert.Equal("all well", await response.Content.ReadAsStringAsync());
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Contains("sandbox", response.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, (await gateway.Http.GetAsync("/api/v1/runs/r1/artifacts/none")).StatusCode);
    }

    [Fact]
    public async Task Models_are_listed_in_both_shapes()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        Assert.Equal("nano", JsonDocument.Parse(await gateway.Http.GetStringAsync("/v1/models")).RootElement.GetProperty("data")[0].GetProperty("id").GetString());
        Assert.Equal("local", JsonDocument.Parse(await gateway.Http.GetStringAsync("/v1/models/nano")).RootElement.GetProperty("owned_by").GetString());
        Assert.Equal("ready", JsonDocument.Parse(await gateway.Http.GetStringAsync("/api/v1/models")).RootElement.GetProperty("models")[0].GetProperty("state").GetString());
        using var missing = await gateway.Http.GetAsync("/v1/models/other");
        Assert.Contains("model_not_found", await missing.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_models_memory_calls_and_pin_are_listed_beside_the_memory_of_all()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var root = JsonDocument.Parse(await gateway.Http.GetStringAsync("/api/v1/models")).RootElement;
        Assert.Equal((1_000, 300), (root.GetProperty("memory").GetProperty("cap_bytes").GetInt64(), root.GetProperty("memory").GetProperty("used_bytes").GetInt64()));
        var model = root.GetProperty("models")[0];
        Assert.Equal((300, 2, true), (model.GetProperty("memory_bytes").GetInt64(), model.GetProperty("calls").GetInt32(), model.GetProperty("pinned").GetBoolean()));
        Assert.Equal(1.2, model.GetProperty("idle_seconds").GetDouble(), 0.1);
    }

    [Theory]
    [InlineData("POST", "nano/load", "", "load nano False")]
    [InlineData("POST", "nano/load", "{\"pin\":true}", "load nano True")]
    [InlineData("POST", "a%3Ab/unload", "", "unload a:b ")]
    [InlineData("POST", "nano/unload", "{\"drain_seconds\":2.5}", "unload nano 2.5")]
    [InlineData("DELETE", "nano", "", "remove nano ")]
    public async Task Orders_for_models_reach_the_engine_with_their_options(string method, string tail, string body, string ordered)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var request = new HttpRequestMessage(new HttpMethod(method), "/api/v1/models/" + tail);
        request.Content = body.Length > 0 ? new StringContent(body, Encoding.UTF8, "application/json") : null;
        using var answer = await gateway.Http.SendAsync(request);
        Assert.Equal((HttpStatusCode.OK, ordered), (answer.StatusCode, gateway.Ordered));
    }

    [Theory]
    [InlineData(ModelOrderCode.NotFound, 404)]
    [InlineData(ModelOrderCode.Conflict, 409)]
    [InlineData(ModelOrderCode.Busy, 503)]
    [InlineData(ModelOrderCode.Failed, 422)]
    public async Task An_order_that_was_not_done_says_why(ModelOrderCode code, int status)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.OrderAnswer = new ModelOrder(code, "for a reason");
        var (got, body, _) = await gateway.PostAsync("/api/v1/models/nano/unload", "");
        Assert.Equal(status, (int)got);
        Assert.Contains("for a reason", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_administrators_order_and_only_within_limits()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        Assert.Equal(HttpStatusCode.BadRequest, (await gateway.PostAsync("/api/v1/models/nano/unload", "{\"drain_seconds\":-1}")).Status);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await gateway.Http.GetAsync("/api/v1/models/nano/load")).StatusCode);
        gateway.Roles = Roles.Models;
        Assert.Equal(HttpStatusCode.OK, (await gateway.Http.GetAsync("/api/v1/models")).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await gateway.PostAsync("/api/v1/models/nano/load", "")).Status);
        Assert.Equal(HttpStatusCode.Forbidden, (await gateway.Http.DeleteAsync("/api/v1/models/nano")).StatusCode);
        Assert.Equal("", gateway.Ordered);
    }

    [Fact]
    public async Task Readiness_names_its_parts_and_turns_with_them()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Readiness.Set("models", false, "loading nano");
        using var loading = await gateway.Http.GetAsync("/readyz");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, loading.StatusCode);
        Assert.Contains("loading nano", await loading.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        gateway.Readiness.Set("models", true, "1 model");
        Assert.Equal(HttpStatusCode.OK, (await gateway.Http.GetAsync("/readyz")).StatusCode);
        gateway.Readiness.Draining = true;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await gateway.Http.GetAsync("/readyz")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await gateway.Http.GetAsync("/healthz")).StatusCode);
    }

    [Theory]
    [InlineData("/v1/batches")]
    [InlineData("/v1/moderations")]
    [InlineData("/mcp")]
    public async Task An_api_that_is_not_built_says_so_in_its_own_shape(string path)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var (status, body, _) = await gateway.PostAsync(path, "{}");
        Assert.Equal(HttpStatusCode.NotImplemented, status);
        var error = JsonDocument.Parse(body).RootElement.GetProperty("error");
        Assert.Contains("not implemented", error.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.False(JsonDocument.Parse(body).RootElement.TryGetProperty("request_id", out _));
    }

    [Fact]
    public async Task Who_has_no_name_or_lacks_the_role_is_turned_away_but_health_stays_open()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Roles = Roles.None;
        using var unknown = await gateway.Http.GetAsync("/v1/models");
        Assert.Equal(HttpStatusCode.Unauthorized, unknown.StatusCode);
        Assert.Equal("Bearer", unknown.Headers.WwwAuthenticate.Single().Scheme);
        Assert.Equal(HttpStatusCode.OK, (await gateway.Http.GetAsync("/healthz")).StatusCode);
        gateway.Roles = Roles.Models;
        Assert.Equal(HttpStatusCode.Forbidden, (await gateway.Http.GetAsync("/api/v1/runs")).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await gateway.PostAsync("/api/v1/models", """{"name":"nano"}""")).Status);
    }

    [Fact]
    public async Task A_key_is_made_listed_and_revoked()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var (status, body, _) = await gateway.PostAsync("/api/v1/keys", """{"user":"alice","roles":["models"],"days":3}""");
        Assert.Equal(HttpStatusCode.Created, status);
        var created = JsonDocument.Parse(body).RootElement;
        Assert.StartsWith("jsk_", created.GetProperty("secret").GetString(), StringComparison.Ordinal);
        var id = created.GetProperty("id").GetString()!;

        var list = await gateway.Http.GetStringAsync("/api/v1/keys");
        Assert.Contains(id, list, StringComparison.Ordinal);
        Assert.DoesNotContain(created.GetProperty("secret").GetString()!, list, StringComparison.Ordinal);
        using var revoked = await gateway.Http.DeleteAsync("/api/v1/keys/" + id);
        Assert.Contains("revoked_at", await revoked.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, (await gateway.Http.DeleteAsync("/api/v1/keys/none")).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await gateway.PostAsync("/api/v1/keys", """{"user":"bob","roles":["king"]}""")).Status);
    }

    [Fact]
    public async Task A_cap_is_set_shown_and_taken_back_by_an_administrator_only()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var set = new StringContent("""{"scope":"team","name":"red","period":"day","usd":2.5,"tokens":1000}""", Encoding.UTF8, "application/json");
        Assert.Equal(HttpStatusCode.OK, (await gateway.Http.PutAsync("/api/v1/budgets", set)).StatusCode);
        using (var shown = JsonDocument.Parse(await gateway.Http.GetStringAsync("/api/v1/budgets")))
        {
            var cap = Assert.Single(shown.RootElement.GetProperty("caps").EnumerateArray());
            Assert.Equal((2.5m, 1000L, "set"), (cap.GetProperty("usd").GetDecimal(), cap.GetProperty("tokens").GetInt64(), cap.GetProperty("source").GetString()));
        }

        var (status, body, _) = await gateway.PostAsync("/api/v1/budgets", """{"scope":"planet","usd":1}""");
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains("scope", body, StringComparison.Ordinal);
        using var delete = new HttpRequestMessage(HttpMethod.Delete, "/api/v1/budgets")
        {
            Content = new StringContent("""{"scope":"team","name":"red","period":"day"}""", Encoding.UTF8, "application/json"),
        };
        Assert.Equal(HttpStatusCode.OK, (await gateway.Http.SendAsync(delete)).StatusCode);
        Assert.Contains("\"caps\":[]", await gateway.Http.GetStringAsync("/api/v1/budgets"), StringComparison.Ordinal);
        gateway.Roles = Roles.Models;
        Assert.Equal(HttpStatusCode.Forbidden, (await gateway.Http.GetAsync("/api/v1/budgets")).StatusCode);
    }
}
