using System.Globalization;

namespace Jesus.Bench.Peers;

/// <summary>
/// What the other boxes of a fleet cost one box: processor and memory for 1,000 simulated peers; what the way to another adds to a call; and how soon another goes on with
/// the answers of one that dies. Arguments: <c>--cost [SECONDS]</c> measures only what peers cost, <c>--calls</c> only the way, <c>--rescue</c> only the death; <c>--tiny</c> runs
/// all of it in seconds, for the tests;
/// <c>speak URL PEERS STATUSES-PER-SECOND</c> is the peers' side, a process of its own so that only the box is measured.
/// </summary>
public static class Program
{
    public static async Task<int> Main(string[] args)
    {
        if (args.Contains("--rescue"))
        {
            await RescueBench.RunAsync(Console.Out, tiny: false);
            return 0;
        }

        if (args is ["speak", var url, var peers, var rate])
        {
            await Speaker.RunAsync(url, int.Parse(peers, CultureInfo.InvariantCulture), int.Parse(rate, CultureInfo.InvariantCulture));
            return 0;
        }

        if (args.Contains("--calls"))
        {
            await BoxBench.RunAsync(Console.Out, tiny: false, cost: false);
            return 0;
        }

        if (args is ["--cost", .. var rest])
        {
            await TableBench.RunAsync(Console.Out, tiny: false);
            var seconds = rest is [var text] ? int.Parse(text, CultureInfo.InvariantCulture) : BoxBench.Seconds;
            await BoxBench.RunAsync(Console.Out, tiny: false, calls: false, seconds: seconds);
            return 0;
        }

        await RunAsync(Console.Out, tiny: args.Contains("--tiny"));
        return 0;
    }

    public static async Task RunAsync(TextWriter output, bool tiny)
    {
        await TableBench.RunAsync(output, tiny);
        await BoxBench.RunAsync(output, tiny);
        await RescueBench.RunAsync(output, tiny);
    }
}
