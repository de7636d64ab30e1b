using System.Net;
using System.Text;
using System.Text.Json;
using Jesus.Appliance.Pipeline;
using Jesus.Inference.Contract;
using static Jesus.Appliance.Tests.Gateway.OpenAi.Responses.ResponsesFixture;

namespace Jesus.Appliance.Tests.Gateway.OpenAi.Responses;

public sealed class ResponsesEndpointTests
{
    private const string Ask = """{"model":"nano","input":"hi"}""";
    private const string AskStream = """{"model":"nano","input":"hi","stream":true}""";

    [Fact]
    public async Task A_whole_response_has_its_text_its_usage_and_what_was_asked()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Says(Text("Hel"), Text("lo"));
        var response = await gateway.CreateAsync("""{"model":"nano","input":"hi","instructions":"Be kind.","metadata":{"a":"b"},"temperature":0.5}""");

        Assert.StartsWith("resp_", response.IdOf(), StringComparison.Ordinal);
        Assert.Equal(("response", "completed", "nano"), (Word(response, "object"), Word(response, "status"), Word(response, "model")));
        var message = response.GetProperty("output")[0];
        Assert.Equal(("message", "assistant", "completed"), (Word(message, "type"), Word(message, "role"), Word(message, "status")));
        Assert.Equal("Hello", response.TextOf());
        Assert.Equal((9, 4, 3, 1, 12), (Number(response, "input_tokens"), response.GetProperty("usage").GetProperty("input_tokens_details").GetProperty("cached_tokens").GetInt32(),
            Number(response, "output_tokens"), response.GetProperty("usage").GetProperty("output_tokens_details").GetProperty("reasoning_tokens").GetInt32(),
            Number(response, "total_tokens")));
        Assert.Equal(("Be kind.", 0.5, "b"), (Word(response, "instructions"), response.GetProperty("temperature").GetDouble(), Word(response.GetProperty("metadata"), "a")));
        Assert.True(response.GetProperty("store").GetBoolean());
    }

    [Fact]
    public async Task A_streamed_text_has_OpenAIs_events_in_their_order()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Says(Text("Hel"), Text("lo"));
        var (_, body, http) = await gateway.PostAsync("/v1/responses", AskStream);

        Assert.Equal("text/event-stream", http.Content.Headers.ContentType!.MediaType);
        var events = Events(body);
        Assert.Equal(
            [
                "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added", "response.output_text.delta", "response.output_text.delta",
                "response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed",
            ],
            events.Select(e => e.Name));
        Assert.Equal("in_progress", Word(events[0].Data.GetProperty("response"), "status"));
        Assert.Equal("Hello", Word(events[6].Data, "text"));
        Assert.Equal("completed", Word(events[8].Data.GetProperty("item"), "status"));
        Assert.Equal("Hello", events[9].Data.GetProperty("response").TextOf());
        Assert.Single(events.Where(e => e.Data.TryGetProperty("item_id", out _)).Select(e => Word(e.Data, "item_id")).Distinct());
    }

    [Fact]
    public async Task Reasoning_then_two_tool_calls_are_items_of_their_own_each_done_before_the_next()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Says(
            Event(EventKind.Reasoning, "think"),
            Event(EventKind.ReasoningSignature, "sig"),
            Event(EventKind.ToolCallStart, "calc", 0, "call_1"),
            Event(EventKind.ToolCallArguments, "{\"a\":", 0),
            Event(EventKind.ToolCallArguments, "1}", 0),
            Event(EventKind.ToolCallStart, "clock", 1, "call_2"),
            Event(EventKind.ToolCallArguments, "{}", 1));
        var (_, body, _) = await gateway.PostAsync(
            "/v1/responses", """{"model":"nano","input":"hi","stream":true,"include":["reasoning.encrypted_content"],"tools":[{"type":"function","name":"calc"}]}""");

        var events = Events(body);
        Assert.Equal(
            [
                "response.created", "response.in_progress",
                "response.output_item.added", "response.content_part.added", "response.reasoning_text.delta", "response.reasoning_text.done", "response.content_part.done",
                "response.output_item.done",
                "response.output_item.added", "response.function_call_arguments.delta", "response.function_call_arguments.delta", "response.function_call_arguments.done",
                "response.output_item.done",
                "response.output_item.added", "response.function_call_arguments.delta", "response.function_call_arguments.done", "response.output_item.done",
                "response.completed",
            ],
            events.Select(e => e.Name));
        var output = events[^1].Data.GetProperty("response").GetProperty("output");
        Assert.Equal(("think", "sig"), (Word(output[0].GetProperty("content")[0], "text"), Word(output[0], "encrypted_content")));
        Assert.Equal(("call_1", "calc", "{\"a\":1}"), (Word(output[1], "call_id"), Word(output[1], "name"), Word(output[1], "arguments")));
        Assert.Equal(("call_2", "clock", "{}"), (Word(output[2], "call_id"), Word(output[2], "name"), Word(output[2], "arguments")));
    }

    [Fact]
    public async Task A_summary_of_the_reasoning_is_given_where_one_was_asked_for()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Says(Event(EventKind.Reasoning, "in short"), Text("yes"));
        var (_, body, _) = await gateway.PostAsync("/v1/responses", """{"model":"nano","input":"hi","stream":true,"reasoning":{"effort":"low","summary":"auto"}}""");
        var names = Events(body).Select(e => e.Name).ToArray();
        Assert.Equal(
            ["response.reasoning_summary_part.added", "response.reasoning_summary_text.delta", "response.reasoning_summary_text.done", "response.reasoning_summary_part.done"],
            names.Where(n => n.Contains("summary", StringComparison.Ordinal)));
        Assert.Equal("in short", Word(Events(body)[^1].Data.GetProperty("response").GetProperty("output")[0].GetProperty("summary")[0], "text"));
    }

    [Fact]
    public async Task A_refusal_has_its_own_events_and_part()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Says(Event(EventKind.Refusal, "No."));
        var (_, body, _) = await gateway.PostAsync("/v1/responses", AskStream);
        var events = Events(body);
        Assert.Contains("response.refusal.delta", events.Select(e => e.Name));
        Assert.Contains("response.refusal.done", events.Select(e => e.Name));
        Assert.Equal("No.", Word(events[^1].Data.GetProperty("response").GetProperty("output")[0].GetProperty("content")[0], "refusal"));
    }

    [Theory]
    [InlineData(FinishReason.Length, "max_output_tokens")]
    [InlineData(FinishReason.ContentFilter, "content_filter")]
    public async Task An_answer_that_was_cut_short_is_incomplete_and_says_why(FinishReason reason, string why)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = (_, sink, _) => SayAsync(sink, reason, Text("Hel"));
        var (_, body, _) = await gateway.PostAsync("/v1/responses", AskStream);
        var last = Events(body)[^1];
        Assert.Equal("response.incomplete", last.Name);
        Assert.Equal(why, Word(last.Data.GetProperty("response").GetProperty("incomplete_details"), "reason"));
    }

    [Fact]
    public async Task A_stream_that_breaks_ends_with_response_failed_and_is_not_kept()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = async (_, sink, _) =>
        {
            await sink.WriteAsync(Text("Hel"));
            return new Outcome { Error = new ModelError(ErrorCause.Cut, "the provider hung up"), Reason = FinishReason.Error, Committed = true };
        };
        var (status, body, _) = await gateway.PostAsync("/v1/responses", AskStream);
        Assert.Equal(HttpStatusCode.OK, status);
        var events = Events(body);
        Assert.DoesNotContain("response.completed", events.Select(e => e.Name));
        Assert.DoesNotContain("response.output_text.done", events.Select(e => e.Name));
        var failed = events[^1].Data.GetProperty("response");
        Assert.Equal(("response.failed", "failed", "the provider hung up"), (events[^1].Name, Word(failed, "status"), Word(failed.GetProperty("error"), "message")));
        Assert.Equal("incomplete", Word(failed.GetProperty("output")[0], "status"));
        Assert.Equal(0, gateway.Responses.Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_call_that_fails_before_any_content_is_a_plain_error(bool stream)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = (_, _, _) => new(new Outcome { Error = new ModelError(ErrorCause.ModelNotFound, "no such model", "model") });
        var error = await gateway.CreateAsync(stream ? AskStream : Ask, HttpStatusCode.NotFound);
        Assert.Equal("model_not_found", error.ErrorCode());
    }

    [Fact]
    public async Task Arguments_of_a_call_that_is_done_break_the_stream_rather_than_change_it()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = async (_, sink, _) =>
        {
            try
            {
                return await SayAsync(
                    sink, FinishReason.ToolCalls, Event(EventKind.ToolCallStart, "a", 0, "call_1"), Event(EventKind.ToolCallStart, "b", 1, "call_2"),
                    Event(EventKind.ToolCallArguments, "{}", 0));
            }
            catch (InvalidDataException)
            {
                return new Outcome { Error = new ModelError(ErrorCause.Cancelled, "the reader left"), Committed = true };
            }
        };
        var (_, body, _) = await gateway.PostAsync("/v1/responses", AskStream);
        var last = Events(body)[^1];
        Assert.Equal("response.failed", last.Name);
        Assert.Contains("tool call 0", Word(last.Data.GetProperty("response").GetProperty("error"), "message"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Log_probabilities_stand_in_the_deltas_and_in_the_text()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        TokenLogProb[] tokens = [new("Hi"u8.ToArray(), -0.5f, 1), new("Ho"u8.ToArray(), -1.5f), new("!"u8.ToArray(), -0.25f)];
        gateway.Says(Text("Hi!") with { LogProbs = tokens }, Text("?") with { Tokens = new TokenSpan(new[] { 7 }, new[] { -2f }) });
        ModelCall? seen = null;
        var says = gateway.Answer;
        gateway.Answer = (call, sink, cancel) =>
        {
            seen = call;
            Assert.Equal(1, call.Request.TopLogProbs);
            return says(call, sink, cancel);
        };
        var (_, body, _) = await gateway.PostAsync("/v1/responses", """{"model":"nano","input":"hi","stream":true,"top_logprobs":1,"include":["message.output_text.logprobs"]}""");
        Assert.NotNull(seen);
        var events = Events(body);
        var deltas = events.Where(e => e.Name == "response.output_text.delta").Select(e => e.Data.GetProperty("logprobs")).ToArray();
        Assert.Equal((2, 1), (deltas[0].GetArrayLength(), deltas[1].GetArrayLength()));
        Assert.Equal("Ho", Word(deltas[0][0].GetProperty("top_logprobs")[0], "token"));
        var all = events[^1].Data.GetProperty("response").GetProperty("output")[0].GetProperty("content")[0].GetProperty("logprobs");
        Assert.Equal(["Hi", "!", "?"], all.EnumerateArray().Select(l => Word(l, "token")));
        Assert.Equal([-0.5, -0.25, -2], all.EnumerateArray().Select(l => l.GetProperty("logprob").GetDouble()));
    }

    [Fact]
    public async Task A_providers_own_events_go_out_byte_for_byte_and_are_kept_under_its_id()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        string[] wire =
        [
            """{ "type":"response.created", "sequence_number":0, "response":{"id":"resp_up","odd":1.0e2} }""",
            """{"sequence_number":1,"type":"response.output_text.delta","delta":"H\u0069"}""",
            """{"type":"response.completed","sequence_number":2,"response":{"id":"resp_up","object":"response","status":"completed","output":[]}}""",
        ];
        gateway.Answer = async (call, sink, _) =>
        {
            Assert.Equal(AskStream, Encoding.UTF8.GetString(call.Request.Body.Span));
            Assert.Equal((ApiShape.OpenAiResponses, true), (call.Request.BodyShape, call.Request.Streams));
            await sink.WriteAsync(Wire(wire[0], WirePart.Prelude));
            await sink.WriteAsync(Wire(wire[1], WirePart.Content));
            await sink.WriteAsync(Text("Hi") with { InWire = true });
            await sink.WriteAsync(Wire(wire[2], WirePart.Terminal));
            return new Outcome { Reason = FinishReason.Stop, Usage = Used };
        };
        var (_, body, _) = await gateway.PostAsync("/v1/responses", AskStream);
        Assert.Equal(
            $"event: response.created\ndata: {wire[0]}\n\nevent: response.output_text.delta\ndata: {wire[1]}\n\nevent: response.completed\ndata: {wire[2]}\n\n", body);
        var (status, kept) = await gateway.GetAsync("/v1/responses/resp_up");
        Assert.Equal((HttpStatusCode.OK, "completed"), (status, Word(kept, "status")));
    }

    [Fact]
    public async Task A_providers_own_body_goes_out_byte_for_byte()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        const string Whole = """{ "id":"resp_up",  "status":"completed", "output":[], "extra":1.00 }""";
        gateway.Answer = async (_, sink, _) =>
        {
            await sink.WriteAsync(Wire(Whole, WirePart.Content));
            await sink.WriteAsync(Text("Hi") with { InWire = true });
            return new Outcome { Reason = FinishReason.Stop, Usage = Used };
        };
        var (_, body, _) = await gateway.PostAsync("/v1/responses", Ask);
        Assert.Equal(Whole, body);
    }

    [Fact]
    public async Task A_providers_stream_that_is_cut_ends_with_an_error_event_in_its_own_numbering()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = async (_, sink, _) =>
        {
            await sink.WriteAsync(Wire("""{"type":"response.created","sequence_number":0,"response":{"id":"resp_up"}}""", WirePart.Prelude));
            await sink.WriteAsync(Wire("""{"type":"response.output_text.delta","sequence_number":1,"delta":"Hi"}""", WirePart.Content));
            return new Outcome { Error = new ModelError(ErrorCause.Cut, "the provider hung up"), Committed = true };
        };
        var (_, body, _) = await gateway.PostAsync("/v1/responses", AskStream);
        var last = Events(body)[^1];
        Assert.Equal(("error", "upstream_broken_answer", "the provider hung up"), (last.Name, Word(last.Data, "code"), Word(last.Data, "message")));
        Assert.Equal(0, gateway.Responses.Count);
    }

    [Fact]
    public async Task Input_tokens_are_counted_through_the_pipeline_without_generating()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = (call, _, _) =>
        {
            Assert.Equal((ModelOperation.CountTokens, 2), (call.Request.Operation, call.Request.Turns.Count));
            return new(new Outcome { Reason = FinishReason.Stop, Usage = new Usage { InputTokens = 17 } });
        };
        var (status, body, _) = await gateway.PostAsync("/v1/responses/input_tokens", """{"model":"nano","input":"hi","instructions":"Be kind."}""");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal("""{"object":"response.input_tokens","input_tokens":17}""", body);
    }

    private static ModelEvent Wire(string data, WirePart part) =>
        new() { Kind = EventKind.Wire, Wire = part, Shape = ApiShape.OpenAiResponses, Utf8 = Encoding.UTF8.GetBytes(data) };

    private static string? Word(JsonElement json, string name) => json.GetProperty(name).GetString();

    private static int Number(JsonElement response, string name) => response.GetProperty("usage").GetProperty(name).GetInt32();
}
