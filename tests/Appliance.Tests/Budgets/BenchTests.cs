using Jesus.Appliance.Budgets;
using Jesus.Tests.Faults;

namespace Jesus.Appliance.Tests.Budgets;

[Collection(Alone.Name)]
public sealed class BenchTests
{
    [Fact]
    public async Task The_bench_runs_and_no_cap_is_passed_and_nothing_is_allocated()
    {
        Alone.SkipUnlessOptimised(typeof(BudgetKeeper));
        await using var output = new StringWriter();
        var holds = await Jesus.Bench.Budgets.Program.RunAsync(output, tiny: true);
        TestContext.Current.TestOutputHelper?.WriteLine(output.ToString());
        Assert.True(holds, output.ToString());
        Assert.Contains("at any moment looked at: $0.00", output.ToString(), StringComparison.Ordinal);
    }
}
