using System.Text;
using System.Text.Json.Nodes;
using Jesus.Inference.Adapters.Shared.Chat;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Tests.Adapters.Shared.Chat;

public sealed class ChatRequestTests
{
    [Fact]
    public void A_conversation_with_tools_is_written_as_the_api_wants_it()
    {
        var request = Request();
        var text = request.Text;
        request.Turns.Add(TurnRole.System, text.Copy("be \"brief\""));
        request.Turns.Add(TurnRole.User, text.Copy("2 + 2?"));
        request.Turns.Begin(TurnRole.Assistant);
        request.Turns.Add(new TurnPart(PartKind.ToolCall, text.Copy("{\"e\":\"2+2\"}"), text.Copy("c1"), text.Copy("calc")));
        request.Turns.Begin(TurnRole.Tool);
        request.Turns.Add(new TurnPart(PartKind.ToolResult, text.Copy("4"), text.Copy("c1")));
        request.Tools.Add(new ToolDefinition(text.Copy("calc"), text.Copy("computes"), text.Copy("{\"type\":\"object\"}")));
        request.ToolChoice = new ToolChoice(ToolChoiceMode.Named, text.Copy("calc"));
        request.Constraint.Kind = ConstraintKind.JsonSchema;
        request.Constraint.Source = text.Copy("{\"type\":\"object\",\"properties\":{}}");
        request.Sampling = new Sampling { Temperature = 0.5f, TopP = 0.25f, Seed = 7 };
        request.MaxOutputTokens = 9;
        request.Stops.Add(text.Copy("END"));
        Same(
            """
            {"model":"m","stream":true,"stream_options":{"include_usage":true},
             "messages":[{"role":"system","content":"be \"brief\""},{"role":"user","content":"2 + 2?"},
              {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"calc","arguments":"{\"e\":\"2+2\"}"}}]},
              {"role":"tool","tool_call_id":"c1","content":"4"}],
             "tools":[{"type":"function","function":{"name":"calc","description":"computes","parameters":{"type":"object"}}}],
             "tool_choice":{"type":"function","function":{"name":"calc"}},
             "response_format":{"type":"json_schema","json_schema":{"name":"answer","strict":true,"schema":{"type":"object","properties":{}}}},
             "temperature":0.5,"top_p":0.25,"max_tokens":9,"seed":7,"stop":["END"]}
            """,
            request);
    }

    [Fact]
    public void Every_word_of_the_contract_that_the_api_has_is_written()
    {
        var request = Request();
        var text = request.Text;
        request.Turns.Begin(TurnRole.User);
        request.Turns.Add(new TurnPart(PartKind.Text, text.Copy("what is this?")));
        request.Turns.Add(new TurnPart(PartKind.Image, text.Copy("https://images.example/a.png")));
        request.Tools.Add(new ToolDefinition(text.Copy("calc"), default, text.Copy("{}")) { Strict = true });
        request.ParallelToolCalls = false;
        request.Reasoning = new ReasoningWish(ReasoningEffort.Minimal);
        request.LogitBias.Add(new TokenBias(50256, -100));
        request.EndUser = text.Copy("u1");
        request.TopLogProbs = 2;
        request.MaxOutputTokens = 5;
        request.Sampling = new Sampling { Given = SamplingFields.Temperature };
        const string Shared = """
            {"model":"m","stream":true,"stream_options":{"include_usage":true},
             "messages":[{"role":"user","content":[{"type":"text","text":"what is this?"},{"type":"image_url","image_url":{"url":"https://images.example/a.png"}}]}],
             "tools":[{"type":"function","function":{"name":"calc","parameters":{},"strict":true}}],"parallel_tool_calls":false,
             "temperature":0,"reasoning_effort":"minimal","logprobs":true,"top_logprobs":2,"logit_bias":{"50256":-100},
            """;
        Same(Shared + "\"max_tokens\":5,\"user\":\"u1\"}", request);
        Same(Shared + "\"max_completion_tokens\":5,\"safety_identifier\":\"u1\"}", request, new ChatDialect { HasCompletionTokens = true, HasSafetyIdentifier = true });
    }

    [Fact]
    public void What_was_not_given_is_left_to_the_servers_own_defaults()
    {
        var request = Request();
        request.Turns.Add(TurnRole.User, request.Text.Copy("hi"));
        Same("""{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}""", request);
    }

    [Fact]
    public void A_result_of_several_parts_keeps_its_texts_and_its_images_follow()
    {
        var request = Request();
        var text = request.Text;
        request.Turns.Begin(TurnRole.Tool);
        request.Turns.Add(new TurnPart(PartKind.ToolResult, default, text.Copy("c1")));
        request.Turns.Add(new TurnPart(PartKind.Text, text.Copy("a")) { InResult = true });
        request.Turns.Add(new TurnPart(PartKind.Image, text.Copy("data:image/png;base64,AA==")) { InResult = true });
        request.Turns.Add(new TurnPart(PartKind.Text, text.Copy("b")) { InResult = true });
        request.Turns.Add(new TurnPart(PartKind.ToolResult, text.Copy("4"), text.Copy("c2")));
        var messages = JsonNode.Parse(Written(request))!["messages"];
        Assert.True(
            JsonNode.DeepEquals(
                JsonNode.Parse("""
                    [{"role":"tool","tool_call_id":"c1","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
                     {"role":"tool","tool_call_id":"c2","content":"4"},
                     {"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]}]
                    """),
                messages),
            messages!.ToJsonString());
    }

    [Theory]
    [InlineData(ReasoningEffort.Unset, 0, null)]
    [InlineData(ReasoningEffort.Unset, 1_024, "low")]
    [InlineData(ReasoningEffort.Unset, 8_000, "medium")]
    [InlineData(ReasoningEffort.Unset, 32_000, "high")]
    [InlineData(ReasoningEffort.None, 0, "none")]
    [InlineData(ReasoningEffort.Highest, 0, "high")]
    public void Reasoning_is_asked_for_in_the_nearest_step(ReasoningEffort effort, int budget, string? expected)
    {
        var request = Request();
        request.Turns.Add(TurnRole.User, request.Text.Copy("hi"));
        request.Reasoning = new ReasoningWish(effort, budget);
        Assert.Equal(expected, (string?)JsonNode.Parse(Written(request))!["reasoning_effort"]);
    }

    [Theory]
    [InlineData(ConstraintKind.Regex, "a+", """{"regex":"a+"}""")]
    [InlineData(ConstraintKind.Grammar, "root ::= \"a\"", """{"grammar":"root ::= \"a\""}""")]
    public void A_server_that_follows_grammars_gets_them_in_its_own_words(ConstraintKind kind, string source, string expected)
    {
        var request = Request();
        request.Turns.Add(TurnRole.User, request.Text.Copy("hi"));
        request.Constraint.Kind = kind;
        request.Constraint.Source = request.Text.Copy(source);
        var written = JsonNode.Parse(Written(request, new ChatDialect { Grammar = GrammarField.StructuredOutputs }))!["structured_outputs"];
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), written), written?.ToJsonString());
    }

    [Fact]
    public void What_openai_itself_does_not_know_is_refused_by_name()
    {
        var request = Request();
        request.Turns.Add(TurnRole.User, request.Text.Copy("hi"));
        request.Sampling = new Sampling { TopK = 5, Given = SamplingFields.TopK };
        using var body = new PooledBuffer();
        var error = ChatRequest.Write(request, new ChatDialect { HasTopK = false }, body);
        Assert.Equal((ErrorCause.UnsupportedField, "top_k"), (error.Cause, error.Param));
    }

    [Theory]
    [InlineData(ConstraintKind.Regex, "a+")]
    [InlineData(ConstraintKind.Grammar, "root ::= \"a\"")]
    [InlineData(ConstraintKind.JsonSchema, "{\"properties\":{\"a\":{\"type\":\"string\",\"x-span-of\":\"prompt\"}}}")]
    public void What_the_api_cannot_promise_is_refused_by_name(ConstraintKind kind, string source)
    {
        var request = Request();
        request.Turns.Add(TurnRole.User, request.Text.Copy("hi"));
        request.Constraint.Kind = kind;
        request.Constraint.Source = request.Text.Copy(source);
        using var body = new PooledBuffer();
        var error = ChatRequest.Write(request, new ChatDialect(), body);
        Assert.Equal((ErrorCause.UnsupportedField, "response_format"), (error.Cause, error.Param));
    }

    [Fact]
    public void A_schema_that_is_no_json_is_refused_and_the_next_request_is_whole()
    {
        var request = Request();
        request.Turns.Add(TurnRole.User, request.Text.Copy([0xC3, 0x28]));
        request.Tools.Add(new ToolDefinition(request.Text.Copy("t"), default, request.Text.Copy("{\"type\":")));
        using var body = new PooledBuffer();
        Assert.Equal(ErrorCause.Refused, ChatRequest.Write(request, new ChatDialect(), body).Cause);
        request.Tools.Clear();
        Assert.NotNull(JsonNode.Parse(Written(request)));
    }

    /// <summary>With a seed of the call's own, which no provider is sent.</summary>
    private static ModelRequest Request()
    {
        var request = new ModelRequest { CallSeed = 5 };
        request.Model = request.Text.Copy("m");
        return request;
    }

    private static string Written(ModelRequest request, ChatDialect? dialect = null)
    {
        using var body = new PooledBuffer();
        var error = ChatRequest.Write(request, dialect ?? new ChatDialect(), body);
        Assert.True(error.IsNone, error.Message);
        return Encoding.UTF8.GetString(body.Span);
    }

    private static void Same(string expected, ModelRequest request, ChatDialect? dialect = null)
    {
        var written = Written(request, dialect);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), JsonNode.Parse(written)), written);
    }
}
