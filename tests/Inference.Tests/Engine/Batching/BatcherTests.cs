using Jesus.Inference.Engine.Batching;

namespace Jesus.Inference.Tests.Engine.Batching;

public sealed class BatcherTests(ITestOutputHelper output)
{
    private static readonly BatchLimits Limits = new() { StepRowsMax = 32, PrefillRowsBesideDecode = 8 };

    [Fact]
    public void Every_decoding_sequence_gets_a_row_before_any_prompt()
    {
        var plan = Plan([new(100, false), new(1, false), new(1, false)]);
        Assert.Equal([new(1, 1), new(2, 1), new(0, 8)], plan);
    }

    [Fact]
    public void A_prompt_alone_takes_the_whole_pass() => Assert.Equal([new(0, 32)], Plan([new(100, false)]));

    [Fact]
    public void Prompts_are_read_in_the_order_of_arrival() => Assert.Equal([new(0, 20), new(1, 12)], Plan([new(20, false), new(50, false), new(50, false)]));

    [Fact]
    public void A_paused_sequence_takes_no_part() => Assert.Equal([new(1, 1)], Plan([new(1, true), new(1, false), new(9, true)]));

    [Fact]
    public void More_decoding_sequences_than_rows_take_turns()
    {
        var limits = new BatchLimits { StepRowsMax = 2 };
        var loads = Enumerable.Repeat(new SequenceLoad(1, false), 5).ToArray();
        var served = Enumerable.Range(0, 5).SelectMany(first => Plan(loads, first, limits)).CountBy(share => share.Sequence).ToDictionary();
        Assert.All(Enumerable.Range(0, 5), sequence => Assert.Equal(2, served[sequence]));
    }

    [Fact]
    public void Whatever_the_sequences_a_plan_keeps_its_limits_and_wastes_no_pass()
    {
        var seed = TestSeed.Next(output);
        var random = new Random(seed);
        for (var i = 0; i < 20_000; i++)
        {
            var limits = new BatchLimits { StepRowsMax = random.Next(1, 20), PrefillRowsBesideDecode = random.Next(1, 20) };
            var loads = Enumerable.Range(0, random.Next(1, 8)).Select(_ => new SequenceLoad(random.Next(2) == 0 ? 1 : random.Next(2, 40), random.Next(4) == 0)).ToArray();
            var plan = Plan(loads, random.Next(loads.Length), limits);
            var because = $"seed {seed}, case {i}";
            Assert.True(plan.Sum(share => share.Rows) <= limits.StepRowsMax, because);
            Assert.True(plan.Select(share => share.Sequence).Distinct().Count() == plan.Length, because);
            Assert.True(plan.All(share => !loads[share.Sequence].IsPaused && share.Rows >= 1 && share.Rows <= loads[share.Sequence].Pending), because);
            Assert.True(plan.Length > 0 || loads.All(load => load.IsPaused), because);
        }
    }

    private static StepShare[] Plan(SequenceLoad[] loads, int first = 0, BatchLimits? limits = null)
    {
        var shares = new StepShare[loads.Length];
        return shares[..Batcher.Plan(loads, first, limits ?? Limits, shares)];
    }
}
