using System.Text;
using Jesus.Appliance.Gateway;
using Jesus.Appliance.Gateway.Anthropic;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Gateway.Anthropic;

public sealed class MessagesParserTests
{
    private const string Ask = """ "model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}] """;

    private readonly ModelRequest _request = new();

    [Fact]
    public void The_system_prompt_is_the_first_turn_wherever_its_field_stands()
    {
        var failure = Parse("""
            {"messages":[{"role":"user","content":"gr\u00fc\u00dfe"},{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
             {"content":"c","role":"user"}],
             "system":[{"type":"text","text":"be brief","cache_control":{"type":"ephemeral","ttl":"1h"}},{"type":"text","text":"be kind"}],
             "model":"nano","max_tokens":7}
            """, out var wishes);

        Assert.True(failure.IsNone, failure.Message);
        Assert.Equal(("nano", false), (wishes.Model, wishes.Stream));
        Assert.Equal([TurnRole.System, TurnRole.User, TurnRole.Assistant, TurnRole.User], Roles());
        Assert.Equal("grüße", _request.Turns.PartsOf(1)[0].Text.ToString());
        Assert.Equal((CacheMark.OneHour, CacheMark.None), (_request.Turns.PartsOf(0)[0].Cache, _request.Turns.PartsOf(0)[1].Cache));
        Assert.Equal((7, ApiShape.AnthropicMessages, "", ModelOperation.Generate), (_request.MaxOutputTokens, _request.BodyShape, _request.VerbatimOnly, _request.Operation));
    }

    [Fact]
    public void Tool_calls_and_results_keep_ids_errors_images_and_cache_marks()
    {
        var failure = Parse("""
            {"model":"m","max_tokens":9,"messages":[
              {"role":"user","content":"2+2?"},
              {"role":"assistant","content":[{"type":"text","text":"Let me see."},{"type":"tool_use","id":"t1","name":"calc","input":{"e":"2+2"}},
               {"input":{},"name":"shot","id":"t2","type":"tool_use"}]},
              {"role":"user","content":[
               {"type":"tool_result","tool_use_id":"t1","content":"4","cache_control":{"type":"ephemeral"}},
               {"type":"tool_result","tool_use_id":"t2","is_error":true,"content":[{"type":"text","text":"half"},
                {"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBO"}},{"type":"text","text":"rest"}]},
               {"type":"text","text":"And now?"}]}]}
            """, out _);

        Assert.True(failure.IsNone, failure.Message);
        Assert.Equal([TurnRole.User, TurnRole.Assistant, TurnRole.Tool, TurnRole.Tool, TurnRole.User], Roles());
        var call = _request.Turns.PartsOf(1)[1];
        Assert.Equal((PartKind.ToolCall, "t1", "calc", """{"e":"2+2"}"""), (call.Kind, call.Id.ToString(), call.Name.ToString(), call.Text.ToString()));
        var plain = _request.Turns.PartsOf(2)[0];
        Assert.Equal((PartKind.ToolResult, "t1", "4", false, CacheMark.FiveMinutes), (plain.Kind, plain.Id.ToString(), plain.Text.ToString(), plain.IsError, plain.Cache));
        var mixed = _request.Turns.PartsOf(3).ToArray();
        Assert.Equal((PartKind.ToolResult, "half", true, false), (mixed[0].Kind, mixed[0].Text.ToString(), mixed[0].IsError, mixed[0].InResult));
        Assert.Equal((PartKind.Image, "data:image/png;base64,iVBO", true), (mixed[1].Kind, mixed[1].Text.ToString(), mixed[1].InResult));
        Assert.Equal((PartKind.Text, "rest", true), (mixed[2].Kind, mixed[2].Text.ToString(), mixed[2].InResult));
        Assert.Equal("And now?", _request.Turns.PartsOf(4)[0].Text.ToString());
    }

    [Fact]
    public void Thinking_goes_in_with_its_signature_and_redacted_thinking_unread()
    {
        var failure = Parse("""
            {"model":"m","max_tokens":9000,"thinking":{"type":"enabled","budget_tokens":2048},"messages":[{"role":"user","content":"x"},
             {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s1"},{"type":"redacted_thinking","data":"zz"},{"type":"text","text":"y"}]},
             {"role":"user","content":"z"}]}
            """, out _);

        Assert.True(failure.IsNone, failure.Message);
        var parts = _request.Turns.PartsOf(1).ToArray();
        Assert.Equal([PartKind.Reasoning, PartKind.RedactedReasoning, PartKind.Text], parts.Select(p => p.Kind));
        Assert.Equal(("hm", "s1", "zz"), (parts[0].Text.ToString(), parts[0].Signature.ToString(), parts[1].Signature.ToString()));
        Assert.Equal(2048, _request.Reasoning.BudgetTokens);
    }

    [Fact]
    public void Tools_their_choice_and_the_form_of_the_answer_are_taken_over()
    {
        var failure = Parse("""
            {"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}],"tools":[{"name":"calc","description":"computes","strict":true,
             "input_schema":{"type":"object"},"cache_control":{"type":"ephemeral"},"eager_input_streaming":true},{"type":"custom","name":"b","input_schema":{}}],
             "tool_choice":{"type":"tool","name":"calc","disable_parallel_tool_use":true},"thinking":{"type":"disabled"},
             "output_config":{"effort":"max","format":{"type":"json_schema","schema":{"type":"string"}}},"metadata":{"user_id":"u-7"},"service_tier":"auto",
             "temperature":0.5,"top_p":0.9,"top_k":40,"stop_sequences":["A","B\n"],"stream":true}
            """, out var wishes);

        Assert.True(failure.IsNone, failure.Message);
        var tool = _request.Tools[0];
        Assert.Equal(("calc", "computes", """{"type":"object"}""", true, CacheMark.FiveMinutes),
            (tool.Name.ToString(), tool.Description.ToString(), tool.Parameters.ToString(), tool.Strict, tool.Cache));
        Assert.Equal((ToolChoiceMode.Named, "calc", false), (_request.ToolChoice.Mode, _request.ToolChoice.Name.ToString(), _request.ParallelToolCalls));
        Assert.Equal((ConstraintKind.JsonSchema, """{"type":"string"}"""), (_request.Constraint.Kind, _request.Constraint.Source.ToString()));
        Assert.Equal((ReasoningEffort.None, "u-7", ""), (_request.Reasoning.Effort, _request.EndUser.ToString(), _request.VerbatimOnly));
        Assert.Equal(["A", "B\n"], _request.Stops.Select(s => s.ToString()));
        Assert.Equal(
            new Sampling { Temperature = 0.5f, TopP = 0.9f, TopK = 40, Given = SamplingFields.Temperature | SamplingFields.TopP | SamplingFields.TopK },
            _request.Sampling);
        Assert.True(wishes.Stream && _request.Streams);
    }

    [Fact]
    public void A_cache_mark_of_the_whole_request_marks_its_last_part()
    {
        Assert.True(Parse("{" + Ask + """,  "cache_control":{"type":"ephemeral"}}""", out _).IsNone);
        Assert.Equal(CacheMark.FiveMinutes, _request.Turns.PartsOf(0)[0].Cache);
    }

    [Theory]
    [InlineData(""" ,"container":"c1" """, "container")]
    [InlineData(""" ,"context_management":{"edits":[]} """, "context_management")]
    [InlineData(""" ,"mcp_servers":[{"type":"url","url":"https://x","name":"y"}] """, "mcp_servers")]
    [InlineData(""" ,"inference_geo":"us" """, "inference_geo")]
    [InlineData(""" ,"service_tier":"standard_only" """, "service_tier (standard_only)")]
    [InlineData(""" ,"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":3}] """, "tools.0.type (web_search_20250305)")]
    [InlineData(""" ,"tools":[{"name":"a","input_schema":{},"defer_loading":true}] """, "tools.0.defer_loading")]
    [InlineData(""" ,"thinking":{"type":"adaptive","display":"omitted"} """, "thinking.display (omitted)")]
    [InlineData(""" ,"output_config":{"task_budget":{"type":"tokens","total":5}} """, "output_config.task_budget")]
    public void What_only_the_provider_can_do_is_named_and_read_no_further(string more, string name)
    {
        var failure = Parse("{" + Ask + more + "}", out _);
        Assert.True(failure.IsNone, failure.Message);
        Assert.Equal(name, _request.VerbatimOnly);
    }

    [Theory]
    [InlineData("""{"type":"document","source":{"type":"text","media_type":"text/plain","data":"d"},"citations":{}}""", "messages.0.content.0.type (document)")]
    [InlineData("""{"type":"search_result","source":"s","title":"t","content":[]}""", "messages.0.content.0.type (search_result)")]
    [InlineData("""{"type":"image","source":{"type":"file","file_id":"f"}}""", "messages.0.content.0.source.type (file)")]
    [InlineData("""{"type":"text","text":"t","citations":[{"type":"char_location"}]}""", "messages.0.content.0.citations")]
    [InlineData("""{"type":"tool_result","tool_use_id":"t","content":[{"type":"document","source":{}}]}""", "messages.0.content.0.content.0.type (document)")]
    public void A_block_that_only_the_provider_reads_is_named(string block, string name)
    {
        var failure = Parse($$"""{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{{block}}]}]}""", out _);
        Assert.True(failure.IsNone, failure.Message);
        Assert.Equal(name, _request.VerbatimOnly);
    }

    [Fact]
    public void The_beginning_of_an_answer_can_only_be_forwarded()
    {
        Assert.True(Parse("""{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"The"}]}""", out _).IsNone);
        Assert.Contains("an answer to continue", _request.VerbatimOnly, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"max_tokens":9,"messages":[{"role":"user","content":"x"}]}""", "model")]
    [InlineData("""{"model":"m","messages":[{"role":"user","content":"x"}]}""", "max_tokens")]
    [InlineData("""{"model":"m","max_tokens":9}""", "messages")]
    [InlineData("""{"model":"m","max_tokens":9,"messages":[]}""", "messages")]
    [InlineData("""{"model":"m","max_tokens":0,"messages":[{"role":"user","content":"x"}]}""", "max_tokens")]
    [InlineData("""{"model":"m","max_tokens":9,"max_tokens":9,"messages":[{"role":"user","content":"x"}]}""", "max_tokens")]
    [InlineData("""{"model":"m","max_tokens":9,"messages":[{"role":"robot","content":"x"}]}""", "messages.0.role")]
    [InlineData("""{"model":"m","max_tokens":9,"messages":[{"role":"system","content":[{"type":"image","source":{"type":"url","url":"https://x"}}]}]}""",
        "messages.0.content.0.type")]
    [InlineData("""{"model":"m","max_tokens":9,"messages":[{"role":"user"}]}""", "messages.0.content")]
    [InlineData("""{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"video"}]}]}""", "messages.0.content.0.type")]
    [InlineData("""{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"a","bold":1}]}]}""", "messages.0.content.0.bold")]
    [InlineData("""{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"tool_use","id":"a","name":"b","input":{}}]}]}""", "messages.0.content.0.type")]
    [InlineData("""{"model":"m","max_tokens":9,"messages":[{"role":"assistant","content":[{"type":"tool_result","tool_use_id":"a"}]}]}""", "messages.0.content.0.type")]
    [InlineData("""{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"file:///x"}}]}]}""",
        "messages.0.content.0.source.url")]
    [InlineData("""{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"text/html","data":"x"}}]}]}""",
        "messages.0.content.0.source.media_type")]
    [InlineData("""{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}],"temperature":1.5}""", "temperature")]
    [InlineData("""{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}],"stop_sequences":[""]}""", "stop_sequences")]
    [InlineData("""{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}],"n":2}""", "n")]
    [InlineData("""{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}],"thinking":{"type":"enabled"}}""", "thinking.budget_tokens")]
    [InlineData("""{"model":"m","max_tokens":1024,"messages":[{"role":"user","content":"x"}],"thinking":{"type":"enabled","budget_tokens":1024}}""", "thinking.budget_tokens")]
    [InlineData("""{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}],"tool_choice":{"type":"any"}}""", "tool_choice.type")]
    [InlineData("""{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}],"tool_choice":{"type":"tool","name":"z"}}""", "tool_choice.name")]
    [InlineData("""{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}],"tools":[{"name":"a"}]}""", "tools.0.input_schema")]
    [InlineData("""{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}],"metadata":{"team":"z"}}""", "metadata.team")]
    [InlineData("""{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}],"output_config":{"effort":"huge"}}""", "output_config.effort")]
    [InlineData("""{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}],"output_config":{"format":{"type":"json_schema"}}}""", "output_config.format.schema")]
    public void What_is_wrong_is_refused_by_its_place(string body, string place)
    {
        var failure = Parse(body, out _);
        Assert.Equal((400, place), (failure.Status, failure.Param));
        Assert.StartsWith(place + ":", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"model":"m" """)]
    [InlineData("""{"model":"m"} x""")]
    [InlineData("[]")]
    [InlineData("""{"model":"\ud800","max_tokens":9,"messages":[]}""")]
    public void What_is_no_json_is_refused(string body) => Assert.Equal(400, Parse(body, out _).Status);

    [Fact]
    public void A_count_takes_no_fields_of_the_answer()
    {
        Assert.True(Parse("""{"model":"m","system":"s","messages":[{"role":"user","content":"x"}]}""", out _, counts: true).IsNone);
        Assert.Equal(ModelOperation.CountTokens, _request.Operation);
        Assert.Equal("max_tokens", Parse("{" + Ask + "}", out _, counts: true).Param);
    }

    [Fact]
    public void Nulls_are_as_good_as_absent()
    {
        var failure = Parse("{" + Ask + """, "system":null,"tools":null,"temperature":null,"thinking":null,"container":null,"nonsense":null}""", out _);
        Assert.True(failure.IsNone, failure.Message);
        Assert.Equal("", _request.VerbatimOnly);
    }

    private ApiFailure Parse(string body, out MessageWishes wishes, bool counts = false)
    {
        _request.Reset();
        return MessagesParser.Parse(Encoding.UTF8.GetBytes(body), _request, new GatewayOptions(), counts, out wishes);
    }

    private List<TurnRole> Roles() => [.. Enumerable.Range(0, _request.Turns.Count).Select(i => _request.Turns[i].Role)];
}
