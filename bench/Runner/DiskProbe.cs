using System.Diagnostics;
using Jesus.Appliance.Storage;

namespace Jesus.Bench.Runner;

/// <summary>What the disk can do at this moment: syncs of 300 overwritten bytes from one thread.</summary>
internal static class DiskProbe
{
    public static double SyncsPerSecond(string path)
    {
        using var file = new PosixDisk().Open(path, DiskOpen.CreateNew);
        file.Write(0, new byte[1 << 20]);
        file.Sync();
        var record = new byte[300];
        var rounds = 0;
        var clock = Stopwatch.StartNew();
        for (; clock.ElapsedMilliseconds < 1_000; rounds++)
        {
            file.Write(rounds * 512 % (1 << 20), record);
            file.Sync();
        }

        return rounds / clock.Elapsed.TotalSeconds;
    }
}
