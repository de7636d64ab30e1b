using Jesus.Bench.Load;
using Jesus.Tests.Faults;

namespace Jesus.Appliance.Tests.Bench;

/// <summary>The load bench in small, so that it never rots; figures are not looked at.</summary>
public sealed class LoadBenchTests
{
    [Fact]
    public void The_load_bench_runs_every_row_against_what_is_there()
    {
        var options = LoadOptions.Parse(["--tiny", "--only", "direct"], out _);
        Assert.NotNull(options);
        using var output = new StringWriter();
        LoadBench.Run(options, output);
        var text = output.ToString();
        foreach (var row in new[] { "closed 16", "closed 64", "open 1000/s", "stream 16", "events/s", "bars:" })
        {
            Assert.Contains(row, text, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("--rounds", "none")]
    [InlineData("--soak", "-1")]
    [InlineData("--overload", "1")]
    [InlineData("--fast", "")]
    public void A_wrong_argument_is_named_with_what_is_allowed(string argument, string value)
    {
        Assert.Null(LoadOptions.Parse([argument, value], out var problem));
        Assert.Contains(argument, problem, StringComparison.Ordinal);
        Assert.Contains("--soak", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_percentile_lies_within_a_hundredth_of_the_value()
    {
        var histogram = new Histogram();
        for (var i = 1; i <= 100_000; i++)
        {
            histogram.Add(i * 10L);
        }

        Assert.Equal(100_000, histogram.Count);
        Assert.Equal(1_000_000, histogram.Max);
        Assert.InRange(histogram.Percentile(0.5), 500_000, 505_000);
        Assert.InRange(histogram.Percentile(0.99), 990_000, 1_000_000);
        Assert.Equal(1_000_000, histogram.Percentile(1));
    }

    [Fact]
    public async Task Refusals_are_tallied_apart_and_come_back_when_they_are_told()
    {
        var asked = 0;
        await using var server = new FaultServer(async connection =>
        {
            while (await connection.ReadRequestAsync())
            {
                var isFirst = Interlocked.Increment(ref asked) % 2 == 1;
                await connection.RespondAsync(isFirst ? "429 Too Many Requests" : "200 OK", "{}", headers: isFirst ? "retry-after-ms: 20\r\n" : "");
            }
        });
        var source = new LoadSource(server.Port, [MockAnswers.Question("a"), MockAnswers.Question("b")], 8, perSecond: 200, obeys: true);
        new LoadGenerator(source).Run(1, 0);
        var tally = source.Tally;
        Assert.True(tally.Refused.Count > 0 && tally.Served.Count > 0 && tally.BackServed + tally.BackRefused > 0, "nothing was refused, answered or came back");
        Assert.Equal(tally.All.Count, tally.Refused.Count + tally.Served.Count);
        Assert.Equal(20_000_000, tally.Told.Max);
    }

    [Fact]
    public void Latencies_of_an_open_loop_count_from_when_a_request_was_due()
    {
        // A server that answers one request at a time, each after 20 ms, cannot keep a schedule of one each millisecond.
        using var slow = new SlowServer(20);
        var load = LoadGenerator.Run(slow.Port, MockAnswers.Request(MockAnswers.Model, stream: false), 1, 1, 0, perSecond: 1_000);
        Assert.True(load.Answers < 200, $"{load.Answers} answers");
        Assert.True(load.P50 > 200_000, $"{load.P50} us");
    }
}
