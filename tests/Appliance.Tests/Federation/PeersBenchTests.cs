namespace Jesus.Appliance.Tests.Federation;

/// <summary>The bench of a fleet's cost in small, so that it never rots; figures are not looked at.</summary>
public sealed class PeersBenchTests
{
    [Fact]
    public async Task The_bench_measures_what_other_boxes_cost_this_one()
    {
        await using var output = new StringWriter();
        await Jesus.Bench.Peers.Program.RunAsync(output, tiny: true);
        TestContext.Current.TestOutputHelper?.WriteLine(output.ToString());
        foreach (var row in new[] { "a status read and taken", "memory", "of a core, at the fleet's pace", "a box over NATS", "at a peer", "a refusal (busy)" })
        {
            Assert.Contains(row, output.ToString(), StringComparison.Ordinal);
        }
    }
}
