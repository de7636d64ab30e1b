using System.Text;
using System.Text.Json.Nodes;
using Jesus.Inference.Adapters.OpenAi;
using Jesus.Inference.Contract;
using Jesus.Inference.Tests.Adapters.Local;
using Jesus.Tests.Faults;
using Jesus.Transport.Buffers;
using Jesus.Transport.Http;

namespace Jesus.Inference.Tests.Adapters.OpenAi;

public sealed class ResponsesTests
{
    private const string Created = """{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","status":"in_progress","output":[],"usage":null}}""";
    private const string Used =
        """{"input_tokens":20,"input_tokens_details":{"cached_tokens":8},"output_tokens":10,"output_tokens_details":{"reasoning_tokens":6},"total_tokens":30}""";

    private const string Completed =
        """{"type":"response.completed","sequence_number":9,"response":{"id":"resp_1","status":"completed","error":null,"incomplete_details":null,""" +
        """ "output":[{"type":"message","content":[{"type":"output_text","text":"again"}]}],"usage":""" + Used + "}}";

    [Fact]
    public async Task A_stream_of_events_becomes_text_reasoning_calls_and_usage()
    {
        var (result, sink) = await StreamedAsync(
            Created,
            """{"type":"response.output_item.added","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[]}}""",
            """{"type":"response.reasoning_summary_part.added","item_id":"rs_1","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""}}""",
            """{"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":0,"delta":"First"}""",
            """{"type":"response.reasoning_summary_text.done","item_id":"rs_1","output_index":0,"summary_index":0,"text":"First"}""",
            """{"type":"response.reasoning_summary_part.added","item_id":"rs_1","output_index":0,"summary_index":1,"part":{"type":"summary_text","text":""}}""",
            """{"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":1,"delta":"second"}""",
            """{"type":"response.output_item.done","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"gAAAAx=="}}""",
            """{"type":"response.output_item.added","output_index":1,"item":{"id":"msg_1","type":"message","content":[]}}""",
            """{"type":"response.content_part.added","item_id":"msg_1","output_index":1,"content_index":0,"part":{"type":"output_text","text":""}}""",
            """{"type":"response.output_text.delta","item_id":"msg_1","output_index":1,"content_index":0,"delta":"Hi \ud83c"}""",
            """{"type":"response.output_text.delta","item_id":"msg_1","output_index":1,"content_index":0,"delta":"\udf0d"}""",
            """{"type":"response.output_text.done","item_id":"msg_1","output_index":1,"content_index":0,"text":"Hi 🌍"}""",
            """{"type":"response.output_item.added","output_index":2,"item":{"id":"fc_1","type":"function_call","call_id":"c1","name":"calc","arguments":""}}""",
            """{"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":2,"delta":"{\"a\":"}""",
            """{"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":2,"delta":"1}"}""",
            """{"type":"response.function_call_arguments.done","item_id":"fc_1","output_index":2,"arguments":"{\"a\":1}"}""",
            """{"type":"response.output_item.done","output_index":2,"item":{"id":"fc_1","type":"function_call","call_id":"c1","name":"calc","arguments":"{\"a\":1}"}}""",
            """{"type":"response.output_item.added","output_index":3,"item":{"id":"fc_2","type":"function_call","call_id":"c2","name":"clock","arguments":""}}""",
            """{"type":"response.function_call_arguments.done","item_id":"fc_2","output_index":3,"arguments":"{}"}""",
            Completed);
        Assert.True(result.Succeeded, result.Error.Message);
        Assert.Equal(
            [
                "Started", "Reasoning First", "Reasoning \n\n".TrimEnd(), "Reasoning second", "ReasoningSignature rs_1:gAAAAx==", "Text Hi", "Text 🌍",
                "ToolCallStart 0 calc c1", "ToolCallArguments 0 {\"a\":", "ToolCallArguments 0 1}", "ToolCallStart 1 clock c2", "ToolCallArguments 1 {}", "Finished ToolCalls",
            ],
            Upstream.Lines(sink));
        Assert.Equal(new Usage { InputTokens = 20, CachedInputTokens = 8, OutputTokens = 10, ReasoningTokens = 6 }, result.Usage);
        Assert.Equal(UsageQuality.Exact, result.Quality);
    }

    [Fact]
    public async Task A_whole_response_is_read_like_its_stream()
    {
        await using var server = new Upstream().Answers("/v1/responses", """
            {"id":"resp_1","object":"response","status":"completed","error":null,"incomplete_details":null,
             "output":[{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAAAx=="},
              {"type":"message","role":"assistant","content":[{"type":"output_text","text":"hi","annotations":[]},{"type":"refusal","refusal":"No."}]},
              {"type":"function_call","call_id":"c1","name":"calc","arguments":"{}"}],
             "usage":{"input_tokens":3,"output_tokens":4}}
            """);
        var (result, sink) = await CallAsync(server, Forwarded("""{"model":"x", "input":"hi"}""", streams: false));
        Assert.True(result.Succeeded, result.Error.Message);
        Assert.Equal(
            ["Started", "RedactedReasoning rs_1:gAAAAx==", "Text hi", "Refusal No.", "ToolCallStart 0 calc c1", "ToolCallArguments 0 {}", "Finished Refusal"],
            Upstream.Lines(sink).Skip(1).Select(l => l.Replace("in wire: ", "", StringComparison.Ordinal)));
        Assert.Equal(WirePart.Terminal, sink.Events[0].Wire);
        Assert.Equal("""{"model":"m", "input":"hi"}""", server.BodyOf("/v1/responses"));
    }

    [Fact]
    public async Task The_answer_to_a_forwarded_body_comes_back_byte_for_byte()
    {
        const string Text = """{"type":"response.output_text.delta","output_index":0,"delta":"hi" , "x_new":1}""";
        const string Search = """{"type":"response.web_search_call.searching","output_index":1}""";
        await using var server = new Upstream().Streams("/v1/responses", Created, Search, Text, Completed);
        var (result, sink) = await CallAsync(server, Forwarded("""{"stream":true,"model":"x"}""", streams: true));
        Assert.True(result.Succeeded, result.Error.Message);
        Assert.Equal(
            [
                $"Wire Prelude {Created}", "in wire: Started", $"Wire Content {Search}", $"Wire Content {Text}", "in wire: Text hi",
                $"Wire Terminal {Completed}", "in wire: Finished Stop",
            ],
            Upstream.Lines(sink));
        Assert.All(sink.Events.Where(e => e.Kind == EventKind.Wire), e => Assert.Equal(ApiShape.OpenAiResponses, e.Shape));
    }

    [Theory]
    [InlineData("""{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"usage":null}""", FinishReason.Length)]
    [InlineData("""{"incomplete_details":{"reason":"content_filter"},"status":"incomplete","usage":null}""", FinishReason.ContentFilter)]
    public async Task An_answer_that_is_cut_off_says_why(string response, FinishReason reason)
    {
        var (result, _) = await StreamedAsync(Created, $$"""{"type":"response.incomplete","response":{{response}}}""");
        Assert.True(result.Succeeded, result.Error.Message);
        Assert.Equal(reason, result.Reason);
    }

    [Theory]
    [InlineData("""{"type":"error","code":"rate_limit_exceeded","message":"slow down","param":null}""", ErrorCause.RateLimited)]
    [InlineData("""{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"oops"},"usage":null}}""", ErrorCause.Internal)]
    public async Task An_error_in_the_stream_is_an_error_and_before_any_content_costs_nothing(string last, ErrorCause cause)
    {
        var (result, _) = await StreamedAsync(Created, last);
        Assert.Equal(cause, result.Error.Cause);
        Assert.Equal((new Usage(), UsageQuality.Exact), (result.Usage, result.Quality));
    }

    [Fact]
    public async Task A_stream_without_its_last_event_is_cut()
    {
        var (result, _) = await StreamedAsync(Created, """{"type":"response.output_text.delta","output_index":0,"delta":"hi"}""");
        Assert.Equal((ErrorCause.Cut, UsageQuality.Estimated), (result.Error.Cause, result.Quality));
    }

    [Fact]
    public async Task Requests_are_built_with_everything_that_the_api_can_say()
    {
        await using var server = new Upstream().Streams("/v1/responses", Created, Completed);
        var request = Built();
        var text = request.Text;
        request.Turns.Begin(TurnRole.Assistant);
        request.Turns.Add(new TurnPart(PartKind.Reasoning, text.Copy("thought"), Signature: text.Copy("rs_1:gAAAAx")));
        request.Turns.Add(new TurnPart(PartKind.RedactedReasoning, default, Signature: text.Copy("gAAAAy")));
        request.Turns.Add(new TurnPart(PartKind.Reasoning, text.Copy("another provider's"), Signature: text.Copy("EqQBCg")));
        request.Turns.Add(new TurnPart(PartKind.Text, text.Copy("let me see")));
        request.Turns.Add(new TurnPart(PartKind.ToolCall, text.Copy("{}"), text.Copy("c1"), text.Copy("look")));
        request.Turns.Begin(TurnRole.Tool);
        request.Turns.Add(new TurnPart(PartKind.ToolResult, default, text.Copy("c1")));
        request.Turns.Add(new TurnPart(PartKind.Text, text.Copy("this")) { InResult = true });
        request.Turns.Add(new TurnPart(PartKind.Image, text.Copy("data:image/png;base64,AA==")) { InResult = true });
        request.Tools.Add(new ToolDefinition(text.Copy("look"), text.Copy("looks"), text.Copy("{\"type\":\"object\"}")));
        request.ToolChoice = new ToolChoice(ToolChoiceMode.Named, text.Copy("look"));
        request.ParallelToolCalls = true;
        request.Reasoning = new ReasoningWish(ReasoningEffort.Highest, Summary: true);
        request.Constraint.Kind = ConstraintKind.JsonSchema;
        request.Constraint.Source = text.Copy("{\"type\":\"object\"}");
        request.MaxOutputTokens = 7;
        request.EndUser = text.Copy("u1");
        await CallAsync(server, request);
        var written = JsonNode.Parse(server.BodyOf("/v1/responses"));
        var expected = JsonNode.Parse("""
            {"model":"m","stream":true,"store":false,
             "input":[{"role":"user","content":"hi"},
              {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"thought"}],"encrypted_content":"gAAAAx"},
              {"type":"reasoning","summary":[],"encrypted_content":"gAAAAy"},
              {"role":"assistant","content":"let me see"},
              {"type":"function_call","call_id":"c1","name":"look","arguments":"{}"},
              {"type":"function_call_output","call_id":"c1","output":[{"type":"input_text","text":"this"},{"type":"input_image","image_url":"data:image/png;base64,AA=="}]}],
             "tools":[{"type":"function","name":"look","description":"looks","parameters":{"type":"object"},"strict":false}],
             "tool_choice":{"type":"function","name":"look"},"parallel_tool_calls":true,
             "text":{"format":{"type":"json_schema","name":"answer","strict":true,"schema":{"type":"object"}}},
             "max_output_tokens":7,"reasoning":{"effort":"xhigh","summary":"auto"},"include":["reasoning.encrypted_content"],"safety_identifier":"u1"}
            """);
        Assert.True(JsonNode.DeepEquals(expected, written), written!.ToJsonString());
    }

    [Fact]
    public void What_the_api_cannot_say_is_refused_by_name()
    {
        (string Param, Action<ModelRequest> Ask)[] asked =
        [
            ("n", r => r.Choices = 2), ("stop", r => r.Stops.Add(r.Text.Copy("x"))), ("seed", r => r.Sampling = new Sampling { Seed = 1 }),
            ("logit_bias", r => r.LogitBias.Add(new TokenBias(1, 1))), ("top_k", r => r.Sampling = new Sampling { TopK = 1 }),
            ("frequency_penalty", r => r.Sampling = new Sampling { FrequencyPenalty = 1 }), ("audio", r => r.VerbatimOnly = "audio"),
        ];
        foreach (var (param, ask) in asked)
        {
            var request = Built();
            ask(request);
            using var body = new PooledBuffer();
            var error = ResponsesRequest.Write(request, body, keepsReasoning: false);
            Assert.Equal((ErrorCause.UnsupportedField, param), (error.Cause, error.Param));
        }
    }

    [Theory]
    [InlineData("thinker", true)]
    [InlineData("m", false)]
    public async Task Encrypted_reasoning_is_asked_for_only_of_models_that_are_known_to_think(string model, bool asked)
    {
        await using var server = new Upstream().Streams("/v1/responses", Created, Completed);
        var request = Built();
        request.Model = request.Text.Copy(model);
        await CallAsync(server, request);
        Assert.Equal(asked, JsonNode.Parse(server.BodyOf("/v1/responses"))!["include"] is not null);
    }

    [Fact]
    public async Task The_api_is_chosen_by_model_and_by_the_body_that_came()
    {
        await using var server = new Upstream()
            .Streams("/v1/responses", Created, Completed)
            .Answers("/v1/chat/completions", """{"choices":[{"index":0,"message":{"content":"hi"},"finish_reason":"stop"}]}""");
        var request = Built();
        request.Model = request.Text.Copy("chatter");
        await CallAsync(server, request);
        var forwarded = Forwarded("""{"model":"x"}""", streams: false);
        forwarded.BodyShape = ApiShape.OpenAiChat;
        await CallAsync(server, forwarded);
        await CallAsync(server, Built());
        Assert.Equal(["/v1/chat/completions", "/v1/chat/completions", "/v1/responses"], server.Requests.Select(r => r.Head.Split(' ')[1]));
        Assert.Contains("openai-organization: org_1\r\nopenai-project: proj_1\r\n", server.Requests[0].Head, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"object":"response.input_tokens","input_tokens":11}""", 11, UsageQuality.Exact)]
    [InlineData("""{"object":"something else"}""", 34, UsageQuality.Estimated)]
    public async Task Tokens_are_counted_by_the_server_or_bounded(string answer, int tokens, UsageQuality quality)
    {
        await using var server = new Upstream().Answers("/v1/responses/input_tokens", answer);
        var request = Built();
        request.Operation = ModelOperation.CountTokens;
        var (result, _) = await CallAsync(server, request);
        Assert.Equal((tokens, quality), (result.Usage.InputTokens, result.Quality));
        Assert.Equal("""{"model":"m","input":[{"role":"user","content":"hi"}]}""", server.BodyOf("/v1/responses/input_tokens"));
    }

    [Fact]
    public void Mutated_events_never_throw_and_give_whole_characters()
    {
        byte[][] events =
        [
            """{"type":"response.output_item.added","output_index":2,"item":{"type":"function_call","call_id":"c","name":"f\u00fc","arguments":""}}"""u8.ToArray(),
            """{"type":"response.output_text.delta","output_index":1,"delta":"\ud83cx","logprobs":[{"token":"a","logprob":-1,"top_logprobs":[]}]}"""u8.ToArray(),
            Encoding.UTF8.GetBytes(Completed),
            """{"status":"completed","output":[{"type":"reasoning","id":"rs","summary":[{"text":"ü"}],"encrypted_content":"e"}],"usage":{"input_tokens":1}}"""u8.ToArray(),
        ];
        for (var seed = 0; seed < 20_000; seed++)
        {
            var dice = new TestDice(seed);
            using var answer = new ResponsesAnswer();
            foreach (var item in events)
            {
                var mutated = item.ToArray();
                for (var i = dice.Next(4); i > 0; i--)
                {
                    mutated[dice.Next(mutated.Length)] = (byte)dice.Next(256);
                }

                _ = answer.Read(mutated.AsSpan(0, dice.Next(3) == 0 ? dice.Next(mutated.Length) + 1 : mutated.Length));
                for (var i = 0; i < answer.EventCount; i++)
                {
                    Assert.True(System.Text.Unicode.Utf8.IsValid(answer.EventAt(i).Utf8.Span), $"seed {seed}");
                }
            }
        }
    }

    private static async Task<(CallResult Result, RecordingSink Sink)> StreamedAsync(params string[] events)
    {
        await using var server = new Upstream().Streams("/v1/responses", events);
        return await CallAsync(server, Built());
    }

    private static async Task<(CallResult Result, RecordingSink Sink)> CallAsync(Upstream server, ModelRequest request)
    {
        using var adapter = new OpenAiAdapter(
            new OpenAiOptions
            {
                Provider = "p",
                Url = server.Url(),
                Key = "k1",
                Api = OpenAiApi.Responses,
                ModelApis = new Dictionary<string, OpenAiApi> { ["chatter"] = OpenAiApi.Chat },
                ReasoningModels = new HashSet<string> { "thinker" },
                Organization = "org_1",
                Project = "proj_1",
            },
            TcpNetwork.Instance,
            TimeProvider.System);
        var sink = new RecordingSink();
        return (await adapter.CallAsync(request, sink, TestContext.Current.CancellationToken), sink);
    }

    private static ModelRequest Built()
    {
        var request = new ModelRequest();
        request.Model = request.Text.Copy("m");
        request.Turns.Add(TurnRole.User, request.Text.Copy("hi"));
        return request;
    }

    private static ModelRequest Forwarded(string body, bool streams)
    {
        var request = Built();
        request.Body = Encoding.UTF8.GetBytes(body);
        request.BodyShape = ApiShape.OpenAiResponses;
        request.Streams = streams;
        return request;
    }
}
