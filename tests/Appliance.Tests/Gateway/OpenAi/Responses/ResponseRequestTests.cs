using System.Net;
using System.Text;
using Jesus.Inference.Contract;
using static Jesus.Appliance.Tests.Gateway.OpenAi.Responses.ResponsesFixture;

namespace Jesus.Appliance.Tests.Gateway.OpenAi.Responses;

/// <summary>What a request becomes, and which requests are refused.</summary>
public sealed class ResponseRequestTests
{
    [Fact]
    public async Task Items_become_turns_and_the_items_of_one_answer_one_turn()
    {
        var seen = await SeenAsync(
            """
            {"model":"nano","instructions":"Be kind.","input":[
              {"role":"developer","content":"Short."},
              {"type":"message","role":"user","content":[{"type":"input_text","text":"What is this?"},
                {"type":"input_image","image_url":"data:image/png;base64,AA","detail":"low"}]},
              {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"one"},{"type":"summary_text","text":"two"}],"encrypted_content":"sig"},
              {"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Let me see.","annotations":[],"logprobs":[]}]},
              {"type":"function_call","id":"fc_1","call_id":"call_1","name":"look","arguments":"{\"at\":1}","status":"completed"},
              {"type":"function_call","call_id":"call_2","name":"look","arguments":"{}"},
              {"type":"function_call_output","call_id":"call_1","output":"a cat"},
              {"type":"function_call_output","call_id":"call_2","output":[{"type":"input_text","text":"a dog"},{"type":"input_image","image_url":"https://x/y.png"}]}
            ]}
            """);
        Assert.Equal(
            [
                "System: Text Be kind.", "System: Text Short.", "User: Text What is this? | Image data:image/png;base64,AA",
                "Assistant: Reasoning one\n\ntwo (sig) | Text Let me see. | ToolCall {\"at\":1} call_1 look | ToolCall {} call_2 look",
                "Tool: ToolResult a cat call_1", "Tool: ToolResult a dog call_2 | Image https://x/y.png in result",
            ],
            seen.Turns);
    }

    [Fact]
    public async Task The_settings_reach_the_request()
    {
        var seen = await SeenAsync(
            """
            {"model":"nano","input":"hi","temperature":0.5,"top_p":0.9,"max_output_tokens":77,"user":"u","safety_identifier":"s","parallel_tool_calls":false,
             "reasoning":{"effort":"high","summary":"concise"},"truncation":"disabled","service_tier":"auto","prompt_cache_key":"k",
             "tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object"},"strict":true}],"tool_choice":{"type":"function","name":"f"},
             "text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"},"strict":true},"verbosity":"medium"}}
            """);
        Assert.Equal(
            "0.5 0.9 Temperature, TopP; 77; s; False; High True; f d {\"type\":\"object\"} True; Named f; JsonSchema n {\"type\":\"object\"}; verbatim ''", seen.Settings);
    }

    [Theory]
    [InlineData("""{"model":"nano","input":"hi","tools":[{"type":"web_search"}]}""", "tools[0] (web_search)")]
    [InlineData("""{"model":"nano","input":"hi","tools":[{"type":"function","name":"f"},{"type":"mcp","server_label":"x"}]}""", "tools[1] (mcp)")]
    [InlineData("""{"model":"nano","input":"hi","truncation":"auto"}""", "truncation")]
    [InlineData("""{"model":"nano","input":"hi","max_tool_calls":3}""", "max_tool_calls")]
    [InlineData("""{"model":"nano","prompt":{"id":"pmpt_1"}}""", "prompt")]
    [InlineData("""{"model":"nano","input":"hi","text":{"verbosity":"low"}}""", "text.verbosity")]
    [InlineData("""{"model":"nano","input":"hi","service_tier":"flex"}""", "service_tier")]
    [InlineData("""{"model":"nano","input":"hi","include":["file_search_call.results"]}""", "include (file_search_call.results)")]
    [InlineData("""{"model":"nano","input":"hi","stream":true,"stream_options":{"include_obfuscation":true}}""", "stream_options.include_obfuscation")]
    [InlineData("""{"model":"nano","input":[{"type":"computer_call_output","call_id":"c"}]}""", "input[0] (computer_call_output)")]
    [InlineData("""{"model":"nano","input":[{"role":"user","content":[{"type":"input_file","file_id":"file_1"}]}]}""", "input[0].content[0].file_id")]
    [InlineData("""{"model":"nano","input":"hi","something_new":{"a":1}}""", "something_new")]
    public async Task What_only_a_provider_can_honour_is_noted_by_name(string body, string name)
    {
        var seen = await SeenAsync(body);
        Assert.EndsWith($"verbatim '{name}'", seen.Settings, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"input":"hi"}""", "missing_required_parameter", "model")]
    [InlineData("""{"model":"nano"}""", "missing_required_parameter", "input")]
    [InlineData("""{"model":"nano","input":[]}""", "missing_required_parameter", "input")]
    [InlineData("""{"model":"nano","input":"hi","conversation":"conv_1"}""", "unsupported_parameter", "conversation")]
    [InlineData("""{"model":"nano","input":[{"type":"item_reference","id":"msg_1"}]}""", "unsupported_parameter", "input[0]")]
    [InlineData("""{"model":"nano","input":"hi","background":true,"store":false}""", "invalid_parameter", "background")]
    [InlineData("""{"model":"nano","input":"hi","background":true,"tools":[{"type":"web_search"}]}""", "unsupported_parameter", "tools[0] (web_search)")]
    [InlineData("""{"model":"nano","input":"hi","temperature":3}""", "invalid_value", "temperature")]
    [InlineData("""{"model":"nano","input":"hi","tool_choice":{"type":"function","name":"f"}}""", "invalid_parameter", "tool_choice")]
    [InlineData("""{"model":"nano","input":"hi","tools":[{"type":"function","function":{"name":"f"}}]}""", "unsupported_parameter", "tools[0].function")]
    [InlineData("""{"model":"nano","input":"hi","reasoning":{"effort":"fierce"}}""", "invalid_value", "reasoning.effort")]
    [InlineData("""{"model":"nano","input":"hi","text":{"format":{"type":"json_schema","name":"n"}}}""", "missing_required_parameter", "text.format.schema")]
    [InlineData("""{"model":"nano","input":[{"type":"function_call_output","output":"x"}]}""", "missing_required_parameter", "input[0]")]
    [InlineData("""{"model":"nano","input":[{"role":"user","content":"x","colour":"red"}]}""", "unsupported_parameter", "input[0].colour")]
    [InlineData("""{"model":"nano","input":"hi","input":"ho"}""", "duplicate_parameter", "input")]
    public async Task What_cannot_be_honoured_is_refused_by_name(string body, string code, string param)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var error = (await gateway.CreateAsync(body, HttpStatusCode.BadRequest)).GetProperty("error");
        Assert.Equal((code, param), (error.GetProperty("code").GetString(), error.GetProperty("param").GetString()));
    }

    [Fact]
    public async Task A_broken_body_is_named_with_its_place()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        Assert.Equal("invalid_json", (await gateway.CreateAsync("""{"model":"nano","input":"hi",}""", HttpStatusCode.BadRequest)).ErrorCode());
        Assert.Equal("invalid_json", (await gateway.CreateAsync("""{"model":"nano","input":"\ud800"}""", HttpStatusCode.BadRequest)).ErrorCode());
    }

    private static async Task<(string[] Turns, string Settings)> SeenAsync(string body)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        (string[] Turns, string Settings) seen = default;
        gateway.Answer = (call, sink, _) =>
        {
            seen = (TurnsOf(call.Request), SettingsOf(call.Request));
            return SayAsync(sink, FinishReason.Stop, Text("ok"));
        };
        _ = await gateway.PostAsync("/v1/responses", body);
        Assert.NotNull(seen.Turns);
        return seen;
    }

    internal static string[] TurnsOf(ModelRequest request)
    {
        var turns = new string[request.Turns.Count];
        for (var i = 0; i < turns.Length; i++)
        {
            var parts = request.Turns.PartsOf(i).ToArray().Select(p => $"{p.Kind} {p.Text}{(p.Id.IsEmpty ? "" : " " + p.Id)}{(p.Name.IsEmpty ? "" : " " + p.Name)}"
                + $"{(p.Signature.IsEmpty ? "" : $" ({p.Signature})")}{(p.InResult ? " in result" : "")}");
            turns[i] = $"{request.Turns[i].Role}: {string.Join(" | ", parts)}";
        }

        return turns;
    }

    private static string SettingsOf(ModelRequest request)
    {
        var text = new StringBuilder();
        var tool = request.Tools.Count > 0 ? request.Tools[0] : default;
        return text.Append(System.Globalization.CultureInfo.InvariantCulture,
            $"{request.Sampling.Temperature} {request.Sampling.TopP} {request.Sampling.Given}; {request.MaxOutputTokens}; {request.EndUser}; {request.ParallelToolCalls}; ")
            .Append($"{request.Reasoning.Effort} {request.Reasoning.Summary}; {tool.Name} {tool.Description} {tool.Parameters} {tool.Strict}; ")
            .Append($"{request.ToolChoice.Mode} {request.ToolChoice.Name}; {request.Constraint.Kind} {request.Constraint.Name} {request.Constraint.Source}; ")
            .Append($"verbatim '{request.VerbatimOnly}'").ToString();
    }
}
