using Jesus.Appliance.Pricing;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Pricing;

public sealed class PricingTests
{
    private static readonly Price OneAndTwo = new() { Input = 1, CachedInput = 0.1m, Output = 2 };

    [Fact]
    public void A_price_counts_from_its_day_on()
    {
        var noon = new DateTimeOffset(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);
        var table = Table(
            new PriceOptions { Provider = "p", Model = "m", InputPerMillionTokens = 1 },
            new PriceOptions { Provider = "p", Model = "m", From = noon, InputPerMillionTokens = 3 });
        Assert.Equal(1, table.Find("p/m", "p", true, noon.AddTicks(-1)).Input);
        Assert.Equal(3, table.Find("p/m", "p", true, noon).Input);
    }

    [Fact]
    public void A_model_without_a_line_costs_what_its_providers_star_says_and_nothing_on_the_box()
    {
        var table = Table(new PriceOptions { Provider = "p", Model = "*", InputPerMillionTokens = 5 });
        Assert.Equal(5, table.Find("p/any", "p", true, default).Input);
        Assert.True(table.Find("q/any", "q", true, default).IsUnknown);
        Assert.Equal(Price.Free, table.Find("local/any", "local", false, default));
    }

    [Fact]
    public void Every_wrong_line_is_reported()
    {
        var errors = new List<string>();
        _ = PriceTable.Build(new PricesOptions { Prices = [new PriceOptions { Provider = "p" }, new PriceOptions { Provider = "p", Model = "m", PerImage = -1 }] }, errors);
        Assert.Equal(2, errors.Count);
        Assert.StartsWith("prices[0]", errors[0], StringComparison.Ordinal);
        Assert.StartsWith("prices[1]", errors[1], StringComparison.Ordinal);
    }

    [Fact]
    public void A_fraction_of_a_micro_dollar_is_rounded_up()
    {
        var price = new Price { Input = 0.15m, Output = 0.6m };
        Assert.Equal(1, price.CostOf(new Usage { InputTokens = 1 }));
        Assert.Equal(15, price.CostOf(new Usage { InputTokens = 100 }));
    }

    [Fact]
    public void Cached_input_is_part_of_the_input()
    {
        Assert.Equal(60 + 4 + 20, OneAndTwo.CostOf(new Usage { InputTokens = 100, CachedInputTokens = 40, OutputTokens = 10 }));
    }

    [Theory]
    [InlineData(0, 0, 0, CallBound.DefaultOutputTokens)]
    [InlineData(50, 0, 0, 50)]
    [InlineData(0, 300, 0, 300)]
    [InlineData(500, 300, 0, 500)]
    [InlineData(0, 0, 1000, 900)]
    [InlineData(5000, 0, 1000, 900)]
    [InlineData(50, 0, 80, 50)]
    public void The_longest_answer_is_what_caller_model_and_context_leave(int asked, int modelMax, int context, int expected) =>
        Assert.Equal(expected, CallBound.OutputTokens(inputTokens: 100, asked, modelMax, context));

    [Fact]
    public void The_bound_is_never_below_the_cost_of_any_usage_within_it()
    {
        for (var seed = 0; seed < 5_000; seed++)
        {
            var dice = new Jesus.Tests.Faults.TestDice(seed);
            var price = new Price { Input = dice.Next(900) / 100m, CachedInput = dice.Next(900) / 100m, Output = dice.Next(900) / 100m };
            var bound = CallBound.Of(price, dice.Next(5_000), dice.Next(300), dice.Next(2) * 200, dice.Next(2) * 9_000, dice.Next(3) + 1, 0);
            var input = dice.Next(bound.Usage.InputTokens + 1);
            var usage = new Usage { InputTokens = input, CachedInputTokens = dice.Next(input + 1), OutputTokens = dice.Next(bound.Usage.OutputTokens + 1) };
            Assert.True(price.CostOf(usage) <= bound.MicroUsd, $"seed {seed}");
        }
    }

    [Theory]
    [InlineData(40, 30, UsageQuality.Exact, true, true, 100, UsageQuality.Exact)]
    [InlineData(40, 30, UsageQuality.Estimated, true, true, 100, UsageQuality.Estimated)]
    [InlineData(40, 30, UsageQuality.Estimated, false, true, 300, UsageQuality.Estimated)]
    [InlineData(40, 101, UsageQuality.Exact, true, true, 300, UsageQuality.Estimated)]
    [InlineData(-1, 30, UsageQuality.Exact, true, true, 300, UsageQuality.Estimated)]
    [InlineData(40, 130, UsageQuality.Exact, true, false, 300, UsageQuality.Exact)]
    public void A_statement_is_believed_while_it_is_possible_and_the_bound_is_charged_where_it_is_not(
        int input, int output, UsageQuality quality, bool succeeded, bool hard, long charged, UsageQuality expected)
    {
        var bound = CallBound.Of(OneAndTwo, 100, 100, 0, 0, 1, 0);
        var result = new CallResult
        {
            Error = succeeded ? default : new ModelError(ErrorCause.Cut, "cut"),
            Usage = new Usage { InputTokens = input, OutputTokens = output },
            Quality = quality,
        };
        var settlement = Settlement.Of(result, bound, OneAndTwo, hard);
        Assert.Equal((charged, expected), (settlement.MicroUsd, settlement.Quality));
    }

    private static PriceTable Table(params PriceOptions[] lines)
    {
        var errors = new List<string>();
        var table = PriceTable.Build(new PricesOptions { Prices = lines }, errors);
        Assert.Empty(errors);
        return table;
    }
}
