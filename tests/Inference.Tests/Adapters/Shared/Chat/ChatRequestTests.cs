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
    public void A_body_of_the_same_shape_passes_through_with_only_model_and_streaming_replaced()
    {
        var request = Request();
        request.Body = Encoding.UTF8.GetBytes(
            "{ \"model\" : \"route\", \"stream\":false,"
            + "\"messages\": [ {\"role\":\"user\",\"content\":\"\\u00fc\"} ],\"inputs\":{\"a\":\"b\"}, \"x_new\":[1, 2] }");
        request.BodyShape = ApiShape.OpenAiChat;
        Assert.Equal(
            "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"messages\": [ {\"role\":\"user\",\"content\":\"\\u00fc\"} ],\"x_new\":[1, 2]}",
            Written(request));
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
        var error = ChatRequest.Write(request, body);
        Assert.Equal((ErrorCause.UnsupportedField, "response_format"), (error.Cause, error.Param));
    }

    [Fact]
    public void A_schema_that_is_no_json_is_refused_and_the_next_request_is_whole()
    {
        var request = Request();
        request.Turns.Add(TurnRole.User, request.Text.Copy([0xC3, 0x28]));
        request.Tools.Add(new ToolDefinition(request.Text.Copy("t"), default, request.Text.Copy("{\"type\":")));
        using var body = new PooledBuffer();
        Assert.Equal(ErrorCause.Refused, ChatRequest.Write(request, body).Cause);
        request.Tools.Clear();
        Assert.NotNull(JsonNode.Parse(Written(request)));
    }

    private static ModelRequest Request()
    {
        var request = new ModelRequest();
        request.Model = request.Text.Copy("m");
        return request;
    }

    private static string Written(ModelRequest request)
    {
        using var body = new PooledBuffer();
        var error = ChatRequest.Write(request, body);
        Assert.True(error.IsNone, error.Message);
        return Encoding.UTF8.GetString(body.Span);
    }

    private static void Same(string expected, ModelRequest request) =>
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), JsonNode.Parse(Written(request))), Written(request));
}
