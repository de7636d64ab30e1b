using System.Collections.Concurrent;
using Jesus.Appliance.Runner.Views;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Federation.Durable;

/// <summary>
/// This box's part in runs that run anywhere: sees all of them, takes submissions, follows owners that fall silent, carries out orders, forgets what ended long ago.
/// </summary>
public sealed class DurableRuns : IFederationPart, IDisposable
{
    /// <summary>Between two tries to reach where runs are kept.</summary>
    private static readonly TimeSpan OpenAgain = TimeSpan.FromSeconds(2);

    /// <summary>Between two looks for what can be forgotten, and how many at once.</summary>
    private static readonly TimeSpan ForgetEvery = TimeSpan.FromMinutes(1);
    private const int ForgetAtOnce = 100;

    private readonly DurableRooms _rooms;
    private readonly DurableOptions _options;
    private readonly IRunReplicas _replicas;
    private readonly RunTaker _taker;
    private readonly ConcurrentDictionary<string, RunSight> _sights = new();
    private readonly ConcurrentDictionary<string, bool> _open = new();
    private readonly ConcurrentDictionary<(string Run, string Order), RunOrder> _orders = new();
    private readonly ConcurrentDictionary<string, ulong> _complainedOf = new();
    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;
    private volatile bool _isDraining;
    private volatile bool _sawAll;
    private volatile string _detail = "";
    private long _forgotAt;

    internal DurableRuns(DurableRooms rooms, IRunReplicas replicas, DurableOptions options)
    {
        (_rooms, _replicas, _options) = (rooms, replicas, options);
        Blobs = new ReplicaBlobs(replicas, rooms.Blobs, options);
        Terms = new RunTerms(rooms, replicas, Blobs, options);
        _taker = new RunTaker(rooms, replicas, Blobs, Terms, options);
    }

    internal ReplicaBlobs Blobs { get; }
    internal RunTerms Terms { get; }
    internal IRunReplicas Replicas => _replicas;

    /// <summary>Why nothing can be submitted or taken now; empty when it can.</summary>
    internal string Trouble { get; private set; } = "where runs are kept has not been reached yet: look at /readyz, and submit again when it has";

    /// <summary>Told of each record that was written.</summary>
    internal event Action<string>? Changed;

    internal RunSight? Find(string runId) => _sights.GetValueOrDefault(runId);

    internal IEnumerable<RunSight> All => _sights.Values;

    public void Start() => _running = Task.Run(() => KeepAsync(_stop.Token));

    public void Drain()
    {
        _isDraining = true;
        _taker.Drain();
    }

    public async Task StopAsync(CancellationToken deadline)
    {
        Drain();
        await Terms.StopAsync(deadline);
        await _stop.CancelAsync();
        await _running.WaitAsync(deadline).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Dispose()
    {
        Terms.Dispose();
        _stop.Dispose();
    }

    /// <summary>Ends it without a word to anybody, as a crash would.</summary>
    internal async Task AbandonAsync()
    {
        Terms.Abandon();
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>A record that was read or written apart from the watch.</summary>
    internal void Saw(string runId, ReadOnlyMemory<byte> value, ulong revision, bool isCertain = false)
    {
        if (RunRecord.Decode(runId, value) is not { } record || (!isCertain && _sights.TryGetValue(runId, out var known) && known.Revision >= revision))
        {
            return;
        }

        _sights[runId] = new RunSight(record, revision, _rooms.NowMs, !_sawAll);
        if (record.HasEnded)
        {
            _ = _open.TryRemove(runId, out _);
        }
        else
        {
            _open[runId] = true;
        }

        Changed?.Invoke(runId);
    }

    private async Task KeepAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                if (await OpenAsync(cancel))
                {
                    await WorkAsync(cancel);
                }
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                _rooms.Log.LogError(e, "the loop of runs that run anywhere failed; it begins again");
            }

            await Task.Delay(_rooms.IsConnected() ? OpenAgain : _options.LookEvery, _rooms.Time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async ValueTask<bool> OpenAsync(CancellationToken cancel)
    {
        if (!_rooms.IsConnected())
        {
            Tell("NATS is not reachable: runs submitted to run anywhere are neither taken nor gone on with here", isError: false);
            return false;
        }

        var opened = await _replicas.OpenAsync(cancel);
        if (!opened.IsDone)
        {
            Tell(
                $"runs cannot be kept ({opened.Text}): enable JetStream on the NATS servers (jetstream {{ store_dir: ... }}) for this account, or set federation.durable to false",
                isError: true);
            return false;
        }

        Tell("", isError: false);
        return true;
    }

    private async Task WorkAsync(CancellationToken cancel)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task[] loops = [WatchAsync(both.Token), _taker.RunAsync(both.Token), LookAsync(both.Token)];
        try
        {
            await await Task.WhenAny(loops[0], loops[2]);
        }
        finally
        {
            await both.CancelAsync();
            await Task.WhenAll(loops).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task WatchAsync(CancellationToken cancel)
    {
        var why = await _replicas.WatchAsync(Saw, () => _sawAll = true, cancel);
        if (!cancel.IsCancellationRequested)
        {
            _rooms.Log.LogWarning("the runs of the cluster are not seen at the moment: {Reason}", why);
        }
    }

    private void Saw(ReplicaSight sight)
    {
        if (sight.OrderId.Length == 0)
        {
            Saw(sight.RunId, sight.Value, sight.Revision);
        }
        else if (RunOrder.Decode(sight.Value) is { } order)
        {
            _orders[(sight.RunId, sight.OrderId)] = order;
        }
    }

    /// <summary>What time brings: runs to follow an owner of, orders to carry out, runs to forget.</summary>
    private async Task LookAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            await Task.Delay(_options.LookEvery, _rooms.Time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!_sawAll || !_rooms.IsConnected())
            {
                continue;
            }

            foreach (var runId in _open.Keys)
            {
                if (!_isDraining && _sights.TryGetValue(runId, out var sight) && MayClaim(sight))
                {
                    await ClaimAsync(sight, cancel);
                }
            }

            await ObeyAsync(cancel);
            await ForgetAsync(cancel);
        }
    }

    private bool MayClaim(RunSight sight)
    {
        if (!Terms.HasRoom || Terms.Holds(sight.Record.Id) || Terms.MustWait(sight.Record.Id) || !IsFree(sight))
        {
            return false;
        }

        if (WhyNotHere(sight) is not { } reason)
        {
            return true;
        }

        if (sight.Revision != _complainedOf.GetValueOrDefault(sight.Record.Id))
        {
            _complainedOf[sight.Record.Id] = sight.Revision;
            _rooms.Log.LogWarning("Run {Run} has no box that carries it, and this one cannot: {Reason}", sight.Record.Id, reason);
        }

        return false;
    }

    /// <summary>Whether the run's owner has given it back or fallen silent for as long as its lease.</summary>
    internal bool IsFree(RunSight sight) => ClaimRules.Until(sight, _rooms.Self, _rooms.Instance, _rooms.NowMs, _options.Lease) == 0;

    /// <summary>Why this box cannot carry a run; null when it can.</summary>
    internal string? WhyNotHere(RunSight sight) => _taker.WhyNot(RunTerms.SubmitterOf(sight.Record), sight.Record.Needs);

    private async ValueTask ClaimAsync(RunSight sight, CancellationToken cancel)
    {
        if (!await Terms.ClaimAsync(sight, cancel))
        {
            await LookAgainAsync(sight.Record.Id, cancel);
        }
    }

    /// <summary>What the watch told may be long past: servers that lost their end count anew.</summary>
    internal async ValueTask LookAgainAsync(string runId, CancellationToken cancel)
    {
        var read = await _replicas.ReadAsync(runId, cancel);
        if (read.IsDone && _sights.TryGetValue(runId, out var known) && known.Revision != read.Value.Revision)
        {
            Saw(runId, read.Value.Value, read.Value.Revision, isCertain: true);
        }
        else if (read.Status == ReplicaStatus.Missing && !Terms.Holds(runId))
        {
            Drop(runId);
        }
    }

    private async ValueTask ObeyAsync(CancellationToken cancel)
    {
        foreach (var (key, order) in _orders)
        {
            if (!Terms.Holds(key.Run) || !_rooms.Runs.Holds(key.Run))
            {
                // The run's next owner obeys; one that has ended obeys nobody.
                if (Find(key.Run) is { Record.HasEnded: true } ended)
                {
                    _ = _orders.TryRemove(key, out _);
                    await (ended.Record.Owner == _rooms.Self ? _replicas.DropOrderAsync(key.Run, key.Order, cancel) : ValueTask.CompletedTask);
                }

                continue;
            }

            try
            {
                var reply = order.Kind switch
                {
                    RunOrder.Cancel => await _rooms.Runs.CancelAsync(key.Run, order.By, cancel),
                    RunOrder.Approve => await _rooms.Runs.ApproveAsync(key.Run, order.Step, order.Approved, order.Note, order.By, cancel),
                    _ => new RunReply(RunReplyCode.WrongState, $"an order '{order.Kind}' is not known here", null),
                };
                if (reply.Code != RunReplyCode.Done)
                {
                    _rooms.Log.LogWarning("Run {Run}: the order '{Kind}' of {By} had no effect: {Reason}", key.Run, order.Kind, order.By.Id, reply.Message);
                }

                _ = _orders.TryRemove(key, out _);
                await _replicas.DropOrderAsync(key.Run, key.Order, cancel);
            }
            catch (RunLostException)
            {
                // The next owner obeys.
            }
        }
    }

    private async ValueTask ForgetAsync(CancellationToken cancel)
    {
        if (_rooms.NowMs - _forgotAt < ForgetEvery.TotalMilliseconds)
        {
            return;
        }

        _forgotAt = _rooms.NowMs;
        var now = _rooms.Time.GetUtcNow();
        var old = _sights.Values.Where(sight => sight.Record.HasEnded && sight.Record.View.FinishedAt is { } ended
            && now - ended > (sight.Record.Owner == _rooms.Self ? _options.EndedKept : _options.EndedKept + TimeSpan.FromDays(1)));
        foreach (var sight in old.Take(ForgetAtOnce))
        {
            await _replicas.ForgetAsync(sight.Record.Id, cancel);
            Drop(sight.Record.Id);
        }

        foreach (var sight in _sights.Values.Where(sight => sight.Record.HasEnded).OrderBy(sight => sight.Revision).Take(Math.Max(0, _sights.Count - _options.KnownMax)))
        {
            Drop(sight.Record.Id);
        }
    }

    private void Drop(string runId)
    {
        _ = _sights.TryRemove(runId, out _);
        _ = _complainedOf.TryRemove(runId, out _);
        _ = _open.TryRemove(runId, out _);
    }

    private void Tell(string trouble, bool isError)
    {
        Trouble = trouble;
        var detail = trouble.Length > 0 ? trouble : $"runs go on anywhere in the cluster, kept by {_options.Replicas} {(_options.Replicas == 1 ? "server" : "servers")}";
        if (detail == _detail)
        {
            return;
        }

        _detail = detail;
        _rooms.Detail(detail);
        if (isError)
        {
            _rooms.Log.LogError("{Detail}", detail);
        }
    }
}
