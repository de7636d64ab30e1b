using System.Text.Json;
using Jesus.Appliance.Budgets;
using Jesus.Appliance.Federation.Budgets;
using Jesus.Appliance.Tests.Budgets;
using Jesus.Appliance.Tests.Pipeline;
using Jesus.Tests.Nats;
using Jesus.Transport.Http;
using Jesus.Transport.Nats;
using Jesus.Transport.Nats.JetStream;
using Microsoft.Extensions.Logging.Abstractions;
using NatsServer = Jesus.Tests.Nats.NatsServer;
using NatsServerOptions = Jesus.Tests.Nats.NatsServerOptions;

namespace Jesus.Appliance.Tests.Federation.Budgets;

public sealed class SharedBudgetsOverNatsTests
{
    private const long Cap = 1_000_000;

    /// <summary>Only ends a hang.</summary>
    private static readonly TimeSpan HangMax = TimeSpan.FromSeconds(150);

    private static readonly BudgetsOptions Options = new()
    {
        Caps = [new CapOptions { Scope = BudgetScope.Organisation, Name = "org", Usd = 1, Owner = "a" }],
    };

    [Fact]
    public async Task Three_boxes_spend_one_cap_to_its_end_and_no_further_while_the_server_is_killed_and_a_box_is_cut_off()
    {
        await using var server = await NatsServer.StartAsync(new NatsServerOptions { JetStream = true });
        await using var proxy = FaultProxy.To(server.Port);
        using var hang = new CancellationTokenSource(HangMax);
        await using var a = new Box("a", server.Url);
        await using var b = new Box("b", server.Url);
        await using var c = new Box("c", server.UrlOf(proxy.Port));
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(hang.Token);
        var spending = new[] { a, b, c }.Select(box => Task.Run(() => box.SpendAsync(enough.Token))).ToArray();
        long Spent() => a.Spent + b.Spent + c.Spent;

        await UntilAsync(() => a.Spent > 0 && b.Spent > 0 && c.Spent > 0, hang.Token);
        proxy.Partition();
        await server.RestartAsync();
        var before = b.Spent;
        await UntilAsync(() => b.Spent > before + 20_000 || Spent() > Cap * 8 / 10, hang.Token);
        proxy.Heal();
        await UntilAsync(() => Spent() > Cap * 97 / 100, hang.Token);
        Assert.InRange(Spent(), 0, Cap);

        // Everybody goes on trying, and nobody gets through.
        await Task.Delay(500);
        await enough.CancelAsync();
        await Task.WhenAll(spending);
        Assert.InRange(Spent(), 0, Cap);
        Assert.False((await BudgetRig.SpendAsync(b.Keeper, Cap / 10)).IsNone);
    }

    [Fact]
    public async Task Loans_stand_on_the_board_again_after_the_bucket_was_deleted()
    {
        await using var server = await NatsServer.StartAsync(new NatsServerOptions { JetStream = true });
        using var hang = new CancellationTokenSource(HangMax);
        await using var a = new Box("a", server.Url);
        await using var b = new Box("b", server.Url);
        await UntilAsync(async () => (await BudgetRig.SpendAsync(b.Keeper, 1_000)).IsNone, hang.Token);
        var context = new JetStreamContext(a.Nats, TimeProvider.System);
        Assert.True((await context.DeleteStreamAsync("KV_jesus_lab_budget", hang.Token)).IsNone);

        // More than was lent before.
        await UntilAsync(async () => (await BudgetRig.SpendAsync(b.Keeper, 200_000)).IsNone, hang.Token);
    }

    [Fact]
    public async Task Alerts_are_published_as_the_webhook_posts_them()
    {
        await using var server = await NatsServer.StartAsync();
        using var hang = new CancellationTokenSource(HangMax);
        await using var nats = Open(server.Url);
        await using var other = Open(server.Url);
        Assert.True(await other.WaitConnectedAsync(HangMax, hang.Token));
        await using var heard = other.Subscribe(NatsSubject.Parse("jesus.lab.alert.*"));
        Assert.Equal(NatsResult.Ok, await other.FlushAsync(hang.Token));
        await using var alerts = new BudgetAlerts(new MemoryJournal(), NullLogger.Instance);
        alerts.Start(new NatsAlertOutlet(nats, "lab", "a"));
        var options = new BudgetsOptions { Caps = [new CapOptions { Scope = BudgetScope.Team, Name = "red", Usd = 1 }] };
        using var keeper = BudgetRig.Keeper(options, new MemoryJournal(), alerts: alerts);
        _ = await BudgetRig.SpendAsync(keeper, 800_000);

        Assert.True(await heard.WaitToReadAsync(hang.Token));
        Assert.True(heard.TryRead(out var message));
        using var body = JsonDocument.Parse(message.Payload);
        Assert.Equal(75, body.RootElement.GetProperty("percent").GetInt32());
        Assert.Equal("budget.threshold", body.RootElement.GetProperty("type").GetString());
        Assert.True(message.Headers.TryGet("Jesus-Alert-Id"u8, out var id));
        Assert.True(body.RootElement.GetProperty("id").ValueEquals(id.Span));
        Assert.Equal("jesus.lab.alert.a"u8.ToArray(), message.Subject.ToArray());
        message.Dispose();
    }

    private static NatsConnection Open(string url)
    {
        var nats = new NatsConnection(
            new NatsOptions { Urls = [url], ReconnectDelayMinMs = 20, ReconnectDelayMaxMs = 200, PingIntervalMs = 300 }, TcpNetwork.Instance, TimeProvider.System);
        nats.Start();
        return nats;
    }

    private static Task UntilAsync(Func<bool> happened, CancellationToken hang) => UntilAsync(() => Task.FromResult(happened()), hang);

    private static async Task UntilAsync(Func<Task<bool>> happened, CancellationToken hang)
    {
        while (!await happened())
        {
            await Task.Delay(10, hang);
        }
    }

    /// <summary>A keeper with its connection, lending and borrowing.</summary>
    private sealed class Box : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly KvLoanBoard _board;
        private readonly Task _running;
        private long _spent;

        public Box(string name, string url)
        {
            var errors = new List<string>();
            Keeper = new BudgetKeeper(Options, CapTable.Build(Options, errors, name), new MemoryJournal(), TimeProvider.System);
            Nats = Open(url);
            var context = new JetStreamContext(Nats, TimeProvider.System, new JetStreamOptions { AnswerWithin = TimeSpan.FromSeconds(2), Patience = TimeSpan.FromSeconds(2) });
            _board = new KvLoanBoard(context, "lab", name, 1, TimeProvider.System, NullLogger.Instance);
            _board.Start();
            _running = new SharedBudgets(name, "g", Keeper, _board, TimeProvider.System, NullLogger.Instance).RunAsync(_stop.Token);
        }

        public BudgetKeeper Keeper { get; }
        public NatsConnection Nats { get; }
        public long Spent => Volatile.Read(ref _spent);

        public async Task SpendAsync(CancellationToken cancel)
        {
            while (!cancel.IsCancellationRequested)
            {
                if ((await BudgetRig.SpendAsync(Keeper, 2_000)).IsNone)
                {
                    Interlocked.Add(ref _spent, 2_000);
                }

                await Task.Delay(2, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _running;
            await _board.DisposeAsync();
            await Nats.DisposeAsync();
            Keeper.Dispose();
            _stop.Dispose();
        }
    }
}
