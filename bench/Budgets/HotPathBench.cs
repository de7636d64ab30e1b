using System.Diagnostics;
using Jesus.Appliance.Budgets;
using Jesus.Appliance.Storage;

namespace Jesus.Bench.Budgets;

/// <summary>Open, reserve and settle where the leases suffice, by levels and threads, beside uncontended locks and the disk's own sync.</summary>
internal static class HotPathBench
{
    private const int Rounds = 5;

    public static async Task<bool> RunAsync(TextWriter output, bool tiny)
    {
        var calls = tiny ? 20_000 : 1_000_000;
        await output.WriteLineAsync("reserve + settle (median of 5 runs, interleaved)");
        await output.WriteLineAsync("levels threads  ns/call  B/call  calls that waited for a lease");
        var clean = true;
        foreach (var levels in new[] { 1, 4 })
        {
            foreach (var threads in new[] { 1, 2 })
            {
                var (ns, bytes, waited) = Measure(levels, threads, calls);
                clean &= bytes < 1;
                await output.WriteLineAsync($"{levels,6} {threads,7}  {ns,7:F0}  {bytes,6:F2}  {waited} of {(long)calls * threads * (Rounds + 1)}");
            }
        }

        var syncs = Syncs(tiny ? 50 : 2_000);
        await output.WriteLineAsync($"limit: {Locks(2 * calls):F0} ns for three uncontended lock pairs (open, reserve, settle each take one)");
        await output.WriteLineAsync($"       {syncs:F0} fdatasync a second, so a sync a call would cost {1e6 / Math.Max(1, syncs):F0} us");
        return clean;
    }

    private static (double Ns, double Bytes, int Waited) Measure(int levels, int threads, int calls)
    {
        var journal = new NullJournal();
        var caps = new CapOptions[] { new() { Scope = BudgetScope.User, Period = BudgetPeriod.Day, Usd = 900_000_000 } };
        if (levels == 4)
        {
            caps =
            [
                .. caps,
                new CapOptions { Scope = BudgetScope.Key, Period = BudgetPeriod.Month, Usd = 900_000_000 },
                new CapOptions { Scope = BudgetScope.Team, Period = BudgetPeriod.Month, Usd = 900_000_000 },
                new CapOptions { Scope = BudgetScope.Organisation, Usd = 900_000_000 },
            ];
        }

        var options = new BudgetsOptions { Caps = caps };
        using var keeper = new BudgetKeeper(options, CapTable.Build(options, []), journal, TimeProvider.System);
        var times = new double[Rounds];
        var bytes = 0L;
        for (var round = -1; round < Rounds; round++)
        {
            var (ns, allocated) = Round(keeper, threads, calls);
            if (round >= 0)
            {
                times[round] = ns;
                bytes += allocated;
            }
        }

        Array.Sort(times);
        return (times[Rounds / 2], bytes / ((double)Rounds * calls * threads), journal.Waited);
    }

    /// <summary>Each thread's own allocation, so that the harness' threads do not count.</summary>
    private static (double Ns, long Bytes) Round(BudgetKeeper keeper, int threads, int calls)
    {
        var bytes = 0L;
        var ns = 0.0;
        var workers = new Thread[threads];
        using var start = new Barrier(threads);
        for (var i = 0; i < threads; i++)
        {
            workers[i] = new Thread(() =>
            {
                var reservation = new Reservation();
                Spend(keeper, reservation, 100);
                start.SignalAndWait();
                var before = GC.GetAllocatedBytesForCurrentThread();
                var began = Stopwatch.GetTimestamp();
                Spend(keeper, reservation, calls);
                var took = Stopwatch.GetElapsedTime(began).TotalNanoseconds / calls;
                Interlocked.Add(ref bytes, GC.GetAllocatedBytesForCurrentThread() - before);
                lock (workers)
                {
                    ns = Math.Max(ns, took);
                }
            });
            workers[i].Start();
        }

        foreach (var worker in workers)
        {
            worker.Join();
        }

        return (ns, bytes);
    }

    private static void Spend(BudgetKeeper keeper, Reservation reservation, int calls)
    {
        var scopes = new BudgetScopes("ann", "red", "org", "", default, "key:1");
        for (var i = 0; i < calls; i++)
        {
            keeper.Open(reservation, scopes);
            var reserved = keeper.ReserveAsync(reservation, new Amount(900, 600));

            // A lease that another thread is writing is waited for; that happens once in a hundred thousand calls.
            var refusal = reserved.IsCompleted ? reserved.Result : reserved.AsTask().GetAwaiter().GetResult();
            if (!refusal.IsNone)
            {
                throw new InvalidOperationException("The bench's caps are too small.");
            }

            var settled = keeper.SettleAsync(reservation, new Amount(120, 80));
            if (!settled.IsCompletedSuccessfully)
            {
                throw new InvalidOperationException("A settlement within its lease waited.");
            }
        }
    }

    private static double Locks(int times)
    {
        var gate = new Lock();
        var count = 0;
        var began = Stopwatch.GetTimestamp();
        for (var i = 0; i < times; i++)
        {
            for (var pair = 0; pair < 3; pair++)
            {
                lock (gate)
                {
                    count++;
                }
            }
        }

        GC.KeepAlive(count);
        return Stopwatch.GetElapsedTime(began).TotalNanoseconds / times;
    }

    private static double Syncs(int times)
    {
        var folder = Directory.CreateTempSubdirectory("jesus-bench-budgets").FullName;
        try
        {
            using var file = new PosixDisk().Open(Path.Combine(folder, "syncs"), DiskOpen.CreateNew);
            Span<byte> block = stackalloc byte[256];
            var began = Stopwatch.GetTimestamp();
            for (var i = 0; i < times; i++)
            {
                file.Write(i * 256L, block);
                file.Sync();
            }

            return times / Stopwatch.GetElapsedTime(began).TotalSeconds;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
