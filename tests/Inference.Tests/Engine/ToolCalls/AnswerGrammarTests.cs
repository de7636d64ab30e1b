using System.Text;
using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Constraints;
using Jesus.Inference.Engine.ToolCalls;
using Jesus.Inference.Tests.Engine.Constraints;
using Jesus.Inference.Tests.Engine.Templates;

namespace Jesus.Inference.Tests.Engine.ToolCalls;

public sealed class AnswerGrammarTests
{
    private const string Calc = """{"type":"object","properties":{"expression":{"type":"string","maxLength":5}},"required":["expression"]}""";
    private const string File = """{"type":"object","properties":{"path":{"type":"string","maxLength":4},"lines":{"type":"integer","minimum":1,"maximum":99}},"required":["path"]}""";
    private const string GoodCall = """<tool_call>{"name":"calc","arguments":{"expression":"1+1"}}</tool_call>""";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Under_auto_text_is_free_until_a_call_begins(bool controls)
    {
        Assert.True(Accepts(controls, ToolChoiceMode.Auto, "Hello, <b> you {\"x\":1} <tool"));
        Assert.True(Accepts(controls, ToolChoiceMode.Auto, "I add. " + GoodCall));
        Assert.True(Accepts(controls, ToolChoiceMode.Auto, GoodCall + "\n" + GoodCall));
        Assert.False(Accepts(controls, ToolChoiceMode.Auto, "<tool_call>{\"name\":\"unknown\""));
        Assert.False(Accepts(controls, ToolChoiceMode.Auto, GoodCall + " and text"));
        Assert.False(Accepts(controls, ToolChoiceMode.Auto, GoodCall[..^3]));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Under_required_a_call_comes_first(bool controls)
    {
        Assert.True(Accepts(controls, ToolChoiceMode.Required, GoodCall));
        Assert.True(Accepts(controls, ToolChoiceMode.Required, """<tool_call>\n{"name": "file.read", "arguments": {"path":"a","lines":7}}\n</tool_call>""".Replace("\\n", "\n", StringComparison.Ordinal)));
        Assert.True(Accepts(controls, ToolChoiceMode.Required, """<tool_call>{"name":"now","arguments":{}}</tool_call>"""));
        Assert.False(Accepts(controls, ToolChoiceMode.Required, ""));
        Assert.False(Accepts(controls, ToolChoiceMode.Required, "Hello"));
        Assert.False(Accepts(controls, ToolChoiceMode.Required, """<tool_call>{"name":"file.read","arguments":{"path":"a","lines":100}}</tool_call>"""));
    }

    [Fact]
    public void Under_named_only_that_tool_may_be_called()
    {
        Assert.True(Accepts(true, ToolChoiceMode.Named, GoodCall, "calc"));
        Assert.False(Accepts(true, ToolChoiceMode.Named, GoodCall, "now"));
        Assert.Contains("'nope'", Refusal(ToolChoiceMode.Named, Calc, "nope").Message, StringComparison.Ordinal);
    }

    [Fact]
    public void With_none_the_tools_constrain_nothing()
    {
        using var request = Request(ToolChoiceMode.None);
        Assert.True(AnswerGrammar.TryCompile(Compiler(true), request.Request, default, false, out var compiled, out _));
        Assert.Null(compiled);
    }

    [Fact]
    public void An_output_schema_and_tools_are_alternatives()
    {
        using var request = Request(ToolChoiceMode.Auto);
        request.Request.Constraint.Kind = ConstraintKind.JsonSchema;
        request.Request.Constraint.Source = Picking.Slice("""{"type":"boolean"}""");
        var compiler = Compiler(true);
        Assert.True(AnswerGrammar.TryCompile(compiler, request.Request, default, false, out var compiled, out var error), error.Message);
        Assert.True(Accepts(compiled!, "true"));
        Assert.True(Accepts(compiled!, GoodCall));
        Assert.False(Accepts(compiled!, "text"));
        compiled!.Dispose();
    }

    [Fact]
    public void No_more_calls_than_the_limit_are_made()
    {
        Assert.True(Accepts(true, ToolChoiceMode.Auto, string.Concat(Enumerable.Repeat(GoodCall, ToolCallLimits.CallsMax))));
        Assert.False(Accepts(true, ToolChoiceMode.Auto, string.Concat(Enumerable.Repeat(GoodCall, ToolCallLimits.CallsMax + 1))));
    }

    [Fact]
    public void A_tool_schema_that_cannot_be_enforced_is_refused_by_tool_and_place()
    {
        var error = Refusal(ToolChoiceMode.Auto, """{"type":"object","properties":{"a":{"type":"array","uniqueItems":true}}}""");
        Assert.Contains("Tool 'calc'", error.Message, StringComparison.Ordinal);
        Assert.Contains("#/properties/a", error.Message, StringComparison.Ordinal);
        Assert.Equal("tools[0].function.parameters", error.Param);
        Assert.Contains("object", Refusal(ToolChoiceMode.Auto, """{"type":"string"}""").Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_required_call_without_tools_is_refused()
    {
        using var request = new TestRequest();
        request.Request.ToolChoice = new ToolChoice(ToolChoiceMode.Required);
        Assert.False(AnswerGrammar.TryCompile(Compiler(true), request.Request, default, false, out _, out var error));
        Assert.Equal("tool_choice", error.Param);
    }

    [Fact]
    public void The_prompt_that_spans_name_is_the_last_users_text()
    {
        using var request = new TestRequest();
        request.Request.Turns.Add(TurnRole.User, Picking.Slice("first"));
        request.Request.Turns.Begin(TurnRole.User);
        request.Request.Turns.Add(new TurnPart(PartKind.Text, Picking.Slice("sec")));
        request.Request.Turns.Add(new TurnPart(PartKind.Text, Picking.Slice("ond")));
        request.Request.Turns.Add(TurnRole.Assistant, Picking.Slice("third"));
        request.Request.Constraint.Kind = ConstraintKind.JsonSchema;
        request.Request.Constraint.Source = Picking.Slice("""{"x-span-of":"prompt"}""");
        Assert.True(AnswerGrammar.TryCompile(Compiler(true), request.Request, default, false, out var compiled, out _));
        Assert.True(Accepts(compiled!, "\"second\""));
        Assert.False(Accepts(compiled!, "\"first\""));
        compiled!.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Every_call_made_under_the_mask_parses_and_fits_its_tool(bool controls)
    {
        for (var seed = 1; seed <= 150; seed++)
        {
            var random = new Random(seed);
            var vocabulary = Vocabulary(controls, random);
            using var request = Request(ToolChoiceMode.Required);
            Assert.True(AnswerGrammar.TryCompile(new ConstraintCompiler(VocabularyIndex.Build(vocabulary)), request.Request, default, false, out var compiled, out var error), error.Message);
            var answer = Picking.Answer(compiled!, random);
            compiled!.Dispose();
            if (answer is not null)
            {
                Judge(seed, answer);
            }
        }
    }

    private static void Judge(int seed, string answer)
    {
        // Control tokens' text is part of the picked answer, so the parser sees the same form either way.
        var (events, error) = AnswerParserTests.Parse(Encoding.UTF8.GetBytes(answer), 7);
        Assert.True(error.IsNone, $"seed {seed}: {error.Message}\n{answer}");
        Assert.DoesNotContain("text:", events, StringComparison.Ordinal);
        foreach (var call in answer.Split("</tool_call>", StringSplitOptions.RemoveEmptyEntries))
        {
            using var document = JsonDocument.Parse(call[(call.IndexOf('>', StringComparison.Ordinal) + 1)..]);
            var schema = document.RootElement.GetProperty("name").GetString() switch { "calc" => Calc, "file.read" => File, _ => """{"maxProperties":0}""" };
            using var schemaDocument = JsonDocument.Parse(schema);
            Assert.True(new SchemaOracle(schemaDocument.RootElement, []).IsValid(document.RootElement.GetProperty("arguments")), $"seed {seed}: {call}");
        }
    }

    private static TestVocabulary Vocabulary(bool controls, Random? random = null)
    {
        var vocabulary = random is null ? TestVocabulary.Bytes() : TestVocabulary.Random(random, 200);
        if (controls)
        {
            vocabulary.AddControl("<tool_call>");
            vocabulary.AddControl("</tool_call>");
        }

        return vocabulary;
    }

    private static ConstraintCompiler Compiler(bool controls) => new(VocabularyIndex.Build(Vocabulary(controls)));

    private static TestRequest Request(ToolChoiceMode mode, string name = "", string calc = Calc)
    {
        var request = new TestRequest();
        request.AddTool("calc", calc);
        request.AddTool("file.read", File);
        request.AddTool("now", "");
        request.Request.ToolChoice = new ToolChoice(mode, Picking.Slice(name));
        return request;
    }

    private static ModelError Refusal(ToolChoiceMode mode, string calc, string name = "")
    {
        using var request = Request(mode, name, calc);
        Assert.False(AnswerGrammar.TryCompile(Compiler(true), request.Request, default, false, out _, out var error));
        return error;
    }

    private static bool Accepts(bool controls, ToolChoiceMode mode, string answer, string name = "")
    {
        using var request = Request(mode, name);
        Assert.True(AnswerGrammar.TryCompile(Compiler(controls), request.Request, default, false, out var compiled, out var error), error.Message);
        using (compiled)
        {
            return Accepts(compiled!, answer);
        }
    }

    /// <summary>Takes a control token where the answer spells one and the vocabulary has it, single bytes elsewhere.</summary>
    private static bool Accepts(CompiledConstraint compiled, string answer)
    {
        var state = new ConstraintState();
        state.Begin(compiled);
        for (var at = 0; at < answer.Length;)
        {
            var marker = ((string[])["<tool_call>", "</tool_call>"]).FirstOrDefault(text => string.CompareOrdinal(answer, at, text, 0, text.Length) == 0);
            var token = marker is null ? -1 : compiled.Vocabulary.FindControl(Encoding.UTF8.GetBytes(marker));
            if (!state.Advance(token >= 0 ? token : answer[at]))
            {
                return false;
            }

            at += token >= 0 ? marker!.Length : 1;
        }

        return state.IsComplete;
    }
}
