using System.Text;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.ToolCalls;
using Jesus.Inference.Tests.Engine.Tokenizers;

namespace Jesus.Inference.Tests.Engine.ToolCalls;

/// <summary>Each model's form, cut at every byte.</summary>
public sealed class AnswerFormTests
{
    private static readonly AnswerForm Llama = new(ToolCallForm.Llama3, ReasoningForm.None);
    private static readonly AnswerForm Mistral = new(ToolCallForm.Mistral, ReasoningForm.BracketThink);
    private static readonly AnswerForm Granite = new(ToolCallForm.Granite, ReasoningForm.None);
    private static readonly AnswerForm Qwen = new(ToolCallForm.Hermes, ReasoningForm.Think);
    private static readonly AnswerForm Harmony = new(ToolCallForm.Harmony, ReasoningForm.Channel);

    [Theory]
    [InlineData("{\"name\": \"f\", \"parameters\": {\"a\": \"}\"}}", "start0:f|args0:{\"a\": \"}\"}")]
    [InlineData("{\"type\": \"function\", \"name\": \"f\", \"parameters\": {}}; {\"name\": \"g\", \"parameters\": {}}", "start0:f|args0:{}|start1:g|args1:{}")]
    [InlineData("<|python_tag|>{\"name\": \"f\", \"parameters\": {}}", "start0:f|args0:{}")]
    [InlineData("{\"answer\": 1}", "text:{\"answer\": 1}")]
    [InlineData("{\"name\": \"Bob\", \"age\": 3}", "text:{\"name\": \"Bob\", \"age\": 3}")]
    [InlineData("<|python_tag|>print(1)", "text:print(1)")]
    [InlineData("{\"name\": \"Bo", "text:{\"name\": \"Bo")]
    [InlineData("So: {\"name\": \"f\", \"parameters\": {}}", "text:So: {\"name\": \"f\", \"parameters\": {}}")]
    public void Llama_calls_are_told_from_text_that_looks_alike(string answer, string expected) => Check(Llama, answer, expected);

    [Theory]
    [InlineData("[TOOL_CALLS][{\"name\": \"f\", \"arguments\": {\"a\": [1]}}, {\"name\": \"g\", \"arguments\": {}, \"id\": \"x\"}]", "start0:f|args0:{\"a\": [1]}|start1:g|args1:{}")]
    [InlineData("[TOOL_CALLS]f[ARGS]{\"a\": 1}[TOOL_CALLS]g[CALL_ID]abc[ARGS]{}", "start0:f|args0:{\"a\": 1}|start1:g|args1:{}")]
    [InlineData("[THINK]hm\n[/THINK]Hi [TOOL x", "thinks:hm|text:Hi [TOOL x")]
    public void Mistral_calls_come_as_an_array_or_by_name(string answer, string expected) => Check(Mistral, answer, expected);

    [Theory]
    [InlineData("<|tool_call|>[{\"name\": \"f\", \"arguments\": {}}]", "start0:f|args0:{}")]
    [InlineData("One moment.<|tool_call|>{\"name\": \"f\", \"arguments\": {}}", "text:One moment.|start0:f|args0:{}")]
    public void Granite_calls_come_as_an_array(string answer, string expected) => Check(Granite, answer, expected);

    [Theory]
    [InlineData("<think>\nlet me\n see </th\n</think>\n\nyes", false, "thinks:let me\n see </th|text:yes")]
    [InlineData("<think>\n\n</think>\n\nyes", false, "text:yes")]
    [InlineData("so\n</think>\n<tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>", true, "thinks:so|start0:f|args0:{}")]
    [InlineData("The tag <think> opens it", false, "text:The tag <think> opens it")]
    [InlineData("never closed ", true, "thinks:never closed")]
    public void Reasoning_comes_apart_from_the_answer(string answer, bool inReasoning, string expected)
    {
        var utf8 = Encoding.UTF8.GetBytes(answer);
        for (var chunk = 1; chunk <= utf8.Length; chunk++)
        {
            var (events, error) = AnswerParserTests.Parse(utf8, chunk, Qwen, inReasoning);
            Assert.True(error.IsNone, error.Message);
            Assert.Equal(expected, events);
        }
    }

    [Fact]
    public void Without_tools_what_looks_like_a_call_is_text()
    {
        const string Call = "<tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>";
        Assert.Equal("text:" + Call, AnswerParserTests.Parse(Encoding.UTF8.GetBytes(Call), 5, Qwen, parsesCalls: false).Events);
    }

    [Theory]
    [InlineData("<|channel|>analysis<|message|>hm, so\n<|end|><|start|>assistant<|channel|>final<|message|>Hi <you>", "thinks:hm, so|text:Hi <you>")]
    [InlineData("<|channel|>commentary to=functions.f <|constrain|>json<|message|>{\"a\": 1}<|call|>", "start0:f|args0:{\"a\": 1}")]
    [InlineData(" to=functions.f<|channel|>commentary <|constrain|>json<|message|>{}<|call|>", "start0:f|args0:{}")]
    [InlineData("<|channel|>commentary<|message|>I look.<|end|><|start|>assistant<|channel|>commentary to=functions.f<|message|>{}", "text:I look.|start0:f|args0:{}")]
    [InlineData("Just text.", "text:Just text.")]
    [InlineData("to be", "text:to be")]
    public void Harmony_channels_are_reasoning_calls_and_text(string answer, string expected)
    {
        for (var chunk = 1; chunk <= answer.Length; chunk++)
        {
            var (events, error) = ParseChannels(answer, chunk);
            Assert.True(error.IsNone, error.Message);
            Assert.Equal(expected, events);
        }
    }

    [Theory]
    [InlineData(ToolCallForm.Mistral, "[TOOL_CALLS][{\"name\": \"f\", \"arguments\": {\"a\"", "ends inside")]
    [InlineData(ToolCallForm.Mistral, "[TOOL_CALLS]{}", "0x7d")]
    [InlineData(ToolCallForm.Granite, "<|tool_call|>so", "0x73")]
    [InlineData(ToolCallForm.Llama3, "{\"name\": \"f\", \"parameters\": {\"a\": 1]}}", "brackets")]
    public void A_call_that_has_begun_and_breaks_is_an_error_that_says_why(ToolCallForm form, string answer, string why)
    {
        var (_, error) = AnswerParserTests.Parse(Encoding.UTF8.GetBytes(answer), 3, new AnswerForm(form, ReasoningForm.None));
        Assert.Equal(ErrorCause.Malformed, error.Cause);
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_harmony_call_that_breaks_is_an_error() =>
        Assert.Equal(ErrorCause.Malformed, ParseChannels("<|channel|>commentary to=functions.f<|message|>{\"a\"<|call|>", 1).Error.Cause);

    [Theory]
    [InlineData("<tool_call> <think>", "<x>", ToolCallForm.Hermes, ReasoningForm.Think)]
    [InlineData("[TOOL_CALLS]", "[ARGS]", ToolCallForm.Mistral, ReasoningForm.None)]
    [InlineData("'parameters'", "<|python_tag|>", ToolCallForm.Llama3, ReasoningForm.None)]
    [InlineData("<|tool_call|>", "<|tool_call|>", ToolCallForm.Granite, ReasoningForm.None)]
    [InlineData("", "<|channel|> <|message|>", ToolCallForm.Harmony, ReasoningForm.Channel)]
    [InlineData("plain", "<x>", ToolCallForm.Hermes, ReasoningForm.None)]
    public void The_form_is_read_off_the_template_and_the_vocabulary(string template, string controls, ToolCallForm calls, ReasoningForm reasoning)
    {
        var tokenizer = TokenizerSamples.Load(TokenizerSamples.Gpt2("gpt-2", [], controls.Split(' ')));
        Assert.Equal(new AnswerForm(calls, reasoning), AnswerForm.Of(tokenizer.Vocabulary, template));
    }

    private static void Check(AnswerForm form, string answer, string expected)
    {
        var utf8 = Encoding.UTF8.GetBytes(answer);
        for (var chunk = 1; chunk <= utf8.Length; chunk++)
        {
            var (events, error) = AnswerParserTests.Parse(utf8, chunk, form);
            Assert.True(error.IsNone, error.Message);
            Assert.Equal(expected, events);
        }
    }

    /// <summary>Harmony's marks are control tokens; what is between them comes in pieces.</summary>
    internal static (string Events, ModelError Error) ParseChannels(string answer, int chunk)
    {
        var parser = new AnswerParser();
        parser.Begin(Harmony, parsesCalls: true);
        var events = new List<string>();
        foreach (var part in System.Text.RegularExpressions.Regex.Split(answer, @"(<\|[a-z]+\|>)"))
        {
            var utf8 = Encoding.UTF8.GetBytes(part);
            if (part.StartsWith("<|", StringComparison.Ordinal))
            {
                parser.FeedControl(utf8);
                AnswerParserTests.Collect(parser, events);
                continue;
            }

            for (var at = 0; at < utf8.Length; at += chunk)
            {
                parser.Feed(utf8.AsSpan(at, Math.Min(chunk, utf8.Length - at)));
                AnswerParserTests.Collect(parser, events);
            }
        }

        parser.Finish();
        AnswerParserTests.Collect(parser, events);
        return (AnswerParserTests.Joined(events), parser.Error);
    }
}
