
namespace Jesus.Appliance.Tests.Storage.Journal;

/// <summary>
/// Power fails at every fsync of a journal's life, before and after it took effect, on a disk that loses, tears and reorders the rest. What was
/// acknowledged is there afterwards, nothing is invented, the order holds, and the journal goes on.
/// </summary>
public sealed class JournalCrashTests
{
    private const int Seeds = 200;

    [Fact]
    public void No_acknowledged_record_is_lost_at_any_sync_point()
    {
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var calm = new JournalLife(seed);
            calm.Live();
            Assert.True(calm.Disk.Syncs > 8, $"seed {seed}: the workload is too small to say anything");
            for (var sync = 1; sync <= calm.Disk.Syncs; sync++)
            {
                foreach (var after in new[] { false, true })
                {
                    CrashOnce(seed, sync, after);
                }
            }
        }
    }

    [Fact]
    public void Crash_after_crash_even_during_recovery_loses_nothing_acknowledged()
    {
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var life = new JournalLife(seed);
            var random = new Random(seed);
            for (var n = 0; n < 12; n++)
            {
                life.Disk.LosePowerAtSync = random.Next(1, 9);
                life.Disk.LosePowerAfter = random.Next(2) == 0;
                life.Live();
                life.Disk.Crash();
                life.Check($"seed {seed}, crash {n}");
            }
        }
    }

    [Fact]
    public void What_a_killed_process_left_unsynced_is_synced_before_it_counts_as_durable()
    {
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var life = new JournalLife(seed);
            life.Live();
            life.Disk.FailSync = life.Disk.Syncs + 3; // the process dies between a write and its sync; the system lives on
            life.Live();
            life.Check($"seed {seed}, after the kill");
            life.Disk.Crash();
            life.Check($"seed {seed}, after the power failure");
        }
    }

    private static void CrashOnce(int seed, int sync, bool after)
    {
        var life = new JournalLife(seed) { Disk = { LosePowerAtSync = sync, LosePowerAfter = after } };
        life.Live();
        life.Disk.Crash();
        var place = $"seed {seed}, sync {sync}, {(after ? "after" : "before")}";
        life.Check(place);
        life.Live();
        life.Check(place + ", second life");
    }
}
