using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Jesus.Appliance.Budgets;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Tests.Pipeline;
using Jesus.Tests.Faults;
using Microsoft.Extensions.Logging.Abstractions;

namespace Jesus.Appliance.Tests.Budgets;

public sealed class BudgetAlertTests
{
    private static readonly BudgetsOptions Options = new() { Caps = [new CapOptions { Scope = BudgetScope.Team, Name = "red", Period = BudgetPeriod.Day, Usd = 1 }] };

    [Fact]
    public async Task Somebody_is_told_at_75_90_and_100_per_cent_once_each_and_again_the_next_day()
    {
        var time = new FixedTime();
        var journal = new MemoryJournal();
        await using var alerts = new BudgetAlerts(journal, NullLogger.Instance);
        using var outlet = new ListOutlet();
        alerts.Start(outlet);
        using var keeper = BudgetRig.Keeper(Options, journal, time, alerts);
        foreach (var cost in new[] { 700_000, 60_000, 10_000, 140_000, 80_000, 20_000 })
        {
            _ = await BudgetRig.SpendAsync(keeper, cost);
        }

        await outlet.WaitAsync(3);
        time.Move(TimeSpan.FromDays(1));
        Assert.True((await BudgetRig.SpendAsync(keeper, 800_000)).IsNone);
        await outlet.WaitAsync(4);
        Assert.Equal([75, 90, 100, 75], outlet.Alerts.Select(a => a.Percent));
        Assert.Equal(4, outlet.Alerts.Select(a => a.Id).Distinct().Count());
    }

    [Fact]
    public async Task A_restart_repeats_no_alert_that_was_taken_and_sends_the_one_that_was_not()
    {
        var journal = new MemoryJournal();
        var time = new FixedTime();
        await RunAsync(journal, time, new ListOutlet { RefusesFrom = 1 }, 920_000, expected: 2);
        using var second = new ListOutlet();
        await RunAsync(journal, time, second, 10_000, expected: 1);
        Assert.Equal([90], second.Alerts.Select(a => a.Percent));
        using var third = new ListOutlet();
        await RunAsync(journal, time, third, 10_000, expected: 0);
        Assert.Empty(third.Alerts);
    }

    [Fact]
    public async Task A_cap_that_refuses_near_its_end_counts_as_reached_and_one_that_refuses_a_large_call_does_not()
    {
        var journal = new MemoryJournal();
        await using var alerts = new BudgetAlerts(journal, NullLogger.Instance);
        using var outlet = new ListOutlet();
        using var keeper = BudgetRig.Keeper(Options, journal, new FixedTime(), alerts);
        alerts.Start(outlet);
        Assert.False((await BudgetRig.SpendAsync(keeper, 2_000_000)).IsNone);
        Assert.True((await BudgetRig.SpendAsync(keeper, 950_000)).IsNone);
        Assert.False((await BudgetRig.SpendAsync(keeper, 100_000)).IsNone);
        await outlet.WaitAsync(3);
        Assert.Equal([75, 90, 100], outlet.Alerts.Select(a => a.Percent));
    }

    [Fact]
    public async Task The_webhook_is_signed_tried_again_and_holds_no_secret()
    {
        var bodies = new List<(string Head, string Body)>();
        await using var server = new FaultServer(
            async c =>
            {
                Assert.True(await c.ReadRequestAsync());
                await c.RespondAsync("503 Busy", "");
            },
            async c =>
            {
                Assert.True(await c.ReadRequestAsync());
                bodies.Add((c.Head, c.Body));
                await c.RespondAsync("200 OK", "");
            });
        using var http = new HttpMessageInvoker(new SocketsHttpHandler { AllowAutoRedirect = false });
        var key = "top secret"u8.ToArray();
        var webhook = new AlertWebhook(new Uri($"http://127.0.0.1:{server.Port}/hook"), key, http, TimeProvider.System);
        var key90 = new AccountKey(BudgetScope.Team, "red", BudgetPeriod.Day, 739_580);
        var alert = new BudgetAlert(key90, 90, new Amount(1_000_000, Amount.Unlimited), new Amount(910_000, 5), new FixedTime().GetUtcNow());
        Assert.Null(await webhook.SendAsync(alert, TestContext.Current.CancellationToken));

        var (head, body) = Assert.Single(bodies);
        var signature = head.Split("\r\n").Single(line => line.StartsWith("Jesus-Signature:", StringComparison.OrdinalIgnoreCase)).Split(':', 2)[1].Trim();
        var moment = signature.Split(',')[0]["t=".Length..];
        var expected = Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"{moment}.{body}")));
        Assert.Equal($"t={moment},v1={expected}", signature);
        using var document = JsonDocument.Parse(body);
        Assert.Equal(("budget.threshold", 90, 1m, 0.91m), (document.RootElement.GetProperty("type").GetString(), document.RootElement.GetProperty("percent").GetInt32(),
            document.RootElement.GetProperty("cap_usd").GetDecimal(), document.RootElement.GetProperty("used_usd").GetDecimal()));
        Assert.Contains($"Jesus-Alert-Id: {alert.Id}", head, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task A_bill_above_the_bound_is_charged_durably_and_told()
    {
        var journal = new MemoryJournal();
        await using var alerts = new BudgetAlerts(journal, NullLogger.Instance);
        using var outlet = new ListOutlet();
        alerts.Start(outlet);
        using (var keeper = BudgetRig.Keeper(Options, journal, new FixedTime(), alerts))
        {
            Assert.True((await BudgetRig.SpendAsync(keeper, 500_000, used: 1_700_000)).IsNone);
            var reservation = new Reservation();
            keeper.ReportOverrun(reservation, "'a/m' states $1.70 where at most $0.50 was allowed", 1_200_000);
            Assert.False((await BudgetRig.SpendAsync(keeper, 1)).IsNone);
        }

        await outlet.WaitAsync(4);
        Assert.Contains(outlet.Alerts, a => a.IsOverrun && a.Message.Contains("'a/m' states $1.7", StringComparison.Ordinal));
        journal.Crash();
        using var next = BudgetRig.Keeper(Options, journal, new FixedTime());
        Assert.True(BudgetRig.Account(next, BudgetScope.Team).Used.MicroUsd >= 1_700_000);
    }

    private static async Task RunAsync(MemoryJournal journal, FixedTime time, ListOutlet outlet, long cost, int expected)
    {
        var alerts = new BudgetAlerts(journal, NullLogger.Instance);
        using var keeper = BudgetRig.Keeper(Options, journal, time, alerts);
        alerts.Start(outlet);
        Assert.True((await BudgetRig.SpendAsync(keeper, cost)).IsNone);
        await keeper.StopAsync();
        await outlet.WaitAsync(expected);
        await journal.AppendAsync(JournalKind.BudgetLease, "{\"leases\":[]}"u8.ToArray());
        await alerts.DisposeAsync();
    }

    private sealed class ListOutlet : IAlertOutlet, IDisposable
    {
        private readonly SemaphoreSlim _came = new(0);

        public string Name => "list";
        public List<BudgetAlert> Alerts { get; } = [];

        /// <summary>From this alert on none is taken.</summary>
        public int RefusesFrom { get; init; } = int.MaxValue;

        public ValueTask<string?> SendAsync(BudgetAlert alert, CancellationToken cancel)
        {
            Alerts.Add(alert);
            _came.Release();
            return new(Alerts.Count > RefusesFrom ? "refused" : null);
        }

        public void Dispose() => _came.Dispose();

        public async Task WaitAsync(int count)
        {
            for (var i = Alerts.Count == 0 ? 0 : _seen; i < count; i++)
            {
                Assert.True(await _came.WaitAsync(TimeSpan.FromSeconds(60)), $"alert {i + 1} of {count} did not come");
                _seen = i + 1;
            }
        }

        private int _seen;
    }
}
