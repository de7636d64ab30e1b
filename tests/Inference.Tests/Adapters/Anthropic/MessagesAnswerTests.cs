using System.Text;
using Jesus.Inference.Adapters.Anthropic;
using Jesus.Inference.Contract;
using Jesus.Tests.Faults;

namespace Jesus.Inference.Tests.Adapters.Anthropic;

public sealed class MessagesAnswerTests
{
    private const string Start = """
        {"type":"message_start","message":{"id":"m","type":"message","content":[],"stop_reason":null,
         "usage":{"input_tokens":9,"cache_creation_input_tokens":4,"cache_creation":{"ephemeral_5m_input_tokens":1,"ephemeral_1h_input_tokens":3},"cache_read_input_tokens":2,"output_tokens":1}}}
        """;

    private const string Stop = """{"type":"message_stop"}""";

    [Fact]
    public void Events_of_every_kind_of_block_become_ours()
    {
        Assert.Equal(
            [
                "Prelude", "Started", "Prelude", "Content", "Reasoning hm", "Content", "ReasoningSignature c2ln", "Content", "Content", "RedactedReasoning b3BhcXVl",
                "Content", "Content", "Content", "Text Hel", "Content", "Text lo", "Content", "Content", "ToolCallStart calc t1", "Content",
                "ToolCallArguments {\"a\":", "Content", "ToolCallArguments 1}", "Content", "Content", "ToolCallStart clock t2", "Content", "ToolCallArguments {}",
                "Terminal", "Finished ToolCalls", "Terminal",
            ],
            Read(
                Start,
                """{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}""",
                """{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}""",
                """{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}""",
                """{"type":"content_block_stop","index":0}""",
                """{"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"b3BhcXVl"}}""",
                """{"type":"content_block_stop","index":1}""",
                """{"type":"content_block_start","index":2,"content_block":{"type":"text","text":""}}""",
                """{"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"Hel"}}""",
                """{"delta":{"text":"lo","type":"text_delta"},"index":2,"type":"content_block_delta"}""",
                """{"type":"content_block_stop","index":2}""",
                """{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"t1","name":"calc","input":{}}}""",
                """{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}""",
                """{"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"1}"}}""",
                """{"type":"content_block_stop","index":3}""",
                """{"type":"content_block_start","index":4,"content_block":{"type":"tool_use","id":"t2","name":"clock","input":{}}}""",
                """{"type":"content_block_stop","index":4}""",
                """{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":40,"output_tokens_details":{"thinking_tokens":11}}}""",
                Stop));
    }

    [Fact]
    public void Usage_is_of_all_the_prompt_and_of_the_last_statement()
    {
        using var answer = new MessagesAnswer();
        Feed(answer, Start);
        Assert.Null(answer.Usage);
        Feed(answer, """{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":40,"output_tokens_details":{"thinking_tokens":11}}}""", Stop);
        Assert.Equal(new Usage { InputTokens = 15, CachedInputTokens = 2, CacheWriteTokens = 4, LongCacheWriteTokens = 3, OutputTokens = 40, ReasoningTokens = 11 }, answer.Usage);
        Assert.True(answer.IsOver);
    }

    [Fact]
    public void The_event_that_begins_an_answer_counts_its_prompt_where_it_is_stated()
    {
        using var answer = new MessagesAnswer();
        Feed(answer, Start);
        Assert.Equal(new Usage { InputTokens = 15, CachedInputTokens = 2, CacheWriteTokens = 4 }, answer.EventAt(0).ToPrompt());
        foreach (var usage in new[] { "null", "{}", """{"input_tokens":-1,"cache_read_input_tokens":2}""" })
        {
            answer.Reset();
            Feed(answer, $$$"""{"type":"message_start","message":{"type":"message","content":[],"usage":{{{usage}}}}}""");
            Assert.Equal((EventKind.Started, default(Usage)), (answer.EventAt(0).Kind, answer.EventAt(0).ToPrompt()));
        }
    }

    [Fact]
    public void The_count_that_an_answer_begins_with_is_not_taken_for_the_whole()
    {
        using var answer = new MessagesAnswer();
        Feed(answer, Start, """{"type":"message_delta","delta":{"stop_reason":"end_turn"}}""", Stop);
        Assert.Null(answer.Usage);
    }

    [Fact]
    public void A_whole_message_is_read_like_its_events()
    {
        Assert.Equal(
            [
                "Terminal", "Started", "Reasoning hm", "ReasoningSignature sig", "Text hi \"you\"", "ToolCallStart calc t1",
                "ToolCallArguments {\"a\":[1,-2.50,\"x\\u00fcy\",null,true,{}],\"b\":{\"c\":\"\"}}", "ToolCallStart clock t2", "ToolCallArguments {}", "Finished StopSequence END",
            ],
            Read("""
                {"id":"m","type":"message","content":[{"signature":"sig","type":"thinking","thinking":"hm"},{"type":"text","text":"hi \"you\""},
                 {"type":"tool_use","id":"t1","name":"calc","input":{ "a": [1, -2.50, "x\u00fcy", null, true, {}], "b": {"c": ""} }},
                 {"type":"tool_use","id":"t2","name":"clock","input":{}},{"type":"web_search_tool_result","content":[{"type":"text","text":"no"}]}],
                 "stop_reason":"stop_sequence","stop_sequence":"END","usage":{"input_tokens":1,"output_tokens":2}}
                """));
    }

    [Theory]
    [InlineData("end_turn", FinishReason.Stop)]
    [InlineData("max_tokens", FinishReason.Length)]
    [InlineData("model_context_window_exceeded", FinishReason.Length)]
    [InlineData("stop_sequence", FinishReason.StopSequence)]
    [InlineData("tool_use", FinishReason.ToolCalls)]
    [InlineData("refusal", FinishReason.Refusal)]
    [InlineData("pause_turn", FinishReason.Pause)]
    [InlineData("something_new", FinishReason.Stop)]
    public void Every_stop_reason_has_its_word(string reason, FinishReason expected)
    {
        using var answer = new MessagesAnswer();
        Feed(answer, Start, $$$"""{"type":"message_delta","delta":{"stop_reason":"{{{reason}}}"},"usage":{"output_tokens":4}}""");
        Assert.Equal(expected, answer.Reason);
    }

    [Theory]
    [InlineData("""{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}""")]
    [InlineData("""{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}""")]
    [InlineData("""{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","name":"x","input":{}}}""")]
    [InlineData("""{"type":"content_block_start","index":0}""")]
    [InlineData("""{"type":"content_block_stop","index":-1}""")]
    [InlineData("""{"type":"message_stop"}""")]
    [InlineData("[]")]
    [InlineData("""{"type":"ping" """)]
    public void An_event_out_of_shape_is_named_and_never_thrown(string data)
    {
        using var answer = new MessagesAnswer();
        Feed(answer, Start);
        Assert.NotNull(answer.Read(Encoding.UTF8.GetBytes(data)));
    }

    [Fact]
    public void Errors_and_counts_are_told_from_answers()
    {
        using var answer = new MessagesAnswer();
        Feed(answer, """{"type":"error","error":{"type":"overloaded_error","message":"busy"},"request_id":"r"}""");
        Assert.Equal((true, "overloaded_error", "busy"), (answer.HasError, answer.ErrorCode, answer.ErrorMessage));
        using var count = new MessagesAnswer();
        Feed(count, """{"input_tokens":2095}""");
        Assert.Equal(2095, count.CountedTokens);
    }

    [Fact]
    public void Mutated_events_never_throw()
    {
        var whole = """
            {"type":"message","content":[{"type":"thinking","thinking":"h\u00fc","signature":"s"},{"type":"text","text":"ü"},{"type":"tool_use","id":"t","name":"n",
             "input":{"a":["b",1,{"c":null}]}}],"stop_reason":"stop_sequence","stop_sequence":"x","usage":{"input_tokens":1,"output_tokens":2}}
            """u8.ToArray();
        for (var seed = 0; seed < 20_000; seed++)
        {
            var dice = new TestDice(seed);
            var mutated = whole.ToArray();
            for (var i = 0; i <= dice.Next(4); i++)
            {
                mutated[dice.Next(mutated.Length)] = (byte)dice.Next(256);
            }

            using var answer = new MessagesAnswer();
            _ = answer.Read(mutated.AsSpan(0, dice.Next(2) == 0 ? mutated.Length : dice.Next(mutated.Length) + 1));
            for (var i = 0; i < answer.EventCount; i++)
            {
                Assert.True(System.Text.Unicode.Utf8.IsValid(answer.EventAt(i).Utf8.Span), $"seed {seed}");
            }
        }
    }

    private static void Feed(MessagesAnswer answer, params string[] objects)
    {
        foreach (var data in objects)
        {
            Assert.Null(answer.Read(Encoding.UTF8.GetBytes(data)));
        }
    }

    private static List<string> Read(params string[] objects)
    {
        using var answer = new MessagesAnswer();
        var events = new List<string>();
        foreach (var data in objects)
        {
            Feed(answer, data);
            events.Add(answer.Part.ToString());
            for (var i = 0; i < answer.EventCount; i++)
            {
                var item = answer.EventAt(i);
                var reason = item.Kind == EventKind.Finished ? $" {item.Reason}" : "";
                events.Add($"{item.Kind}{reason} {Text(item.Utf8)} {Text(item.ToolCallId)}".Trim());
            }
        }

        return events;
    }

    private static string Text(ReadOnlyMemory<byte> utf8) => Encoding.UTF8.GetString(utf8.Span);
}
