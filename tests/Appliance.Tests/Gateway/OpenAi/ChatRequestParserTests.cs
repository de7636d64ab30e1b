using System.Text;
using Jesus.Appliance.Gateway;
using Jesus.Appliance.Gateway.OpenAi;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Gateway.OpenAi;

public sealed class ChatRequestParserTests
{
    private readonly ModelRequest _request = new();

    [Fact]
    public void A_conversation_is_read_turn_by_turn_and_escapes_are_resolved()
    {
        var failure = Parse("""
            {"model":"nano","messages":[{"role":"system","content":"be brief"},{"content":"gr\u00fc\u00dfe\n","role":"user"},{"role":"assistant",
            "content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}
            """, out var wishes);

        Assert.True(failure.IsNone, failure.Message);
        Assert.Equal("nano", wishes.Model);
        Assert.Equal([TurnRole.System, TurnRole.User, TurnRole.Assistant], Roles());
        Assert.Equal("grüße\n", _request.Turns.PartsOf(1)[0].Text.ToString());
        Assert.Equal(2, _request.Turns.PartsOf(2).Length);
    }

    [Fact]
    public void Tool_calls_and_their_results_keep_their_ids_names_and_arguments()
    {
        var failure = Parse("""
            {"model":"m","messages":[
              {"role":"user","content":"2+2?"},
              {"tool_calls":[{"id":"c1","type":"function","function":{"arguments":"{\"expression\":\"2+2\"}","name":"calc"}}],"role":"assistant","content":null},
              {"content":"4","role":"tool","tool_call_id":"c1"}],
             "tools":[{"type":"function","function":{"name":"calc","description":"computes","parameters":{"type":"object",
             "properties":{"expression":{"type":"string"}}},"strict":true}}],
             "tool_choice":{"type":"function","function":{"name":"calc"}}}
            """, out _);

        Assert.True(failure.IsNone, failure.Message);
        var call = _request.Turns.PartsOf(1)[0];
        Assert.Equal((PartKind.ToolCall, "c1", "calc", "{\"expression\":\"2+2\"}"), (call.Kind, call.Id.ToString(), call.Name.ToString(), call.Text.ToString()));
        var result = _request.Turns.PartsOf(2)[0];
        Assert.Equal((PartKind.ToolResult, "c1", "4"), (result.Kind, result.Id.ToString(), result.Text.ToString()));
        Assert.Equal(ToolChoiceMode.Named, _request.ToolChoice.Mode);
        Assert.StartsWith("{\"type\":\"object\"", _request.Tools[0].Parameters.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_schema_and_its_named_inputs_become_the_constraint()
    {
        var failure = Parse("""
            {"model":"m","messages":[{"role":"user","content":"x"}],"inputs":{"line":"disk full"},
             "response_format":{"type":"json_schema","json_schema":{"name":"fields","strict":true,"schema":{"type":"object",
             "properties":{"message":{"type":"string","x-span-of":"line"}}}}}}
            """, out _);

        Assert.True(failure.IsNone, failure.Message);
        Assert.Equal(ConstraintKind.JsonSchema, _request.Constraint.Kind);
        Assert.Equal("fields", _request.Constraint.Name.ToString());
        Assert.Contains("x-span-of", _request.Constraint.Source.ToString(), StringComparison.Ordinal);
        Assert.Equal(("line", "disk full"), (_request.Constraint.Inputs[0].Name.ToString(), _request.Constraint.Inputs[0].Text.ToString()));
    }

    [Fact]
    public void Sampling_limits_and_stops_are_taken_over()
    {
        var failure = Parse("""
            {"model":"m","messages":[{"role":"user","content":"x"}],"temperature":0.5,"top_p":0.9,"top_k":40,"min_p":0.05,"seed":-1,"n":2,"stop":["a","b"],
             "max_completion_tokens":7,"frequency_penalty":1,"presence_penalty":-1,"logprobs":true,"stream":true,
             "stream_options":{"include_usage":true},"parallel_tool_calls":false}
            """, out var wishes);

        Assert.True(failure.IsNone, failure.Message);
        const SamplingFields All = SamplingFields.Temperature | SamplingFields.TopP | SamplingFields.TopK | SamplingFields.MinP;
        var wanted = new Sampling
        {
            Temperature = 0.5f,
            TopP = 0.9f,
            TopK = 40,
            MinP = 0.05f,
            Seed = ulong.MaxValue,
            FrequencyPenalty = 1,
            PresencePenalty = -1,
            Given = All,
        };
        Assert.Equal(wanted, _request.Sampling);
        Assert.Equal((2, 7, 2, 0), (_request.Choices, _request.MaxOutputTokens, _request.Stops.Count, _request.TopLogProbs));
        Assert.True(wishes is { Stream: true, IncludeUsage: true, LogProbs: true, ParallelToolCalls: false });
    }

    [Fact]
    public void Harmless_fields_and_nulls_are_accepted()
    {
        var failure = Parse("""{"model":"m","messages":[{"role":"user","content":"x","name":null}],"user":"u","metadata":{"a":"b"},"store":false,"""
            + """ "service_tier":"auto","logit_bias":{},"modalities":["text"],"prompt_cache_key":"k","functions":null,"temperature":null,"stop":null}""", out _);
        Assert.True(failure.IsNone, failure.Message);
    }

    [Theory]
    [InlineData("""{"messages":[{"role":"user","content":"x"}]}""", "missing_required_parameter", "model")]
    [InlineData("""{"model":"m","messages":[]}""", "missing_required_parameter", "messages")]
    [InlineData("""{"model":"m","model":"n","messages":[{"role":"user","content":"x"}]}""", "duplicate_parameter", "model")]
    [InlineData("""{"model":7,"messages":[{"role":"user","content":"x"}]}""", "invalid_type", "model")]
    [InlineData("""{"model":"m","messages":[{"role":"robot","content":"x"}]}""", "invalid_value", "messages[0].role")]
    [InlineData("""{"model":"m","messages":[{"role":"user"}]}""", "missing_required_parameter", "messages[0].content")]
    [InlineData("""{"model":"m","messages":[{"role":"tool","content":"x"}]}""", "missing_required_parameter", "messages[0].tool_call_id")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":[{"type":"video","text":"x"}]}]}""", "invalid_value", "messages[0].content[0].type")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x","title":"bob"}]}""", "unsupported_parameter", "messages[0].title")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"","format":"wav"}}]}]}""",
        "unsupported_parameter", "messages[0].content[0].input_audio")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"audio":{"voice":"alloy","format":"wav"}}""", "unsupported_parameter", "audio")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"service_tier":"priority"}""", "unsupported_parameter", "service_tier")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"reasoning_effort":"a lot"}""", "invalid_value", "reasoning_effort")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"a"}}],"""
        + """ "tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"b"}}]}}}""",
        "invalid_parameter", "tool_choice.allowed_tools.tools[0]")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"best_of":3}""", "unsupported_parameter", "best_of")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"temperature":3}""", "invalid_value", "temperature")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"n":0}""", "invalid_value", "n")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"n":1.5}""", "invalid_value", "n")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"stop":[""]}""", "invalid_value", "stop")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"logit_bias":{"five":1}}""", "invalid_value", "logit_bias")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"logit_bias":{"5":101}}""", "invalid_value", "logit_bias")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"stream_options":{"include_usage":true}}""", "invalid_parameter", "stream_options")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":5,"max_completion_tokens":6}""", "invalid_parameter", "max_completion_tokens")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"top_logprobs":3}""", "invalid_parameter", "top_logprobs")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"logprobs":true,"top_logprobs":21}""", "invalid_value", "top_logprobs")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"tool_choice":"required"}""", "invalid_parameter", "tool_choice")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"a"}},{"type":"function","""
        + """ "function":{"name":"a"}}]}""", "invalid_value", "tools[1].function.name")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"response_format":{"type":"yaml"}}""", "invalid_value", "response_format.type")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema"}}""",
        "missing_required_parameter", "response_format.json_schema.schema")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}]""", "invalid_json", null)]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"\ud800"}]}""", "invalid_json", null)]
    [InlineData("""[]""", "invalid_json", null)]
    public void A_mistake_is_named_with_code_and_field(string body, string code, string? param)
    {
        var failure = Parse(body, out _);
        Assert.Equal((400, code, param), (failure.Status, failure.Code, failure.Param));
        Assert.NotEmpty(failure.Message);
    }

    [Theory]
    [InlineData("store", "true", "store")]
    [InlineData("verbosity", "\"low\"", "verbosity")]
    [InlineData("service_tier", "\"flex\"", "service_tier")]
    [InlineData("prediction", """{"type":"content","content":"x"}""", "prediction")]
    [InlineData("functions", """[{"name":"f","parameters":{}}]""", "functions")]
    [InlineData("prompt_cache_retention", "\"24h\"", "prompt_cache_retention")]
    [InlineData("tools", """[{"type":"custom","custom":{"name":"f"}}]""", "tools[0].custom")]
    [InlineData("stream_options", """{"include_obfuscation":true}""", "stream_options.include_obfuscation")]
    public void A_field_that_only_forwarding_honours_is_named_for_the_planner(string field, string value, string name)
    {
        var failure = Parse($$"""{"model":"m","stream":true,"messages":[{"role":"user","content":"x"}],"{{field}}":{{value}}}""", out _);
        Assert.True(failure.IsNone, failure.Message);
        Assert.Equal(name, _request.VerbatimOnly);
        Assert.Equal(ApiShape.OpenAiChat, _request.BodyShape);
    }

    [Theory]
    [InlineData("""{"role":"user","content":"x","name":"bob"}""", "messages[0].name")]
    [InlineData("""{"role":"function","content":"x","name":"f"}""", "messages[0].role")]
    [InlineData("""{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}}""", "messages[0].function_call")]
    [InlineData("""{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://a/b.png","detail":"low"}}]}""", "messages[0].content[0].image_url.detail")]
    public void A_message_that_only_forwarding_honours_is_named_for_the_planner(string message, string name)
    {
        var failure = Parse($$"""{"model":"m","messages":[{{message}}]}""", out _);
        Assert.True(failure.IsNone, failure.Message);
        Assert.Equal(name, _request.VerbatimOnly);
    }

    [Fact]
    public void Only_the_allowed_tools_are_left_wherever_the_choice_stands()
    {
        var failure = Parse("""
            {"model":"m","tool_choice":{"type":"allowed_tools","allowed_tools":{"tools":[{"type":"function","function":{"name":"c"}},
            {"type":"function","function":{"name":"a"}}],"mode":"required"}},"messages":[{"role":"user","content":"x"}],
            "tools":[{"type":"function","function":{"name":"a"}},{"type":"function","function":{"name":"b"}},{"type":"function","function":{"name":"c","strict":true}}]}
            """, out _);
        Assert.True(failure.IsNone, failure.Message);
        Assert.Equal(["c", "a"], _request.Tools.Select(t => t.Name.ToString()));
        Assert.Equal((true, false, ToolChoiceMode.Required), (_request.Tools[0].Strict, _request.Tools[1].Strict, _request.ToolChoice.Mode));
        Assert.Equal("", _request.VerbatimOnly);
    }

    [Fact]
    public void Images_refusals_reasoning_and_results_in_parts_become_parts()
    {
        var failure = Parse("""
            {"model":"m","reasoning_effort":"xhigh","parallel_tool_calls":false,"safety_identifier":"who","logit_bias":{"50256":-100},"messages":[
            {"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"auto"}}]},
            {"role":"assistant","content":"partly","refusal":"I can not.","reasoning_content":"hm","annotations":[]},
            {"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},
            {"role":"tool","tool_call_id":"1","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}
            """, out _);
        Assert.True(failure.IsNone, failure.Message);
        Assert.Equal(PartKind.Image, _request.Turns.PartsOf(0)[0].Kind);
        Assert.Equal(["hm", "partly", "I can not."], _request.Turns.PartsOf(1).ToArray().Select(p => p.Text.ToString()));
        var result = _request.Turns.PartsOf(3).ToArray();
        Assert.Equal([(PartKind.ToolResult, "a", false), (PartKind.Text, "b", true)], result.Select(p => (p.Kind, p.Text.ToString(), p.InResult)));
        Assert.Equal((ReasoningEffort.Highest, false, "who"), (_request.Reasoning.Effort, _request.ParallelToolCalls, _request.EndUser.ToString()));
        Assert.Equal([new TokenBias(50256, -100)], _request.LogitBias);
    }

    [Fact]
    public void Bytes_that_are_no_utf8_are_refused()
    {
        var failure = ChatRequestParser.Parse(new byte[] { (byte)'{', 0xff, (byte)'}' }, _request, new GatewayOptions(), out _);
        Assert.Equal("invalid_utf8", failure.Code);
    }

    [Fact]
    public void No_mutation_of_a_body_makes_the_parser_throw()
    {
        var seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var dice = new Random(seed);
        var whole = Encoding.UTF8.GetBytes("""{"model":"m","messages":[{"role":"user","content":[{"type":"text","""
            + """ "text":"x\u00e9"}]},{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]}],"""
            + """ "tools":[{"type":"function","function":{"name":"f","parameters":{}}}],"response_format":{"type":"json_schema","""
            + """ "json_schema":{"name":"n","schema":{}}},"inputs":{"a":"b"},"stop":["x"],"n":1,"stream":true}""");
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = whole.ToArray();
            for (var edits = dice.Next(4) + 1; edits > 0; edits--)
            {
                bytes[dice.Next(bytes.Length)] = "{}[]\",:0tfn\\u \u007f"u8[dice.Next(15)];
            }

            _request.Reset();
            _ = ChatRequestParser.Parse(bytes.AsMemory(0, dice.Next(bytes.Length) + 1), _request, new GatewayOptions(), out _);
        }
    }

    private ApiFailure Parse(string body, out ChatWishes wishes)
    {
        _request.Reset();
        return ChatRequestParser.Parse(Encoding.UTF8.GetBytes(body), _request, new GatewayOptions(), out wishes);
    }

    private List<TurnRole> Roles() => [.. Enumerable.Range(0, _request.Turns.Count).Select(i => _request.Turns[i].Role)];
}
