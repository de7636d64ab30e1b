using Jesus.Inference.Engine.Batching;

namespace Jesus.Inference.Tests.Engine.Batching;

public sealed class BatcherTests(ITestOutputHelper output)
{
    private static readonly PassBudget Budget = new(Rows: 32, PromptRows: 8, LogitRows: 16);

    [Fact]
    public void Every_decoding_sequence_gets_a_row_before_any_prompt()
    {
        var plan = Plan([new(100, false), new(1, false), new(1, false)]);
        Assert.Equal([new(1, 1), new(2, 1), new(0, 8)], plan);
    }

    [Fact]
    public void A_prompt_alone_takes_the_whole_pass() => Assert.Equal([new(0, 32)], Plan([new(100, false)]));

    [Fact]
    public void The_most_urgent_prompt_gets_half_of_the_rows_and_the_shortest_of_the_others_the_rest() =>
        Assert.Equal([new(0, 16), new(2, 10), new(1, 6)], Plan([new(200, false), new(50, false), new(10, false)]));

    [Fact]
    public void What_other_prompts_leave_goes_to_the_most_urgent() => Assert.Equal([new(0, 29), new(1, 3)], Plan([new(29, false), new(3, false)]));

    [Fact]
    public void A_chunk_ends_with_a_block_where_it_can() => Assert.Equal([new(0, 25)], Plan([new SequenceLoad(100, false) { Computed = 7 }]));

    [Fact]
    public void Drafts_come_after_every_answers_row_and_take_what_rows_and_logits_are_left()
    {
        var plan = Plan([new(1, false) { Drafts = 8 }, new(1, false) { Drafts = 8 }, new(1, false)], budget: new PassBudget(32, 8, 13));
        Assert.Equal([new(0, 9), new(1, 3), new(2, 1)], plan);
    }

    [Fact]
    public void A_paused_sequence_takes_no_part() => Assert.Equal([new(1, 1)], Plan([new(1, true), new(1, false), new(9, true)]));

    [Fact]
    public void More_decoding_sequences_than_rows_take_turns()
    {
        var budget = new PassBudget(2, 2, 16);
        var loads = Enumerable.Repeat(new SequenceLoad(1, false), 5).ToArray();
        var served = Enumerable.Range(0, 5).SelectMany(first => Plan(loads, first, budget)).CountBy(share => share.Sequence).ToDictionary();
        Assert.All(Enumerable.Range(0, 5), sequence => Assert.Equal(2, served[sequence]));
    }

    [Fact]
    public void Whatever_the_sequences_a_plan_keeps_its_limits_and_wastes_no_pass()
    {
        var seed = TestSeed.Next(output);
        var random = new Random(seed);
        for (var i = 0; i < 20_000; i++)
        {
            var budget = new PassBudget(random.Next(1, 60), random.Next(1, 60), random.Next(8, 20));
            var loads = Enumerable.Range(0, random.Next(1, 8)).Select(_ => Load(random)).ToArray();
            var plan = Plan(loads, random.Next(loads.Length), budget);
            var because = $"seed {seed}, case {i}";
            var decodes = plan.Any(share => loads[share.Sequence].Pending == 1);
            Assert.True(plan.Sum(share => share.Rows) <= budget.Rows, because);
            Assert.True(!decodes || plan.Where(share => loads[share.Sequence].Pending > 1).Sum(share => share.Rows) <= budget.PromptRows, because);
            Assert.True(plan.Sum(share => loads[share.Sequence].Pending == 1 ? share.Rows : 1) <= budget.LogitRows, because);
            Assert.True(plan.Select(share => share.Sequence).Distinct().Count() == plan.Length, because);
            Assert.True(plan.All(share => !loads[share.Sequence].IsPaused && share.Rows >= 1 && share.Rows <= loads[share.Sequence].Pending + loads[share.Sequence].Drafts), because);
            Assert.True(plan.Length > 0 || loads.All(load => load.IsPaused), because);
        }
    }

    private static SequenceLoad Load(Random random)
    {
        var decodes = random.Next(2) == 0;
        return new SequenceLoad(decodes ? 1 : random.Next(2, 100), random.Next(4) == 0) { Drafts = decodes ? random.Next(9) : 0, Computed = random.Next(100) };
    }

    private static StepShare[] Plan(SequenceLoad[] loads, int first = 0, PassBudget? budget = null)
    {
        var shares = new StepShare[loads.Length];
        return shares[..Batcher.Plan(loads, first, budget ?? Budget, shares)];
    }
}
