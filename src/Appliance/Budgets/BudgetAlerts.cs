using System.Diagnostics.Metrics;
using System.Text.Json;
using System.Threading.Channels;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Telemetry;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Budgets;

/// <summary>
/// Tells of caps that are nearly used: raised durably before it is sent (so a restart does not raise it again), and noted when it was taken (so a restart
/// sends what was not). Records of kind <see cref="JournalKind.BudgetLease"/>: <c>{"alert":{...}}</c>, <c>{"delivered":"ID"}</c>. Sending never
/// holds up a call. Thread-safe.
/// </summary>
public sealed class BudgetAlerts(IJournal journal, ILogger log) : IAsyncDisposable
{
    /// <summary>Alerts that wait to be sent, about 300 B each. Past it a cap's alert is raised with a later call.</summary>
    private const int WaitingMax = 1_024;

    private static readonly Counter<long> Raised = JesusMeter.Instance.CreateCounter<long>("budget_alerts_total", description: "Alerts of budgets, by per cent of the cap.");

    private readonly Channel<BudgetAlert> _waiting = Channel.CreateBounded<BudgetAlert>(new BoundedChannelOptions(WaitingMax) { SingleReader = true });
    private readonly Dictionary<string, BudgetAlert> _undelivered = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();
    private IReadOnlyList<IAlertOutlet> _outlets = [];
    private Task _worker = Task.CompletedTask;

    /// <summary>Takes the alert; it is on its way when this returns.</summary>
    /// <returns>False when too many wait.</returns>
    public bool Raise(BudgetAlert alert) => _waiting.Writer.TryWrite(alert);

    /// <summary>An alert of an earlier life.</summary>
    internal void Restore(JsonElement record)
    {
        if (record.TryGetProperty("alert"u8, out var item) && BudgetAlert.Read(item) is { } alert)
        {
            _undelivered[alert.Id] = alert;
        }
        else if (record.TryGetProperty("delivered"u8, out var id))
        {
            _undelivered.Remove(id.GetString() ?? "");
        }
    }

    /// <summary>Begins to send: first what an earlier life did not.</summary>
    public void Start(params IReadOnlyList<IAlertOutlet> outlets)
    {
        _outlets = outlets;
        _worker = Task.Run(SendAllAsync);
    }

    /// <summary>Ends it; what was not taken by then is sent after the next start.</summary>
    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await _stop.CancelAsync().ConfigureAwait(false);
        await _worker.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task SendAllAsync()
    {
        foreach (var left in _undelivered.Values)
        {
            await DeliverAsync(left).ConfigureAwait(false);
        }

        _undelivered.Clear();
        await foreach (var alert in _waiting.Reader.ReadAllAsync(_stop.Token).ConfigureAwait(false))
        {
            Raised.Add(1, new KeyValuePair<string, object?>("percent", alert.IsOverrun ? "overrun" : Percents.Of(alert.Percent)));
            log.LogWarning("{Alert}", alert.Message);
            await journal.AppendAsync(JournalKind.BudgetLease, AccountJson.Encode(alert, static (json, raised) =>
            {
                json.WriteStartObject("alert"u8);
                raised.Write(json);
                json.WriteEndObject();
            })).ConfigureAwait(false);
            await DeliverAsync(alert).ConfigureAwait(false);
        }
    }

    private async Task DeliverAsync(BudgetAlert alert)
    {
        foreach (var outlet in _outlets)
        {
            if (await outlet.SendAsync(alert, _stop.Token).ConfigureAwait(false) is { } problem)
            {
                log.LogError("the alert {Id} did not reach {Outlet}: {Problem}; it is sent again after the next start", alert.Id, outlet.Name, problem);
                return;
            }
        }

        journal.Append(JournalKind.BudgetLease, AccountJson.Encode(alert.Id, static (json, id) => json.WriteString("delivered"u8, id)).Span);
    }

    private static class Percents
    {
        private static readonly string[] Names = ["75", "90", "100"];

        public static string Of(int percent) => Names[percent == 75 ? 0 : percent == 90 ? 1 : 2];
    }
}
