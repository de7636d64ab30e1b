using System.Diagnostics;
using Jesus.Appliance.Budgets;
using Jesus.Appliance.Storage;
using Jesus.Appliance.Storage.Journal;

namespace Jesus.Bench.Budgets;

/// <summary>A thousand calls at once over caps that are too small for them, on a real journal: what was spent, and by how much any cap was passed.</summary>
internal static class StormBench
{
    private const int AtOnce = 1_000;

    public static async Task<bool> RunAsync(TextWriter output, bool tiny)
    {
        var calls = tiny ? 5_000 : 200_000;
        var folder = Directory.CreateTempSubdirectory("jesus-bench-storm").FullName;
        try
        {
            using var journal = Journal.Open(new PosixDisk(), Path.Combine(folder, "journal"), new JournalOptions(), TimeProvider.System);
            var scale = calls / 1_000m;
            var options = new BudgetsOptions
            {
                Caps =
                [
                    new CapOptions { Scope = BudgetScope.User, Period = BudgetPeriod.Day, Usd = scale * 0.09m },
                    new CapOptions { Scope = BudgetScope.Team, Period = BudgetPeriod.Month, Usd = scale * 0.3m, Tokens = (long)(scale * 400_000) },
                    new CapOptions { Scope = BudgetScope.Organisation, Usd = scale * 0.7m },
                ],
            };
            using var keeper = new BudgetKeeper(options, CapTable.Build(options, []), journal, TimeProvider.System);
            var began = Stopwatch.GetTimestamp();
            var counts = new Counts();
            await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(worker => Task.Run(() => WorkAsync(keeper, worker, calls / AtOnce, counts))));
            await WriteAsync(output, keeper, counts, Stopwatch.GetElapsedTime(began), options);
            return Overspend(keeper) == 0 && counts.PeakOver == 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Calls that grow (a fallback to a dearer model) and hedge (a second attempt beside the first), and settle at anything up to what they hold.</summary>
    private static async Task WorkAsync(BudgetKeeper keeper, int worker, int calls, Counts counts)
    {
        var dice = new Dice(worker + 1);
        var reservation = new Reservation();
        for (var i = 0; i < calls; i++)
        {
            keeper.Open(reservation, new BudgetScopes($"user{worker % 10}", $"team{worker % 3}", "org", "", default));
            var asked = new Amount(dice.Next(3_000) + 1, dice.Next(3_000));
            if (!(await keeper.ReserveAsync(reservation, asked)).IsNone)
            {
                Interlocked.Increment(ref counts.Refused);
                continue;
            }

            var more = new Amount(dice.Next(2_000), dice.Next(500));
            var held = dice.Next(4) == 0 && (await keeper.ReserveAsync(reservation, more)).IsNone ? asked + more : asked;
            if (i % 16 == 0)
            {
                await Task.Yield();
                counts.Look(Overspend(keeper));
            }

            var used = new Amount(dice.Next((int)held.MicroUsd + 1), dice.Next((int)held.Tokens + 1));
            await keeper.SettleAsync(reservation, used);
            Interlocked.Increment(ref counts.Made);
            Interlocked.Add(ref counts.SpentMicroUsd, used.MicroUsd);
        }
    }

    private static async Task WriteAsync(TextWriter output, BudgetKeeper keeper, Counts counts, TimeSpan took, BudgetsOptions options)
    {
        await output.WriteLineAsync();
        await output.WriteLineAsync($"budget storm: {AtOnce} at once, {options.Caps.Count} caps a call, real journal: {counts.Made} calls made, "
            + $"{counts.Refused} refused in {took.TotalSeconds:F1} s ({(counts.Made + counts.Refused) / took.TotalSeconds:F0} a second)");
        foreach (var account in keeper.Admin.View().Where(a => a.Key.Scope == BudgetScope.Organisation))
        {
            await output.WriteLineAsync($"cap ${account.Cap.MicroUsd / 1e6:F2}, spent ${account.Used.MicroUsd / 1e6:F2} "
                + $"(by the callers' own count ${counts.SpentMicroUsd / 1e6:F2}), still held ${account.Reserved.MicroUsd / 1e6:F2}");
        }

        await output.WriteLineAsync($"overspend over all {keeper.Admin.View().Count} accounts, used and held, at any moment looked at: "
            + $"${Math.Max(counts.PeakOver, Overspend(keeper)) / 1e6:F2}");
    }

    private static long Overspend(BudgetKeeper keeper) => keeper.Admin.View().Max(a =>
    {
        var over = a.Used + a.Reserved - a.Cap;
        return Math.Max(0, Math.Max(over.MicroUsd, over.Tokens));
    });

    private sealed class Counts
    {
        public int Made;
        public int Refused;
        public long SpentMicroUsd;
        private long _peakOver;

        public long PeakOver => Interlocked.Read(ref _peakOver);

        public void Look(long over)
        {
            if (over > PeakOver)
            {
                Interlocked.Exchange(ref _peakOver, over);
            }
        }
    }
}

/// <summary>Randomness that a seed replays (xorshift).</summary>
internal sealed class Dice(int seed)
{
    private ulong _state = ((ulong)seed * 0x9E3779B97F4A7C15UL) | 1;

    public int Next(int bound)
    {
        _state ^= _state << 13;
        _state ^= _state >> 7;
        _state ^= _state << 17;
        return (int)(_state % (ulong)bound);
    }
}
