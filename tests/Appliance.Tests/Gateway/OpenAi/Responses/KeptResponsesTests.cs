using System.Net;
using System.Text;
using System.Text.Json;
using Jesus.Appliance.Artifacts;
using Jesus.Inference.Contract;
using static Jesus.Appliance.Tests.Gateway.OpenAi.Responses.ResponsesFixture;

namespace Jesus.Appliance.Tests.Gateway.OpenAi.Responses;

public sealed class KeptResponsesTests
{
    [Fact]
    public async Task A_response_is_read_again_as_it_was_until_it_is_deleted()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Says(Text("Hello"));
        var made = await gateway.CreateAsync("""{"model":"nano","input":"hi"}""");
        var (status, read) = await gateway.GetAsync("/v1/responses/" + made.IdOf());
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.True(JsonElement.DeepEquals(made, read), read.ToString());

        using (var deleted = await gateway.Http.DeleteAsync("/v1/responses/" + made.IdOf()))
        {
            Assert.Equal($$"""{"id":"{{made.IdOf()}}","object":"response","deleted":true}""", await deleted.Content.ReadAsStringAsync());
        }

        Assert.Equal(HttpStatusCode.NotFound, (await gateway.GetAsync("/v1/responses/" + made.IdOf())).Status);
        using var again = await gateway.Http.DeleteAsync("/v1/responses/" + made.IdOf());
        Assert.Equal(HttpStatusCode.NotFound, again.StatusCode);
    }

    [Fact]
    public async Task A_response_that_the_caller_wants_not_kept_is_not()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Says(Text("Hello"));
        var made = await gateway.CreateAsync("""{"model":"nano","input":"hi","store":false}""");
        Assert.False(made.GetProperty("store").GetBoolean());
        Assert.Equal(HttpStatusCode.NotFound, (await gateway.GetAsync("/v1/responses/" + made.IdOf())).Status);
    }

    [Fact]
    public async Task An_answer_that_cannot_be_kept_is_given_and_says_that_it_is_not_kept()
    {
        await using var gateway = await GatewayFixture.StartAsync(artifacts: new ArtifactOptions { FreeBytesMin = 0, QuotaBytes = 64 });
        gateway.Says(Text("Hello"));
        var made = await gateway.CreateAsync("""{"model":"nano","input":"hi"}""");
        Assert.Equal(("Hello", false), (made.TextOf(), made.GetProperty("store").GetBoolean()));
        var refused = await gateway.CreateAsync("""{"model":"nano","input":"hi","background":true}""", HttpStatusCode.InsufficientStorage);
        Assert.Equal("storage_full", refused.ErrorCode());
    }

    [Fact]
    public async Task Another_principal_finds_nothing_whatever_it_tries()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Says(Text("Hello"));
        var id = (await gateway.CreateAsync("""{"model":"nano","input":"hi"}""")).IdOf();
        gateway.Caller = "somebody else";
        Assert.Equal(HttpStatusCode.NotFound, (await gateway.GetAsync("/v1/responses/" + id)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await gateway.GetAsync($"/v1/responses/{id}/input_items")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await gateway.PostAsync($"/v1/responses/{id}/cancel", "{}")).Status);
        using var deleted = await gateway.Http.DeleteAsync("/v1/responses/" + id);
        Assert.Equal(HttpStatusCode.NotFound, deleted.StatusCode);
        var continued = await gateway.CreateAsync($$"""{"model":"nano","input":"and?","previous_response_id":"{{id}}"}""", HttpStatusCode.NotFound);
        Assert.Equal("previous_response_not_found", continued.ErrorCode());
    }

    [Fact]
    public async Task A_continued_response_is_asked_with_the_whole_conversation_but_not_with_earlier_instructions()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Says(Event(EventKind.ToolCallStart, "calc", 0, "call_1"), Event(EventKind.ToolCallArguments, "{\"e\":\"2+2\"}"));
        var first = await gateway.CreateAsync("""{"model":"nano","input":"What is 2+2?","instructions":"Old."}""");
        gateway.Says(Text("Four."));
        var second = await gateway.CreateAsync(
            $$"""{"model":"nano","previous_response_id":"{{first.IdOf()}}","input":[{"type":"function_call_output","call_id":"call_1","output":"4"}]}""");
        Assert.Equal(first.IdOf(), second.GetProperty("previous_response_id").GetString());

        string[] turns = [];
        var body = "";
        gateway.Answer = (call, sink, _) =>
        {
            turns = ResponseRequestTests.TurnsOf(call.Request);
            body = Encoding.UTF8.GetString(call.Request.Body.Span);
            return SayAsync(sink, FinishReason.Stop, Text("Yes."));
        };
        _ = await gateway.CreateAsync($$"""{"model":"nano","previous_response_id":"{{second.IdOf()}}","instructions":"New.","input":"Sure?"}""");
        Assert.Equal(
            [
                "System: Text New.", "User: Text What is 2+2?", "Assistant: ToolCall {\"e\":\"2+2\"} call_1 calc", "Tool: ToolResult 4 call_1", "Assistant: Text Four.",
                "User: Text Sure?",
            ],
            turns);

        // A provider that is given the body gets the conversation in it, and no id of ours.
        var input = JsonDocument.Parse(body).RootElement;
        Assert.False(input.TryGetProperty("previous_response_id", out _));
        Assert.Equal(
            ["message", "function_call", "function_call_output", "message", "message"], input.GetProperty("input").EnumerateArray().Select(i => i.GetProperty("type").GetString()));
        Assert.All(input.GetProperty("input").EnumerateArray(), i => Assert.False(i.TryGetProperty("id", out _)));
    }

    [Fact]
    public async Task A_conversation_whose_beginning_was_deleted_cannot_be_continued()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Says(Text("Hello"));
        var first = (await gateway.CreateAsync("""{"model":"nano","input":"hi"}""")).IdOf();
        var second = (await gateway.CreateAsync($$"""{"model":"nano","input":"and?","previous_response_id":"{{first}}"}""")).IdOf();
        using var deleted = await gateway.Http.DeleteAsync("/v1/responses/" + first);
        var error = await gateway.CreateAsync($$"""{"model":"nano","input":"and?","previous_response_id":"{{second}}"}""", HttpStatusCode.NotFound);
        Assert.Contains(first, error.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Input_items_come_latest_first_in_pages_with_ids()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Says(Text("Hello"));
        var id = (await gateway.CreateAsync(
            """
            {"model":"nano","input":[{"role":"user","content":"one"},{"type":"message","role":"user","id":"msg_own","content":"two"},
             {"type":"function_call_output","call_id":"c","output":"3"}]}
            """)).IdOf();

        var (_, page) = await gateway.GetAsync($"/v1/responses/{id}/input_items?limit=2");
        Assert.Equal(["function_call_output", "message"], page.GetProperty("data").EnumerateArray().Select(i => i.GetProperty("type").GetString()));
        Assert.Equal(("msg_own", true), (page.GetProperty("last_id").GetString(), page.GetProperty("has_more").GetBoolean()));
        var (_, rest) = await gateway.GetAsync($"/v1/responses/{id}/input_items?limit=2&after=msg_own");
        var only = Assert.Single(rest.GetProperty("data").EnumerateArray());
        Assert.Equal(("one", "input_text"), (only.GetProperty("content")[0].GetProperty("text").GetString(), only.GetProperty("content")[0].GetProperty("type").GetString()));
        Assert.False(rest.GetProperty("has_more").GetBoolean());
        Assert.Equal(HttpStatusCode.BadRequest, (await gateway.GetAsync($"/v1/responses/{id}/input_items?limit=0")).Status);
    }

    [Fact]
    public async Task A_streamed_response_is_kept_before_its_last_event_says_so()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Says(Text("Hello"));
        var (_, body, _) = await gateway.PostAsync("/v1/responses", """{"model":"nano","input":"hi","stream":true}""");
        var completed = Events(body)[^1].Data.GetProperty("response");
        var (_, read) = await gateway.GetAsync("/v1/responses/" + completed.IdOf());
        Assert.True(JsonElement.DeepEquals(completed, read), read.ToString());
    }

    [Fact]
    public async Task Only_responses_in_the_background_can_be_cancelled_or_streamed_again()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Says(Text("Hello"));
        var id = (await gateway.CreateAsync("""{"model":"nano","input":"hi"}""")).IdOf();
        Assert.Equal(HttpStatusCode.BadRequest, (await gateway.PostAsync($"/v1/responses/{id}/cancel", "{}")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await gateway.GetAsync($"/v1/responses/{id}?stream=true")).Status);
    }
}
