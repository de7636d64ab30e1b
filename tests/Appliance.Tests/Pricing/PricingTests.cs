using Jesus.Appliance.Pricing;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Pricing;

public sealed class PricingTests
{
    private static readonly Price OneAndTwo = new() { Input = 1, CachedInput = 0.1m, CacheWrite = 1.25m, Output = 2, Reasoning = 3 };

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
        var price = Price.PerToken(0.15m, 0.6m);
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
            decimal Rate() => dice.Next(900) / 100m;
            var price = new Price
            {
                Input = Rate(),
                CachedInput = Rate(),
                CacheWrite = Rate(),
                LongCacheWrite = Rate(),
                Output = Rate(),
                Reasoning = Rate(),
                Call = Rate(),
                Image = Rate(),
                ComputeSecond = Rate(),
                ComputeSecondsMax = 10,
            };
            var bound = CallBound.Of(price, dice.Next(5_000), dice.Next(300), dice.Next(2) * 200, dice.Next(2) * 9_000, dice.Next(3) + 1, dice.Next(3));
            var input = dice.Next(bound.Usage.InputTokens + 1);
            var output = dice.Next(bound.Usage.OutputTokens + 1);
            var cached = dice.Next(input + 1);
            var written = dice.Next(input - cached + 1);
            var usage = new Usage
            {
                InputTokens = input,
                CachedInputTokens = cached,
                CacheWriteTokens = written,
                LongCacheWriteTokens = dice.Next(written + 1),
                OutputTokens = output,
                ReasoningTokens = dice.Next(output + 1),
                Images = bound.Usage.Images,
                ComputeMicroseconds = dice.Next(10_000_000),
            };
            Assert.True(price.CostOf(usage) <= bound.MicroUsd, $"seed {seed}");
        }
    }

    [Theory]
    [InlineData(40, 30, UsageQuality.Exact, true, true, 100, UsageQuality.Exact)]
    [InlineData(40, 30, UsageQuality.Estimated, true, true, 100, UsageQuality.Estimated)]
    [InlineData(40, 30, UsageQuality.Exact, false, true, 100, UsageQuality.Exact)]
    [InlineData(40, 30, UsageQuality.Estimated, false, true, 425, UsageQuality.Estimated)]
    [InlineData(40, 101, UsageQuality.Estimated, true, true, 242, UsageQuality.Estimated)]
    [InlineData(-1, 30, UsageQuality.Exact, true, true, 425, UsageQuality.Estimated)]
    [InlineData(0, 0, UsageQuality.Exact, false, true, 0, UsageQuality.Exact)]
    [InlineData(40, 130, UsageQuality.Exact, true, false, 300, UsageQuality.Exact)]
    public void A_statement_is_believed_and_the_bound_is_charged_where_there_is_none_or_it_contradicts_itself(
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
        Assert.Equal((charged, expected, false), (settlement.MicroUsd, settlement.Quality, settlement.IsOverrun));
    }

    [Fact]
    public void A_bill_above_the_bound_is_charged_truly_as_an_overrun()
    {
        var bound = CallBound.Of(OneAndTwo, 100, 100, 0, 0, 1, 0);
        var result = new CallResult { Usage = new Usage { InputTokens = 40, OutputTokens = 1_000 } };
        Assert.Equal((2_040, UsageQuality.Exact, true), Parts(Settlement.Of(result, bound, OneAndTwo, isHard: true)));
        Assert.Equal((2_040, UsageQuality.Exact, false), Parts(Settlement.Of(result, bound, OneAndTwo, isHard: false)));
        static (long, UsageQuality, bool) Parts(Settlement s) => (s.MicroUsd, s.Quality, s.IsOverrun);
    }

    [Theory]
    [InlineData(40, 1_000, "'a/m' states $0.00204 where at most $0.000425 was allowed")]
    [InlineData(120, 5, "'a/m' states 120 tokens of prompt where at most 100 tokens of prompt was allowed")]
    [InlineData(5, 120, "'a/m' states 120 tokens of answer where at most 100 tokens of answer was allowed")]
    public void An_overrun_says_what_of_it_is_above_the_bound(int input, int output, string said)
    {
        var bound = CallBound.Of(OneAndTwo, 100, 100, 0, 0, 1, 0);
        var result = new CallResult { Usage = new Usage { InputTokens = input, OutputTokens = output } };
        Assert.Equal(said, Settlement.Of(result, bound, OneAndTwo, isHard: true).OverrunOf("a/m", bound));
    }

    [Fact]
    public void Each_kind_of_token_each_image_and_each_call_has_its_price()
    {
        var price = OneAndTwo with { Call = 1_000, Image = 500 };
        var usage = new Usage { InputTokens = 100, CachedInputTokens = 40, CacheWriteTokens = 20, OutputTokens = 30, ReasoningTokens = 10, Images = 2 };
        Assert.Equal(1_000 + 40 + 4 + 25 + 40 + 30 + 1_000, price.CostOf(usage));
        Assert.Equal(0, price.CostOf(default));
    }

    [Fact]
    public void Tokens_kept_for_an_hour_have_their_own_price_and_raise_the_bound_only_where_they_are_asked_for()
    {
        var table = PriceTable.Build(new PricesOptions { Prices = [new PriceOptions { Provider = "p", Model = "m", InputPerMillionTokens = 4, CacheWritePerMillionTokens = 5 }] }, []);
        var price = table.Find("p/m", "p", leavesBox: true, DateTimeOffset.UnixEpoch);
        Assert.Equal((10 * 4) + (20 * 5) + (30 * 8), price.CostOf(new Usage { InputTokens = 60, CacheWriteTokens = 50, LongCacheWriteTokens = 30 }));
        var request = new ModelRequest { MaxOutputTokens = 10 };
        request.Turns.Begin(TurnRole.User);
        request.Turns.Add(new TurnPart(PartKind.Text, request.Text.Copy("hello")) { Cache = CacheMark.FiveMinutes });
        Assert.Equal(500, CallBound.Of(price, request, 100, 0, 0).MicroUsd);
        request.Turns.Add(new TurnPart(PartKind.Text, request.Text.Copy("keep")) { Cache = CacheMark.OneHour });
        Assert.Equal(800, CallBound.Of(price, request, 100, 0, 0).MicroUsd);
    }

    [Fact]
    public void Counting_tokens_costs_nothing_and_embeddings_pay_for_their_input()
    {
        var request = new ModelRequest { Operation = ModelOperation.CountTokens };
        Assert.Equal(default, CallBound.Of(OneAndTwo, request, 500, 0, 8_000));
        request.Operation = ModelOperation.Embed;
        Assert.Equal((625L, 500L), (CallBound.Of(OneAndTwo, request, 500, 0, 8_000).MicroUsd, CallBound.Of(OneAndTwo, request, 500, 0, 8_000).Tokens));
    }

    [Fact]
    public void Images_of_the_prompt_are_paid_although_providers_do_not_state_them()
    {
        var price = OneAndTwo with { Image = 500 };
        var request = new ModelRequest { MaxOutputTokens = 10 };
        request.Turns.Begin(TurnRole.User);
        request.Turns.Add(new TurnPart(PartKind.Image, request.Text.Copy("data:image/png;base64,AA")));
        var bound = CallBound.Of(price, request, 100, 0, 0);
        var settlement = Settlement.Of(new CallResult { Usage = new Usage { InputTokens = 10, OutputTokens = 1 } }, bound, price, isHard: true);
        Assert.Equal((512L, false), (settlement.MicroUsd, settlement.IsOverrun));
    }

    [Fact]
    public void Compute_is_held_for_its_longest_and_more_is_an_overrun()
    {
        var price = new Price { ComputeSecond = 100, ComputeSecondsMax = 10 };
        var bound = CallBound.Of(price, 10, 10, 0, 0, 1, 0);
        Assert.Equal(1_000, bound.MicroUsd);
        var result = new CallResult { Usage = new Usage { InputTokens = 10, OutputTokens = 5, ComputeMicroseconds = 12_000_000 } };
        var settlement = Settlement.Of(result, bound, price, isHard: false);
        Assert.Equal((1_200L, true), (settlement.MicroUsd, settlement.IsOverrun));
    }

    private static PriceTable Table(params PriceOptions[] lines)
    {
        var errors = new List<string>();
        var table = PriceTable.Build(new PricesOptions { Prices = lines }, errors);
        Assert.Empty(errors);
        return table;
    }
}
