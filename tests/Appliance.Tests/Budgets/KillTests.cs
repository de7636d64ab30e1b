using System.Diagnostics;
using System.Globalization;
using Jesus.Appliance.Budgets;
using Jesus.Appliance.Storage;
using Jesus.Appliance.Storage.Journal;
using Jesus.Bench.Budgets;
using Jesus.Tests.Faults;

namespace Jesus.Appliance.Tests.Budgets;

/// <summary>A process that spends from the real journal on the real disk, killed in the midst of it.</summary>
public sealed class KillTests
{
    private const int Lives = 12;

    [Theory]
    [InlineData(51)]
    [InlineData(52)]
    public async Task Nothing_spent_is_forgotten_by_a_kill_and_little_is_counted_too_much(int seed)
    {
        using var folder = new TemporaryFolder();
        var dice = new TestDice(seed);
        var spent = 0L;
        var unsettled = 0L;
        for (var life = 1; life <= Lives; life++)
        {
            var (said, open) = await SpendAndKillAsync(folder.Path, (seed * 100) + life, calls: 1 + dice.Next(120));
            spent += said;
            unsettled += open;
            var account = Counted(folder.Path);
            Assert.True(account.Used.MicroUsd >= spent, $"seed {seed}, life {life}: {account.Used.MicroUsd} counted, {spent} spent");

            // Each life may strand a block and what it had just released; the call under way is held at its bound.
            var block = (long)(account.Cap.MicroUsd * Spender.Options.LeaseShare);
            Assert.True(account.Used.MicroUsd <= spent + unsettled + (life * (block + 50_000)), $"seed {seed}, life {life}: {account.Used.MicroUsd} counted, {spent} spent");
            Assert.True(account.Used.MicroUsd <= account.Cap.MicroUsd, $"seed {seed}, life {life}: over the cap");
        }

        Assert.True(spent > 0, $"seed {seed}");
    }

    private static AccountView Counted(string folder)
    {
        using var journal = Journal.Open(new PosixDisk(), folder, new JournalOptions(), TimeProvider.System);
        using var keeper = Spender.Restored(journal);
        var reservation = new Reservation();
        keeper.Open(reservation, new BudgetScopes("ann", "red", "org", "", default));
        return Assert.Single(keeper.Admin.View());
    }

    /// <returns>What it said it spent, and what it held when it died without having said so.</returns>
    private static async Task<(long Spent, long Unsettled)> SpendAndKillAsync(string folder, int seed, int calls)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(Spender).Assembly.Location, "spend", folder, seed.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start)!;
        var spent = 0L;
        var held = 0L;
        for (var seen = 0; seen < calls; seen++)
        {
            if (await process.StandardOutput.ReadLineAsync() is not { } line || line == "full")
            {
                break;
            }

            (spent, held) = Count(line, spent, held);
        }

        process.Kill();

        // What it had said before it died was still in the pipe.
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            (spent, held) = Count(line, spent, held);
        }

        await process.WaitForExitAsync();
        return (spent, held);
    }

    private static (long Spent, long Held) Count(string line, long spent, long held)
    {
        var parts = line.Split(' ');
        if (parts.Length < 2 || !long.TryParse(parts[1], CultureInfo.InvariantCulture, out var amount))
        {
            return (spent, held);
        }

        return parts[0] == "spent" ? (spent + amount, 0) : (spent, amount);
    }
}
