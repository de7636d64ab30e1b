using Jesus.Inference.Engine.Hosting;

namespace Jesus.Inference.Tests.Engine.Hosting;

public sealed class CoreShareTests
{
    [Theory]
    [InlineData(2, 2, 2)]
    [InlineData(4, 2, 4)]
    [InlineData(4, 3, 3)]
    [InlineData(1, 8, 1)]
    public void Never_more_threads_compute_than_there_are_cores(int cores, int threads, int most)
    {
        var share = new CoreShare(cores);
        var (inside, seen, passes) = (0, 0, 0);
        var engines = Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            for (var i = 0; i < 200; i++)
            {
                share.Enter(threads);
                InterlockedMax(ref seen, Interlocked.Add(ref inside, Math.Min(threads, cores)));
                Thread.Yield();
                _ = Interlocked.Add(ref inside, -Math.Min(threads, cores));
                share.Leave(threads);
                _ = Interlocked.Increment(ref passes);
            }
        })).ToArray();
        Array.ForEach(engines, engine => engine.Start());
        Array.ForEach(engines, engine => engine.Join());
        Assert.Equal(800, passes);
        Assert.InRange(seen, 1, most);
    }

    [Fact]
    public void An_engine_knows_whether_others_answer_but_not_itself()
    {
        var share = new CoreShare(2);
        var (one, two) = (0, 0);
        share.Tell(ref one, 3);
        Assert.False(share.OthersAnswer(one));
        Assert.True(share.OthersAnswer(two));
        share.Tell(ref two, 1);
        Assert.True(share.OthersAnswer(one));
        share.Tell(ref one, 0);
        share.Tell(ref two, 0);
        Assert.False(share.OthersAnswer(one));
    }

    [Fact]
    public void Work_of_low_priority_runs_on_all_its_threads_and_leaves_the_callers_priority()
    {
        var before = Niceness();
        var (runs, lowest) = (0, int.MaxValue);
        LowPriority.Run(3, "test", () =>
        {
            _ = Interlocked.Increment(ref runs);
            lowest = Math.Min(lowest, Niceness());
        });
        Assert.Equal((3, before), (runs, Niceness()));
        Assert.True(lowest >= 10, $"niceness {lowest}");
        Assert.Equal("on purpose", Assert.Throws<IOException>(() => LowPriority.Run(2, "test", () => throw new IOException("on purpose"))).Message);
    }

    private static void InterlockedMax(ref int most, int value)
    {
        for (var seen = Volatile.Read(ref most); value > seen && Interlocked.CompareExchange(ref most, value, seen) != seen; seen = Volatile.Read(ref most))
        {
        }
    }

    /// <summary>Field 19 of proc(5)'s stat; the second may hold spaces but ends with the last parenthesis.</summary>
    private static int Niceness()
    {
        var stat = File.ReadAllText("/proc/thread-self/stat");
        return int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[16], System.Globalization.CultureInfo.InvariantCulture);
    }
}
