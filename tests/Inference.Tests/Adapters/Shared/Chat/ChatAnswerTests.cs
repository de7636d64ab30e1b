using System.Text;
using Jesus.Inference.Adapters.Shared;
using Jesus.Inference.Adapters.Shared.Chat;
using Jesus.Inference.Contract;
using Jesus.Tests.Faults;

namespace Jesus.Inference.Tests.Adapters.Shared.Chat;

public sealed class ChatAnswerTests
{
    [Fact]
    public void Chunks_become_events_of_their_choice()
    {
        Assert.Equal(
            ["Started 0", "Text 0 Hel", "Text 1 Ho", "Reasoning 0 hm", "Text 0 lo", "Finished 0 Stop", "Finished 1 Length"],
            Read(
                """{"id":"x","choices":[{"delta":{"role":"assistant","content":"Hel"},"index":0},{"index":1,"delta":{"content":"Ho"}}]}""",
                """{"choices":[{"index":0,"delta":{"reasoning_content":"hm"}}],"usage":null}""",
                """{"choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"},{"index":1,"delta":{},"finish_reason":"length"}]}"""));
    }

    [Fact]
    public void Tool_calls_begin_once_and_their_arguments_follow()
    {
        Assert.Equal(
            [
                "Started 0", "ToolCallStart 0 calc c1", "ToolCallArguments 0 {\"a\"", "ToolCallArguments 0 :1}", "ToolCallStart 0 clock c2",
                "ToolCallArguments 0 {}", "Finished 0 ToolCalls",
            ],
            Read(
                """{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"calc","arguments":"{\"a\""}}]}}]}""",
                """{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"calc","arguments":":1}"}}]}}]}""",
                """{"choices":[{"index":0,"delta":{"tool_calls":[{"id":"c2","index":1,"function":{"name":"clock","arguments":"{}"}}]}}]}""",
                """{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"""));
    }

    [Fact]
    public void A_whole_answer_is_read_like_one_chunk()
    {
        using var answer = new ChatAnswer();
        Assert.Null(answer.Read("""
            {"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],
             "usage":{"prompt_tokens":12,"completion_tokens":3,
              "prompt_tokens_details":{"cached_tokens":8},"completion_tokens_details":{"reasoning_tokens":1}}}
            """u8));
        Assert.True(answer.IsFinished);
        Assert.Equal(new Usage { InputTokens = 12, OutputTokens = 3, CachedInputTokens = 8, ReasoningTokens = 1 }, answer.Usage);
    }

    [Theory]
    [InlineData("""{"choices":[{"index":-1,"delta":{"content":"x"}}]}""")]
    [InlineData("""{"choices":[{"index":999999,"delta":{"content":"x"}}]}""")]
    [InlineData("""{"choices":[{"index":0,"delta":{"tool_calls":[{"index":5,"function":{"name":"x"}}]}}]}""")]
    [InlineData("""{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"x"}}]}}]}""")]
    [InlineData("""{"choices":{}}""")]
    [InlineData("""[]""")]
    [InlineData("""{"choices":[{"index":0,"delta":{"content":"x"}""")]
    public void A_chunk_out_of_shape_is_named_and_never_thrown(string chunk)
    {
        using var answer = new ChatAnswer();
        Assert.NotNull(answer.Read(Encoding.UTF8.GetBytes(chunk)));
    }

    [Fact]
    public void A_text_cut_anywhere_into_json_strings_comes_out_whole()
    {
        const string Text = "a\"\\/\b\f\n\r\tü€🌍\u0001z";
        for (var seed = 0; seed < 2_000; seed++)
        {
            var dice = new TestDice(seed);
            var units = Units(Text, dice);
            var tail = default(Utf8Tail);
            using var output = new Jesus.Transport.Buffers.PooledBuffer();
            for (var at = 0; at < units.Count;)
            {
                var count = Math.Min(units.Count - at, dice.Next(4) + 1);
                tail.Append([.. units.GetRange(at, count).SelectMany(u => u)], output);
                at += count;
            }

            Assert.True(Text == Encoding.UTF8.GetString(output.Span), $"seed {seed}: {Encoding.UTF8.GetString(output.Span)}");
        }
    }

    [Theory]
    [InlineData("\\ud83cx", "\uFFFDx")]
    [InlineData("\\udf0d", "\uFFFD")]
    [InlineData("\\ud83c\\ud83c\\udf0d", "\uFFFD🌍")]
    public void Half_a_pair_becomes_a_replacement_character(string raw, string expected)
    {
        var tail = default(Utf8Tail);
        using var output = new Jesus.Transport.Buffers.PooledBuffer();
        tail.Append(Encoding.UTF8.GetBytes(raw), output);
        Assert.Equal(expected, Encoding.UTF8.GetString(output.Span));
    }

    [Fact]
    public void Mutated_chunks_never_throw()
    {
        var chunk = """
            {"id":"x","choices":[{"index":0,"delta":{"content":"a\u00fc",
             "tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}],
             "usage":{"prompt_tokens":1,"completion_tokens":2},"error":null}
            """u8.ToArray();
        for (var seed = 0; seed < 20_000; seed++)
        {
            var dice = new TestDice(seed);
            var mutated = chunk.ToArray();
            for (var i = 0; i <= dice.Next(4); i++)
            {
                mutated[dice.Next(mutated.Length)] = (byte)dice.Next(256);
            }

            using var answer = new ChatAnswer();
            _ = answer.Read(mutated.AsSpan(0, dice.Next(mutated.Length) + 1));
            for (var i = 0; i < answer.EventCount; i++)
            {
                Assert.True(System.Text.Unicode.Utf8.IsValid(answer.EventAt(i).Utf8.Span), $"seed {seed}");
            }
        }
    }

    /// <summary>The pieces that a JSON writer may cut between: each byte of a raw character, each escape.</summary>
    private static List<byte[]> Units(string text, TestDice dice)
    {
        var units = new List<byte[]>();
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.Value < ' ' || rune.Value is '"' or '\\' || dice.Next(2) == 0)
            {
                units.AddRange(rune.ToString().Select(c => Encoding.ASCII.GetBytes($"\\u{(int)c:x4}")));
            }
            else
            {
                units.AddRange(Encoding.UTF8.GetBytes(rune.ToString()).Select(b => new[] { b }));
            }
        }

        return units;
    }

    private static List<string> Read(params string[] chunks)
    {
        using var answer = new ChatAnswer();
        var events = new List<string>();
        foreach (var chunk in chunks)
        {
            Assert.Null(answer.Read(Encoding.UTF8.GetBytes(chunk)));
            for (var i = 0; i < answer.EventCount; i++)
            {
                var item = answer.EventAt(i);
                var rest = item.Kind == EventKind.Finished ? item.Reason.ToString() : $"{Text(item.Utf8)} {Text(item.ToolCallId)}".Trim();
                events.Add($"{item.Kind} {item.Choice} {rest}".Trim());
            }
        }

        return events;
    }

    private static string Text(ReadOnlyMemory<byte> utf8) => Encoding.UTF8.GetString(utf8.Span);
}
