using Jesus.Inference.Engine.Batching;
using Jesus.Inference.Engine.Batching.Speculation;

namespace Jesus.Inference.Tests.Engine.Batching;

public sealed class PromptPaceTests
{
    private const double Target = 0.2;
    private const int Answers = 4;

    private readonly PassCosts _costs = new();
    private readonly PromptPace _pace = new(Target);

    [Fact]
    public void A_steady_machine_comes_to_passes_of_the_time_allowed_and_stays_there()
    {
        var last = Run(30, Slow);
        Assert.InRange(last, 0.9 * Target, Target);
        Assert.InRange(Longest(50, Slow), 0.9 * Target, Target);
    }

    [Fact]
    public void A_machine_that_is_fast_comes_to_large_passes()
    {
        _ = Run(40, rows => 0.001 + (rows * 0.0008));
        Assert.InRange(_pace.Rows(Answers, _costs), 200, 250);
    }

    [Fact]
    public void Rows_that_grow_dearer_with_their_contexts_are_fewer_in_time()
    {
        _ = Run(30, Slow);
        var context = 0;
        Assert.InRange(Longest(150, rows => Slow(rows) * (1 + (context++ * 0.005))), Target, 1.05 * Target);
    }

    [Fact]
    public void One_slow_pass_costs_rows_for_a_few_passes_only()
    {
        _ = Run(30, Slow);
        var before = _pace.Rows(Answers, _costs);
        _pace.Passed(before + Answers, 3 * Target);
        Assert.InRange(_pace.Rows(Answers, _costs), 1, before / 2);
        _ = Run(8, Slow);
        Assert.Equal(before, _pace.Rows(Answers, _costs));
    }

    [Fact]
    public void A_pass_of_few_rows_that_ends_early_does_not_say_that_many_would()
    {
        _ = Run(30, Slow);
        var before = _pace.Rows(Answers, _costs);
        for (var i = 0; i < 20; i++)
        {
            _pace.Passed(Answers + 2, 0.06);
        }

        Assert.Equal(before, _pace.Rows(Answers, _costs));
    }

    [Fact]
    public void The_first_pass_follows_from_passes_that_read_prompts_alone_and_is_small_where_there_were_none()
    {
        Assert.Equal(BatchLimits.PrefillRowsAtFirst, _pace.Rows(Answers, _costs));
        _costs.Passed(256, 256 * 0.0125);
        Assert.InRange(_pace.Rows(Answers, _costs), 10, 12);
    }

    [Fact]
    public void A_machine_that_is_too_slow_still_reads_a_few_rows()
    {
        _ = Run(30, rows => rows * 0.5);
        Assert.InRange(_pace.Rows(Answers, _costs), 1, 4);
    }

    /// <summary>60 ms to read the weights, and 80 rows a second.</summary>
    private static double Slow(int rows) => Math.Max(0.06, rows * 0.0125);

    private double Run(int passes, Func<int, double> machine)
    {
        var took = 0.0;
        for (var i = 0; i < passes; i++)
        {
            var rows = Answers + _pace.Rows(Answers, _costs);
            took = machine(rows);
            _pace.Passed(rows, took);
        }

        return took;
    }

    private double Longest(int passes, Func<int, double> machine) => Enumerable.Range(0, passes).Max(_ => Run(1, machine));
}
