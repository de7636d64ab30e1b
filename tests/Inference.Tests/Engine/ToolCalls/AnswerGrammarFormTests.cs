using System.Text;
using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Constraints;
using Jesus.Inference.Engine.ToolCalls;
using Jesus.Inference.Tests.Engine.Constraints;
using Jesus.Inference.Tests.Engine.Templates;

namespace Jesus.Inference.Tests.Engine.ToolCalls;

/// <summary>What the mask of each form lets through, its own parser takes.</summary>
public sealed class AnswerGrammarFormTests
{
    private const string Calc = """{"type":"object","properties":{"n":{"type":"integer","minimum":1,"maximum":99}},"required":["n"],"additionalProperties":false}""";

    [Theory]
    [InlineData(ToolCallForm.Llama3, "<|python_tag|>")]
    [InlineData(ToolCallForm.Mistral, "[TOOL_CALLS] [ARGS]")]
    [InlineData(ToolCallForm.Mistral, "[TOOL_CALLS]")]
    [InlineData(ToolCallForm.Granite, "<|tool_call|>")]
    [InlineData(ToolCallForm.Harmony, "<|channel|> <|message|> <|constrain|>")]
    public void Every_forced_call_parses_and_fits_its_tool(ToolCallForm calls, string controls)
    {
        var (form, picked) = (new AnswerForm(calls, ReasoningForm.None), 0);
        for (var seed = 1; seed <= 40; seed++)
        {
            var random = new Random(seed);
            using var request = Request(ToolChoiceMode.Required);
            Assert.True(AnswerGrammar.TryCompile(Compiler(controls, random), request.Request, form, false, out var compiled, out var error), error.Message);
            var answer = Picking.Answer(compiled!, random);
            compiled!.Dispose();
            if (answer is not null)
            {
                picked++;
                Judge(seed, form, answer);
            }
        }

        Assert.True(picked > 5, $"only {picked} answers came to an end");
    }

    [Theory]
    [InlineData(ToolCallForm.Hermes, ReasoningForm.Think, true, "hm <b> </think>\n\n<tool_call>{\"name\":\"calc\",\"arguments\":{\"n\":5}}</tool_call>", true)]
    [InlineData(ToolCallForm.Hermes, ReasoningForm.Think, true, "<tool_call>{\"name\":\"calc\",\"arguments\":{\"n\":5}}</tool_call>", false)]
    [InlineData(ToolCallForm.Hermes, ReasoningForm.Think, false, "<think>hm</think><tool_call>{\"name\":\"calc\",\"arguments\":{\"n\":5}}</tool_call>", true)]
    [InlineData(ToolCallForm.Hermes, ReasoningForm.Think, false, "<think>hm</think>no call", false)]
    [InlineData(ToolCallForm.Hermes, ReasoningForm.Think, false, "<tool_call>{\"name\":\"calc\",\"arguments\":{\"n\":5}}</tool_call>", true)]
    [InlineData(ToolCallForm.Harmony, ReasoningForm.Channel, false,
        "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>commentary to=functions.calc <|constrain|>json<|message|>{\"n\":5}", true)]
    [InlineData(ToolCallForm.Harmony, ReasoningForm.Channel, false, "<|channel|>final<|message|>no", false)]
    public void Reasoning_comes_before_a_forced_call_and_is_free(ToolCallForm calls, ReasoningForm reasoning, bool inReasoning, string answer, bool isAccepted)
    {
        using var request = Request(ToolChoiceMode.Required);
        var compiler = Compiler("<tool_call> </tool_call> <|channel|> <|message|> <|start|> <|end|> <|constrain|>", null);
        Assert.True(AnswerGrammar.TryCompile(compiler, request.Request, new AnswerForm(calls, reasoning), inReasoning, out var compiled, out var error), error.Message);
        using (compiled)
        {
            Assert.Equal(isAccepted, Accepts(compiled!, answer));
        }
    }

    private static bool Accepts(CompiledConstraint compiled, string answer)
    {
        var state = new ConstraintState();
        state.Begin(compiled);
        foreach (var part in System.Text.RegularExpressions.Regex.Split(answer, @"(<\|[a-z]+\|>|</?tool_call>)"))
        {
            var utf8 = Encoding.UTF8.GetBytes(part);
            var token = compiled.Vocabulary.FindControl(utf8);
            if (token >= 0 ? !state.Advance(token) : !utf8.All(value => state.Advance(value)))
            {
                return false;
            }
        }

        return state.IsComplete;
    }

    [Theory]
    [InlineData(ToolCallForm.Llama3, "Hello {\"name\":1}", true)]
    [InlineData(ToolCallForm.Llama3, "{\"x\":1}", true)]
    [InlineData(ToolCallForm.Llama3, "{\"name\":\"calc\",\"parameters\":{\"n\":5}}", true)]
    [InlineData(ToolCallForm.Llama3, "{\"name\":\"nope\",\"parameters\":{}}", false)]
    [InlineData(ToolCallForm.Granite, "Hm <|tool_call|>[{\"name\":\"calc\",\"arguments\":{\"n\":5}}]", true)]
    [InlineData(ToolCallForm.Granite, "<|tool_call|>[{\"name\":\"calc\",\"arguments\":{\"n\":500}}]", false)]
    [InlineData(ToolCallForm.Mistral, "[TOOL_CALLS][{\"name\":\"calc\",\"arguments\":{\"n\":5}}, {\"name\":\"calc\",\"arguments\":{\"n\":6}}]", true)]
    [InlineData(ToolCallForm.Mistral, "[TOOL_CALLS]x", false)]
    public void Under_auto_text_is_free_until_a_call_of_the_form_begins(ToolCallForm calls, string answer, bool isAccepted)
    {
        using var request = Request(ToolChoiceMode.Auto);
        var form = new AnswerForm(calls, ReasoningForm.None);
        Assert.True(AnswerGrammar.TryCompile(Compiler("", null), request.Request, form, false, out var compiled, out var error), error.Message);
        var state = new ConstraintState();
        state.Begin(compiled!);
        Assert.Equal(isAccepted, Encoding.UTF8.GetBytes(answer).All(value => state.Advance(value)) && state.IsComplete);
        compiled!.Dispose();
    }

    private static void Judge(int seed, AnswerForm form, string answer)
    {
        var (events, error) = form.Calls == ToolCallForm.Harmony
            ? AnswerFormTests.ParseChannels(answer, 7)
            : AnswerParserTests.Parse(Encoding.UTF8.GetBytes(answer), 7, form);
        Assert.True(error.IsNone, $"seed {seed}: {error.Message}\n{answer}");
        Assert.DoesNotContain("text:", events, StringComparison.Ordinal);
        Assert.Contains("start0:calc", events, StringComparison.Ordinal);
        var arguments = events[(events.IndexOf("args0:", StringComparison.Ordinal) + 6)..].Split('|')[0];
        using var document = JsonDocument.Parse(arguments);
        Assert.InRange(document.RootElement.GetProperty("n").GetInt32(), 1, 99);
    }

    private static ConstraintCompiler Compiler(string controls, Random? random)
    {
        var vocabulary = random is null ? TestVocabulary.Bytes() : TestVocabulary.Random(random, 200);
        foreach (var control in controls.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            vocabulary.AddControl(control);
        }

        return new ConstraintCompiler(VocabularyIndex.Build(vocabulary));
    }

    private static TestRequest Request(ToolChoiceMode mode)
    {
        var request = new TestRequest();
        request.AddTool("calc", Calc);
        request.Request.ToolChoice = new ToolChoice(mode);
        return request;
    }
}
