using System.Net;
using System.Text.Json;
using Jesus.Appliance.Security;

namespace Jesus.Appliance.Tests.Gateway.Anthropic;

public sealed class BatchEndpointsTests
{
    [Fact]
    public async Task A_batch_is_created_polled_read_listed_and_deleted_over_http()
    {
        using var rig = new BatchRig(BatchRig.Echo);
        await using var gateway = await GatewayFixture.StartAsync(batches: rig.Batches);
        var (status, body, _) = await gateway.PostAsync("/v1/messages/batches", BatchRig.Body("a", "b"));
        Assert.True(status == HttpStatusCode.OK, body);
        var created = JsonDocument.Parse(body).RootElement;
        var id = created.GetProperty("id").GetString()!;
        Assert.StartsWith("msgbatch_", id, StringComparison.Ordinal);
        Assert.Equal("message_batch", created.GetProperty("type").GetString());
        Assert.Equal(TimeSpan.FromHours(24), created.GetProperty("expires_at").GetDateTimeOffset() - created.GetProperty("created_at").GetDateTimeOffset());

        await rig.EndAsync(id, Principal.System);
        var ended = JsonDocument.Parse(await gateway.Http.GetStringAsync($"/v1/messages/batches/{id}")).RootElement;
        Assert.Equal("ended", ended.GetProperty("processing_status").GetString());
        Assert.Equal("""{"processing":0,"succeeded":2,"errored":0,"canceled":0,"expired":0}""", ended.GetProperty("request_counts").GetRawText());
        var url = ended.GetProperty("results_url").GetString()!;
        Assert.Equal($"{gateway.Url}/v1/messages/batches/{id}/results", url);
        using var results = await gateway.Http.GetAsync(url);
        Assert.Equal("application/x-jsonl", results.Content.Headers.ContentType!.MediaType);
        var lines = (await results.Content.ReadAsStringAsync()).Split('\n');
        Assert.Equal((3, ""), (lines.Length, lines[2]));
        Assert.StartsWith("""{"custom_id":"a","result":{"type":"succeeded","message":{"id":"msg_""", lines[0], StringComparison.Ordinal);

        var list = JsonDocument.Parse(await gateway.Http.GetStringAsync("/v1/messages/batches?limit=5")).RootElement;
        Assert.Equal((id, false), (list.GetProperty("first_id").GetString(), list.GetProperty("has_more").GetBoolean()));
        Assert.Equal(id, list.GetProperty("data")[0].GetProperty("id").GetString());

        using var deleted = await gateway.Http.DeleteAsync($"/v1/messages/batches/{id}");
        Assert.Equal($$"""{"id":"{{id}}","type":"message_batch_deleted"}""", await deleted.Content.ReadAsStringAsync());
        using var gone = await gateway.Http.GetAsync($"/v1/messages/batches/{id}");
        Assert.Equal(HttpStatusCode.NotFound, gone.StatusCode);
        Assert.Contains("\"not_found_error\"", await gone.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_batch_does_not_keep_what_the_head_says_of_routing_and_says_so()
    {
        using var rig = new BatchRig(BatchRig.Echo);
        await using var gateway = await GatewayFixture.StartAsync(batches: rig.Batches);
        gateway.Http.DefaultRequestHeaders.Add("x-jesus-data-class", "restricted");
        var (status, body, _) = await gateway.PostAsync("/v1/messages/batches", BatchRig.Body("a"));
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains("x-jesus-data-class is not kept for message batches", body, StringComparison.Ordinal);
        Assert.Empty(JsonDocument.Parse(await gateway.Http.GetStringAsync("/v1/messages/batches")).RootElement.GetProperty("data").EnumerateArray());
    }

    [Fact]
    public async Task A_batch_at_work_has_no_results_cannot_be_deleted_and_can_be_cancelled()
    {
        using var rig = new BatchRig(async (_, _, cancel) =>
        {
            await Task.Delay(Timeout.Infinite, cancel);
            return default;
        });
        await using var gateway = await GatewayFixture.StartAsync(batches: rig.Batches);
        var (_, body, _) = await gateway.PostAsync("/v1/messages/batches", BatchRig.Body("a"));
        var path = "/v1/messages/batches/" + JsonDocument.Parse(body).RootElement.GetProperty("id").GetString();
        Assert.Contains("\"results_url\":null", body, StringComparison.Ordinal);
        using var early = await gateway.Http.GetAsync(path + "/results");
        Assert.Equal(HttpStatusCode.NotFound, early.StatusCode);
        using var kept = await gateway.Http.DeleteAsync(path);
        Assert.Equal(HttpStatusCode.BadRequest, kept.StatusCode);

        using var cancelled = await gateway.Http.PostAsync(path + "/cancel", null);
        Assert.Equal(HttpStatusCode.OK, cancelled.StatusCode);
        await rig.EndAsync(path["/v1/messages/batches/".Length..], Principal.System);
        Assert.Contains("\"canceled\":1", await gateway.Http.GetStringAsync(path), StringComparison.Ordinal);
        using var wrong = await gateway.Http.PutAsync(path, null);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, wrong.StatusCode);
    }
}
