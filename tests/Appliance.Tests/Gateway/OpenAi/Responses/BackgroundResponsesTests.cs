using System.Net;
using System.Text.Json;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Responses;
using Jesus.Inference.Contract;
using static Jesus.Appliance.Tests.Gateway.OpenAi.Responses.ResponsesFixture;

namespace Jesus.Appliance.Tests.Gateway.OpenAi.Responses;

public sealed class BackgroundResponsesTests
{
    private const string Ask = """{"model":"nano","input":"hi","background":true}""";

    [Fact]
    public async Task A_response_in_the_background_is_queued_then_in_progress_then_completed()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var go = Gate(gateway);
        var queued = await gateway.CreateAsync(Ask);
        Assert.Equal(("queued", true), (queued.GetProperty("status").GetString(), queued.GetProperty("background").GetBoolean()));
        var path = "/v1/responses/" + queued.IdOf();
        await UntilAsync(gateway, path, "in_progress");
        go.SetResult();
        var done = await UntilAsync(gateway, path, "completed");
        Assert.Equal("Hello", done.TextOf());
        Assert.Equal(queued.GetProperty("created_at").GetInt64(), done.GetProperty("created_at").GetInt64());
    }

    [Fact]
    public async Task A_cancelled_response_ends_as_cancelled_and_stays_so()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        _ = Gate(gateway);
        var id = (await gateway.CreateAsync(Ask)).IdOf();
        await UntilAsync(gateway, "/v1/responses/" + id, "in_progress");
        for (var i = 0; i < 2; i++)
        {
            var (status, body, _) = await gateway.PostAsync($"/v1/responses/{id}/cancel", "{}");
            Assert.True(status == HttpStatusCode.OK, body);
            Assert.Equal("cancelled", JsonDocument.Parse(body).RootElement.GetProperty("status").GetString());
        }
    }

    [Fact]
    public async Task A_failed_response_is_kept_with_its_error()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = (_, _, _) => new(new Outcome { Error = new ModelError(ErrorCause.Overloaded, "every candidate is busy") });
        var id = (await gateway.CreateAsync(Ask)).IdOf();
        var failed = await UntilAsync(gateway, "/v1/responses/" + id, "failed");
        Assert.Equal("every candidate is busy", failed.GetProperty("error").GetProperty("message").GetString());
    }

    [Fact]
    public async Task A_response_that_a_crash_interrupted_is_answered_as_failed()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var begun = new StoredResponse("resp_lost", "test", DateTimeOffset.UtcNow, Background: true, Ended: false, "", "\"hi\""u8.ToArray(),
            """{"id":"resp_lost","object":"response","status":"queued","error":null,"output":[]}"""u8.ToArray());
        Assert.Null(await gateway.Responses.KeepAsync(begun));
        var (status, read) = await gateway.GetAsync("/v1/responses/resp_lost");
        Assert.Equal((HttpStatusCode.OK, "failed"), (status, read.GetProperty("status").GetString()));
        Assert.Contains("stopped", read.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
        var continued = await gateway.CreateAsync("""{"model":"nano","input":"x","previous_response_id":"resp_lost"}""", HttpStatusCode.BadRequest);
        Assert.Equal("invalid_parameter", continued.ErrorCode());
    }

    [Fact]
    public async Task Its_events_can_be_followed_from_the_start_and_again_after_any_number()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Says(Text("Hel"), Text("lo"));
        var (_, body, _) = await gateway.PostAsync("/v1/responses", """{"model":"nano","input":"hi","background":true,"stream":true}""");
        var all = Events(body);
        Assert.Equal(["response.created", "response.queued", "response.in_progress", "response.output_item.added"], all.Take(4).Select(e => e.Name));
        Assert.Equal("response.completed", all[^1].Name);
        var id = all[0].Data.GetProperty("response").IdOf();

        var rest = Events(await gateway.Http.GetStringAsync($"/v1/responses/{id}?stream=true&starting_after=4"), first: 5);
        Assert.Equal(all.Skip(5).Select(e => e.Data.ToString()), rest.Select(e => e.Data.ToString()));
    }

    [Fact]
    public async Task A_deleted_response_does_not_come_back_when_its_making_ends()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        _ = Gate(gateway);
        var id = (await gateway.CreateAsync(Ask)).IdOf();
        using var deleted = await gateway.Http.DeleteAsync("/v1/responses/" + id);
        Assert.Equal(HttpStatusCode.OK, deleted.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await gateway.GetAsync("/v1/responses/" + id)).Status);
        Assert.Equal(0, gateway.Responses.Count);
    }

    [Fact]
    public async Task It_goes_to_no_provider_as_it_came_since_the_provider_would_make_it_in_its_own_background()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = (call, sink, _) => call.Request is { BodyShape: ApiShape.None, Body.IsEmpty: true, Turns.Count: 1 }
            ? SayAsync(sink, FinishReason.Stop, Text("Hello"))
            : throw new InvalidOperationException("the body was there");
        var id = (await gateway.CreateAsync(Ask)).IdOf();
        await UntilAsync(gateway, "/v1/responses/" + id, "completed");
    }

    /// <summary>Lets every answer begin, and end when the source is set or the call cancelled.</summary>
    private static TaskCompletionSource Gate(GatewayFixture gateway)
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        gateway.Answer = async (_, sink, cancel) =>
        {
            try
            {
                await sink.WriteAsync(new ModelEvent { Kind = EventKind.Started });
                await gate.Task.WaitAsync(cancel);
                return await SayAsync(sink, FinishReason.Stop, Text("Hello"));
            }
            catch (OperationCanceledException)
            {
                return new Outcome { Error = new ModelError(ErrorCause.Cancelled, "cancelled"), Reason = FinishReason.Cancelled };
            }
        };
        return gate;
    }

    private static async Task<JsonElement> UntilAsync(GatewayFixture gateway, string path, string wanted)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        while (true)
        {
            var (status, json) = await gateway.GetAsync(path);
            Assert.Equal(HttpStatusCode.OK, status);
            if (json.GetProperty("status").GetString() == wanted)
            {
                return json;
            }

            await Task.Delay(20, limit.Token);
        }
    }
}
