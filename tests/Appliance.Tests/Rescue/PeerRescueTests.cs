using Jesus.Bench.Peers;
using Jesus.Tests.Nats;

namespace Jesus.Appliance.Tests.Rescue;

/// <summary>Boxes over a real nats-server, one of which dies.</summary>
public sealed class PeerRescueTests(ITestOutputHelper output)
{
    private const int Streams = 100;

    [Fact]
    public async Task A_box_that_dies_in_the_middle_of_a_hundred_answers_costs_none_of_them_a_letter()
    {
        NatsServer.SkipIfMissing();
        var figures = await RescueBench.KillAsync(Streams);
        output.WriteLine($"{figures.Rescued} rescued, {figures.Exact} exact of {figures.Streams}; first token after the kill: p50 {figures.Percentile(50):F0} ms, p99 {figures.Percentile(99):F0} ms");
        Assert.True(figures.Exact == Streams, $"{figures.Exact} of {Streams} are exact: {figures.Problem}");
        Assert.Equal(Streams, figures.Rescued);
    }
}
