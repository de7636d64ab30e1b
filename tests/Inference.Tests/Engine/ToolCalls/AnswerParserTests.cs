using System.Text;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.ToolCalls;

namespace Jesus.Inference.Tests.Engine.ToolCalls;

public sealed class AnswerParserTests
{
    private const string TwoCalls = """
        I look. <b>
        <tool_call>
        {"name": "file.read", "arguments": {"path": "a}\"b", "lines": [1, {"x": 2}]}}
        </tool_call>
        <tool_call>{"name":"clock","arguments":{}}</tool_call>
        """;

    [Theory]
    [InlineData("plain text", "text:plain text")]
    [InlineData("a < b <tool b", "text:a < b <tool b")]
    [InlineData("<<tool_call>{\"name\":\"x\",\"arguments\":{}}</tool_call>", "text:<|start0:x|args0:{}")]
    [InlineData("<tool_call>{\"name\":\"x\"}</tool_call>", "start0:x|args0:{}")]
    [InlineData("<tool_call>{\"name\":\"x\",\"arguments\":{\"a\":1}}", "start0:x|args0:{\"a\":1}")]
    [InlineData("<tool_call>{\"name\":\"a\\u0062\\\"\",\"arguments\":{}}</tool_call>\n then", "start0:ab\"|args0:{}|text:then")]
    [InlineData(TwoCalls, "text:I look. <b>\n|start0:file.read|args0:{\"path\": \"a}\\\"b\", \"lines\": [1, {\"x\": 2}]}|start1:clock|args1:{}")]
    public void An_answer_is_split_the_same_however_it_arrives(string answer, string expected)
    {
        var utf8 = Encoding.UTF8.GetBytes(answer.ReplaceLineEndings("\n"));
        for (var chunk = 1; chunk <= utf8.Length; chunk++)
        {
            var (events, error) = Parse(utf8, chunk);
            Assert.True(error.IsNone, error.Message);
            Assert.Equal(expected, events);
        }
    }

    [Theory]
    [InlineData("<tool_call>{\"name\":\"x\",\"arguments\":{\"a\":1", "ends inside")]
    [InlineData("<tool_call>", "ends inside")]
    [InlineData("<tool_call>hello", "0x68")]
    [InlineData("<tool_call>{\"arguments\":{}}", "\"name\"")]
    [InlineData("<tool_call>{\"name\":\"x\",\"parameters\":{}}", "\"arguments\"")]
    [InlineData("<tool_call>{\"name\":\"x\",\"arguments\":[]}", "0x5b")]
    [InlineData("<tool_call>{\"name\":\"x\",\"arguments\":{]}", "brackets")]
    [InlineData("<tool_call>{\"name\":\"\",\"arguments\":{}}", "no JSON string")]
    [InlineData("<tool_call>{\"name\":\"\\ud800\",\"arguments\":{}}", "no JSON string")]
    [InlineData("<tool_call>{\"name\":\"x\",\"arguments\":{}} and so", "end mark")]
    public void A_malformed_call_is_an_error_that_says_why(string answer, string why)
    {
        var (_, error) = Parse(Encoding.UTF8.GetBytes(answer), 3);
        Assert.Equal(ErrorCause.Malformed, error.Cause);
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
        Assert.Contains("tool call 1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Markers_may_come_as_control_tokens()
    {
        var parser = new AnswerParser();
        var events = new List<string>();
        parser.Feed("hm <tool"u8);
        Collect(parser, events);
        parser.FeedControl("<tool_call>"u8);
        Collect(parser, events);
        parser.Feed("\n{\"name\":\"x\",\"arguments\":{\"t\":\"</tool_call>\"}}\n"u8);
        Collect(parser, events);
        parser.FeedControl("</tool_call>"u8);
        parser.Finish();
        Collect(parser, events);
        Assert.Equal("text:hm <tool|start0:x|args0:{\"t\":\"</tool_call>\"}", Joined(events));
        Assert.True(parser.Error.IsNone);
    }

    [Fact]
    public void A_reset_parser_starts_over()
    {
        var parser = new AnswerParser();
        parser.Feed("<tool_call>broken"u8);
        Assert.False(parser.Error.IsNone);
        parser.Begin(default, parsesCalls: true);
        parser.Feed("fine"u8);
        Assert.True(parser.Error.IsNone);
        Assert.Equal("fine"u8.ToArray(), parser.Bytes.ToArray());
        Assert.Equal(0, parser.CallCount);
    }

    internal static (string Events, ModelError Error) Parse(byte[] utf8, int chunk) => Parse(utf8, chunk, default);

    internal static (string Events, ModelError Error) Parse(byte[] utf8, int chunk, AnswerForm form, bool inReasoning = false, bool parsesCalls = true)
    {
        var parser = new AnswerParser();
        parser.Begin(form, parsesCalls, inReasoning);
        var events = new List<string>();
        for (var at = 0; at < utf8.Length; at += chunk)
        {
            parser.Feed(utf8.AsSpan(at, Math.Min(chunk, utf8.Length - at)));
            Collect(parser, events);
        }

        parser.Finish();
        Collect(parser, events);
        return (Joined(events), parser.Error);
    }

    internal static void Collect(AnswerParser parser, List<string> events)
    {
        foreach (var piece in parser.Pieces)
        {
            var head = piece.Kind switch { EventKind.Text => "text:", EventKind.Reasoning => "thinks:", EventKind.ToolCallStart => $"start{piece.Index}:", _ => $"args{piece.Index}:" };
            var body = Encoding.UTF8.GetString(parser.Bytes.Slice(piece.Start, piece.Length));
            if (events.Count > 0 && piece.Kind != EventKind.ToolCallStart && events[^1].StartsWith(head, StringComparison.Ordinal))
            {
                events[^1] += body;
            }
            else
            {
                events.Add(head + body);
            }
        }
    }

    internal static string Joined(List<string> events) => string.Join('|', events);
}
