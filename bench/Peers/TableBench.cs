using System.Diagnostics;
using System.Text;
using Jesus.Appliance.Federation.Membership;
using Jesus.Appliance.Federation.Messages;

namespace Jesus.Bench.Peers;

/// <summary>The fold alone: a status read and taken, a look at all peers, and what they weigh in memory.</summary>
internal static class TableBench
{
    private const int Rounds = 5;
    private const int LooksPerSecond = 4;

    public static async Task RunAsync(TextWriter output, bool tiny)
    {
        var peers = tiny ? 100 : 1_000;
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var table = new PeerTable("me", ulong.MaxValue, 4_096);
        var names = Enumerable.Range(0, peers).Select(p => Encoding.ASCII.GetBytes(Fleet.NameOf(p))).ToArray();
        using var status = new PeerStatus();
        for (var peer = 0; peer < peers; peer++)
        {
            Take(table, names[peer], Fleet.Status(peer, 1, 1_000, withDigests: true), status, 0);
        }

        var memory = GC.GetTotalMemory(forceFullCollection: true) - before;
        var (take, bytes, now) = Statuses(table, names, status, tiny);
        var look = Looks(table, now, tiny);
        var pace = StatusPace.Default.For(peers) / 1_000.0;
        await output.WriteLineAsync($"the table: {peers} peers, {Fleet.Models} models each, {Fleet.Digests} digests a model (median of {Rounds})");
        await output.WriteLineAsync($"  a status read and taken  {take,8:F2} us, {bytes,6:F0} B allocated");
        await output.WriteLineAsync($"  a look at all            {look,8:F2} us");
        await output.WriteLineAsync($"  memory                   {memory / 1e6,8:F2} MB");
        await output.WriteLineAsync($"  of a core, one status a second each (beyond the bound): {((take * peers) + (look * LooksPerSecond)) / 1e4:F2} %");
        await output.WriteLineAsync($"  of a core, at the fleet's pace (each {pace:F1} s):         {((take * peers / pace) + (look * LooksPerSecond)) / 1e4:F3} %");
        GC.KeepAlive(table);
    }

    private static (double Microseconds, double Bytes, long Now) Statuses(PeerTable table, byte[][] names, PeerStatus status, bool tiny)
    {
        var times = new double[Rounds];
        var turns = tiny ? 2 : 20;
        var (now, sequence, bytes) = (0L, 1UL, 0L);
        for (var round = 0; round < Rounds; round++)
        {
            var spent = 0L;
            for (var turn = 0; turn < turns; turn++)
            {
                (now, sequence) = (now + 1_000, sequence + 1);
                var bodies = names.Select((_, peer) => Fleet.Status(peer, sequence, 1_000, withDigests: false)).ToArray();
                var allocated = GC.GetAllocatedBytesForCurrentThread();
                var started = Stopwatch.GetTimestamp();
                for (var peer = 0; peer < names.Length; peer++)
                {
                    Take(table, names[peer], bodies[peer], status, now);
                }

                spent += Stopwatch.GetTimestamp() - started;
                bytes += GC.GetAllocatedBytesForCurrentThread() - allocated;
                table.Look(now, hears: true);
            }

            times[round] = spent * 1e6 / Stopwatch.Frequency / (turns * names.Length);
        }

        Array.Sort(times);
        return (times[Rounds / 2], bytes / (double)(Rounds * turns * names.Length), now);
    }

    private static double Looks(PeerTable table, long now, bool tiny)
    {
        var times = new double[Rounds];
        var turns = tiny ? 10 : 1_000;
        for (var round = 0; round < Rounds; round++)
        {
            var started = Stopwatch.GetTimestamp();
            for (var turn = 0; turn < turns; turn++)
            {
                table.Look(now, hears: true);
            }

            times[round] = Stopwatch.GetElapsedTime(started).TotalMicroseconds / turns;
        }

        Array.Sort(times);
        return times[Rounds / 2];
    }

    private static void Take(PeerTable table, byte[] name, byte[] body, PeerStatus status, long now)
    {
        if (!PeerStatus.TryRead(body, status, out var error) || table.Apply(name, status, now) is not (StatusVerdict.New or StatusVerdict.Taken))
        {
            throw new InvalidOperationException($"A status was not taken: {error}");
        }
    }
}
