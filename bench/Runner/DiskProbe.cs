using System.Diagnostics;

namespace Jesus.Bench.Runner;

/// <summary>What the disk can do at this moment: syncs of 300 overwritten bytes from one thread.</summary>
internal static class DiskProbe
{
    public static double SyncsPerSecond(string path)
    {
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        file.Write(new byte[1 << 20]);
        file.Flush(flushToDisk: true);
        var record = new byte[300];
        var rounds = 0;
        var clock = Stopwatch.StartNew();
        for (; clock.ElapsedMilliseconds < 1_000; rounds++)
        {
            file.Position = rounds * 512 % (1 << 20);
            file.Write(record);
            file.Flush(flushToDisk: true);
        }

        return rounds / clock.Elapsed.TotalSeconds;
    }
}
