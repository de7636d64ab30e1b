using System.Text;
using System.Text.Json.Nodes;
using Jesus.Inference.Adapters.Anthropic;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Tests.Adapters.Anthropic;

public sealed class MessagesRequestTests
{
    [Fact]
    public void A_conversation_with_everything_is_written_as_the_api_wants_it()
    {
        var request = Request();
        var text = request.Text;
        request.Turns.Begin(TurnRole.System);
        request.Turns.Add(new TurnPart(PartKind.Text, text.Copy("be \"brief\"")) { Cache = CacheMark.OneHour });
        request.Turns.Begin(TurnRole.User);
        request.Turns.Add(new TurnPart(PartKind.Text, text.Copy("what is it?")));
        request.Turns.Add(new TurnPart(PartKind.Image, text.Copy("data:image/png;base64,iVBORw0KGgo=")));
        request.Turns.Add(new TurnPart(PartKind.Image, text.Copy("https://example.com/a.jpg")) { Cache = CacheMark.FiveMinutes });
        request.Turns.Begin(TurnRole.Assistant);
        request.Turns.Add(new TurnPart(PartKind.Reasoning, text.Copy("hm"), Signature: text.Copy("c2ln")));
        request.Turns.Add(new TurnPart(PartKind.RedactedReasoning, default, Signature: text.Copy("b3BhcXVl")));
        request.Turns.Add(new TurnPart(PartKind.Text, default));
        request.Turns.Add(new TurnPart(PartKind.ToolCall, text.Copy("{\"e\":\"2+2\"}"), text.Copy("c1"), text.Copy("calc")));
        request.Turns.Add(new TurnPart(PartKind.ToolCall, default, text.Copy("functions.look:0"), text.Copy("look")));
        request.Turns.Begin(TurnRole.Tool);
        request.Turns.Add(new TurnPart(PartKind.ToolResult, text.Copy("no"), text.Copy("c1")) { IsError = true });
        request.Turns.Begin(TurnRole.Tool);
        request.Turns.Add(new TurnPart(PartKind.ToolResult, default, text.Copy("functions.look:0")) { Cache = CacheMark.FiveMinutes });
        request.Turns.Add(new TurnPart(PartKind.Text, text.Copy("seen")) { InResult = true });
        request.Turns.Add(new TurnPart(PartKind.Image, text.Copy("data:image/gif;base64,R0lGODlh")) { InResult = true });
        request.Turns.Add(TurnRole.User, text.Copy("and now?"));
        request.Turns.Add(TurnRole.System, text.Copy("hurry"));
        request.Tools.Add(new ToolDefinition(text.Copy("calc"), text.Copy("computes"), text.Copy("{\"type\":\"object\"}")) { Strict = true });
        request.Tools.Add(new ToolDefinition(text.Copy("look"), default, default) { Cache = CacheMark.FiveMinutes });
        request.ToolChoice = new ToolChoice(ToolChoiceMode.Named, text.Copy("calc"));
        request.ParallelToolCalls = false;
        request.Reasoning = new ReasoningWish(ReasoningEffort.High, BudgetTokens: 2048);
        request.Constraint.Kind = ConstraintKind.JsonSchema;
        request.Constraint.Source = text.Copy("{\"type\":\"object\",\"properties\":{}}");
        request.Sampling = new Sampling { Temperature = 0, TopK = 5, Given = SamplingFields.Temperature | SamplingFields.TopK };
        request.EndUser = text.Copy("u-1");
        request.Stops.Add(text.Copy("END"));
        Same(
            """
            {"model":"m","system":[{"type":"text","text":"be \"brief\"","cache_control":{"type":"ephemeral","ttl":"1h"}}],
             "messages":[
              {"role":"user","content":[{"type":"text","text":"what is it?"},
               {"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}},
               {"type":"image","source":{"type":"url","url":"https://example.com/a.jpg"},"cache_control":{"type":"ephemeral"}}]},
              {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"c2ln"},{"type":"redacted_thinking","data":"b3BhcXVl"},
               {"type":"tool_use","id":"c1","name":"calc","input":{"e":"2+2"}},
               {"type":"tool_use","id":"x-66756e6374696f6e732e6c6f6f6b3a30","name":"look","input":{}}]},
              {"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"no","is_error":true},
               {"type":"tool_result","tool_use_id":"x-66756e6374696f6e732e6c6f6f6b3a30","content":[{"type":"text","text":"seen"},
                {"type":"image","source":{"type":"base64","media_type":"image/gif","data":"R0lGODlh"}}],"cache_control":{"type":"ephemeral"}},
               {"type":"text","text":"and now?"}]},
              {"role":"system","content":[{"type":"text","text":"hurry"}]}],
             "tools":[{"name":"calc","description":"computes","input_schema":{"type":"object"},"strict":true},
              {"name":"look","input_schema":{"type":"object","properties":{}},"cache_control":{"type":"ephemeral"}}],
             "tool_choice":{"type":"tool","name":"calc","disable_parallel_tool_use":true},
             "thinking":{"type":"enabled","budget_tokens":2048},
             "output_config":{"effort":"high","format":{"type":"json_schema","schema":{"type":"object","properties":{}}}},
             "max_tokens":99,"stream":true,"temperature":0,"top_k":5,"stop_sequences":["END"],"metadata":{"user_id":"u-1"}}
            """,
            request);
    }

    [Fact]
    public void A_body_of_the_same_shape_goes_out_byte_for_byte_but_for_the_model()
    {
        const string Body = "{ \"messages\": [ {\"role\":\"user\",\"content\":\"\\u00fc model\"} ],\r\n \"metadata\":{\"model\":1},"
            + " \"model\" : \"route\" , \"new_field\":[1, 2]}\n";
        var request = Request("claude \"x\"");
        request.Body = Encoding.UTF8.GetBytes(Body);
        request.BodyShape = ApiShape.AnthropicMessages;
        Assert.Equal(Body.Replace("\"route\"", "\"claude \\\"x\\\"\"", StringComparison.Ordinal), Written(request));
    }

    [Theory]
    [InlineData("n")]
    [InlineData("logprobs")]
    [InlineData("seed")]
    [InlineData("logit_bias")]
    [InlineData("frequency_penalty")]
    [InlineData("presence_penalty")]
    [InlineData("min_p")]
    [InlineData("temperature")]
    [InlineData("response_format")]
    [InlineData("messages")]
    public void What_the_api_cannot_say_is_refused_by_name(string field)
    {
        var request = Request();
        request.Turns.Add(TurnRole.User, request.Text.Copy("hi"));
        switch (field)
        {
            case "n":
                request.Choices = 2;
                break;
            case "logprobs":
                request.TopLogProbs = 0;
                break;
            case "logit_bias":
                request.LogitBias.Add(new TokenBias(1, 1));
                break;
            case "response_format":
                request.Constraint.Kind = ConstraintKind.JsonObject;
                break;
            case "messages":
                request.Turns.Begin(TurnRole.Assistant);
                request.Turns.Add(new TurnPart(PartKind.ToolCall, request.Text.Copy("{\"half\":"), request.Text.Copy("c"), request.Text.Copy("f")));
                break;
            default:
                request.Sampling = field switch
                {
                    "seed" => new Sampling { Seed = 0 },
                    "frequency_penalty" => new Sampling { FrequencyPenalty = 1 },
                    "presence_penalty" => new Sampling { PresencePenalty = 1 },
                    "min_p" => new Sampling { MinP = 0.1f },
                    _ => new Sampling { Temperature = 1.5f },
                };
                break;
        }

        using var body = new PooledBuffer();
        var error = MessagesRequest.Write(request, 99, body);
        Assert.Equal((ErrorCause.UnsupportedField, field), (error.Cause, error.Param));
    }

    [Theory]
    [InlineData(ReasoningEffort.None, "{\"type\":\"disabled\"}", null)]
    [InlineData(ReasoningEffort.Minimal, null, "low")]
    [InlineData(ReasoningEffort.Medium, null, "medium")]
    [InlineData(ReasoningEffort.Highest, null, "xhigh")]
    [InlineData(ReasoningEffort.Unset, null, null)]
    public void Effort_is_said_in_the_words_of_the_api(ReasoningEffort effort, string? thinking, string? written)
    {
        var request = Request();
        request.Turns.Add(TurnRole.User, request.Text.Copy("hi"));
        request.Reasoning = new ReasoningWish(effort);
        var json = JsonNode.Parse(Written(request))!;
        Assert.Equal(thinking, json["thinking"]?.ToJsonString());
        Assert.Equal(written, json["output_config"]?["effort"]?.GetValue<string>());
    }

    [Fact]
    public void Thinking_of_another_provider_and_turns_of_nothing_are_left_out()
    {
        var request = Request();
        var text = request.Text;
        request.Turns.Add(TurnRole.User, text.Copy("hi"));
        request.Turns.Begin(TurnRole.Assistant);
        request.Turns.Add(new TurnPart(PartKind.Reasoning, text.Copy("unsigned")));
        request.Turns.Add(TurnRole.User, text.Copy("go on"));
        var messages = JsonNode.Parse(Written(request))!["messages"]!.AsArray();
        Assert.Equal(["user", "user"], messages.Select(m => m!["role"]!.GetValue<string>()));
    }

    /// <summary>With a seed of the call's own, which no provider is sent.</summary>
    private static ModelRequest Request(string model = "m")
    {
        var request = new ModelRequest { CallSeed = 5 };
        request.Model = request.Text.Copy(model);
        return request;
    }

    private static string Written(ModelRequest request)
    {
        using var body = new PooledBuffer();
        var error = MessagesRequest.Write(request, 99, body);
        Assert.True(error.IsNone, error.Message);
        return Encoding.UTF8.GetString(body.Span);
    }

    private static void Same(string expected, ModelRequest request) =>
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), JsonNode.Parse(Written(request))), Written(request));
}
