using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Workflows;
using System.Text.Json;

namespace Jesus.Appliance.Tests.Runner;

public sealed class ExpressionTests
{
    [Theory]
    [InlineData("1 == 1.0", true)]
    [InlineData("'a' != 'b'", true)]
    [InlineData("2 < 10", true)]
    [InlineData("'2' < '10'", false)]
    [InlineData("not (1 == 2) and 3 >= 3", true)]
    [InlineData("1 == 2 or 'b' in 'abc'", true)]
    [InlineData("contains(inputs.list, 2)", true)]
    [InlineData("length(inputs.list) == 3 and length('abcd') > 3", true)]
    [InlineData("default(inputs.object.nothing, 5) == 5", true)]
    [InlineData("inputs.object.name == \"Ada\"", true)]
    [InlineData("${inputs.object.name} == 'Ada' and ${inputs.list[0]} <= 1", true)]
    [InlineData("inputs.empty == null", true)]
    [InlineData("-1 < 0", true)]
    public void A_condition_is_computed(string text, bool expected)
    {
        var expression = ExpressionParser.Parse(text, 0, text.Length, [], out var error);
        Assert.Null(error);
        Assert.Equal(expected, Evaluator.Truth(expression!, new Values()));
    }

    [Theory]
    [InlineData("1 ==", 4, "a value is missing")]
    [InlineData("1 == 2 == 3", 7, "comparisons do not chain")]
    [InlineData("size(1)", 0, "there is no function 'size'")]
    [InlineData("lenght(1)", 0, "did you mean 'length'?")]
    [InlineData("length(1, 2)", 0, "takes 1 value")]
    [InlineData("'open", 0, "a string is not closed")]
    [InlineData("steps.a.state", 8, "comes 'output'")]
    [InlineData("1 + 1", 2, "'+' means nothing here")]
    [InlineData("(1", 2, "')' is missing")]
    [InlineData("nothing", 0, "'nothing' is unknown")]
    public void A_wrong_expression_names_the_place(string text, int offset, string message)
    {
        Assert.Null(ExpressionParser.Parse(text, 0, text.Length, [], out var error));
        Assert.Equal(offset, error!.Offset);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Brackets_without_end_are_refused_and_do_not_overflow_the_stack()
    {
        var text = new string('(', 100_000);
        Assert.Null(ExpressionParser.Parse(text, 0, text.Length, [], out var error));
        Assert.Contains("nest deeper", error!.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("${inputs.list}", "[1,2,3]")]
    [InlineData("n=${inputs.list[1]}", "\"n=2\"")]
    [InlineData("all: ${inputs.list}", "\"all: [1,2,3]\"")]
    [InlineData("$${x} ${inputs.object.name}", "\"${x} Ada\"")]
    [InlineData("a ${default(inputs.empty, '}')} b", "\"a } b\"")]
    public void A_template_keeps_the_type_of_a_single_value_and_writes_text_otherwise(string text, string expected)
    {
        var template = Template.Parse(text, [], out var error);
        Assert.Null(error);
        Assert.Equal(expected, template!.Evaluate(new Values()).GetRawText());
    }

    [Theory]
    [InlineData("inputs.object.nothing", "there is no field 'nothing'")]
    [InlineData("inputs.list[7]", "the list has 3 members")]
    [InlineData("inputs.empty.name", "default() gives it a value")]
    [InlineData("length(5)", "length() wants a list")]
    [InlineData("inputs.list < 3", "have no order")]
    public void A_value_that_is_absent_says_so(string text, string message)
    {
        var expression = ExpressionParser.Parse(text, 0, text.Length, [], out _);
        var error = Assert.Throws<EvaluationException>(() => Evaluator.Evaluate(expression!, new Values()));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_retry_waits_longer_each_time_up_to_its_limit_and_alike_for_one_seed()
    {
        var retry = new RetrySpec(10, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(20), false);
        for (var failed = 1; failed <= 60; failed++)
        {
            var full = Math.Min(20, Math.Pow(2, failed - 1));
            var delay = RetryDelay.After(retry, failed, 42).TotalSeconds;
            Assert.InRange(delay, full / 2, full);
            Assert.Equal(delay, RetryDelay.After(retry, failed, 42).TotalSeconds);
        }

        Assert.True(Enumerable.Range(0, 100).Select(i => RetryDelay.After(retry, 3, RetryDelay.SeedOf("run" + i, "a"))).Distinct().Count() > 90);
    }

    private sealed class Values : IValues
    {
        public bool TryRead(ReferenceRoot root, string name, out JsonElement value)
        {
            value = name switch
            {
                "list" => JsonValues.Parse("[1,2,3]"u8),
                "object" => JsonValues.Parse("{\"name\":\"Ada\"}"u8),
                _ => JsonValues.Null,
            };
            return root == ReferenceRoot.Input;
        }
    }
}
