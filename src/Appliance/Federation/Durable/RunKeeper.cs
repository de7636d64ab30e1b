using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Storage.Journal;
using Jesus.Transport.Timing;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Federation.Durable;

/// <summary>How an owner's term ended.</summary>
internal enum TermEnd : byte
{
    /// <summary>The run ended, and its record says so.</summary>
    RunEnded,

    /// <summary>The run was given back for another to go on with.</summary>
    GivenBack,

    /// <summary>Another box owns it, or may soon.</summary>
    Lost,
}

/// <summary>
/// One run in this box's term: the journal that its driver commits to. An event goes, with its payloads before it, into the replicated log; counts from the moment the
/// record counts it, under this term's fence; and only then is written into the box's own journal, in the same order. So the own journal is always a
/// beginning of the replicated one. Events of parallel steps share a write. Between them the record is written to renew the lease.
/// </summary>
internal sealed class RunKeeper : IJournal
{
    private readonly IRunReplicas _replicas;
    private readonly ReplicaBlobs _blobs;
    private readonly IJournal _local;
    private readonly DurableOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly OwnerLease _lease;
    private readonly Lock _gate = new();
    private readonly Queue<Pending> _pending = new();
    private TaskCompletionSource _wake = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private List<Pending> _batch = [];
    private RunRecord? _next;
    private long _accepted;
    private bool _givesBack;
    private RunView? _restated;
    private bool _isOver;
    private bool _complained;

    /// <param name="record">As it was written when the run was taken.</param>
    public RunKeeper(
        RunRecord record, OwnerLease lease, IRunReplicas replicas, ReplicaBlobs blobs, IJournal local, DurableOptions options, TimeProvider time, ILogger log)
    {
        (Record, _lease, _replicas, _blobs, _local, _options, _time, _log) = (record, lease, replicas, blobs, local, options, time, log);
        _accepted = record.Bytes;
    }

    /// <summary>As the last confirmed write left it.</summary>
    public RunRecord Record { get; private set; }
    public ulong Revision => _lease.Revision;

    /// <summary>Commits nothing any more.</summary>
    public bool IsOver
    {
        get
        {
            lock (_gate)
            {
                return _isOver;
            }
        }
    }

    public JournalPosition Durable => _local.Durable;

    private long Now => _time.NowMs();

    /// <returns>The event's place in the run, from 1.</returns>
    /// <exception cref="LogFullException">The run has reached a limit.</exception>
    /// <exception cref="RunLostException">The run is not this box's any more.</exception>
    public ValueTask<JournalPosition> AppendAsync(JournalKind kind, ReadOnlyMemory<byte> payload)
    {
        var item = RunEventCodec.Read(payload.Span);
        if (!IsEnding(item) && _blobs.Problem(item) is { } problem)
        {
            throw new LogFullException(problem);
        }

        return Enqueue(new Pending(kind, payload.ToArray(), item), item);
    }

    /// <summary>Ends a run that cannot go on. The box's own journal, which lacks what came before, is left alone.</summary>
    /// <exception cref="RunLostException">The run is not this box's any more.</exception>
    public async ValueTask EndAsync(RunEvent finished, byte[] payload) => _ = await Enqueue(new Pending(null, payload, finished), finished);

    /// <summary>Corrects what the record says of its run.</summary>
    public void Restate(RunView view)
    {
        lock (_gate)
        {
            _restated = view;
            _ = _wake.TrySetResult();
        }
    }

    private ValueTask<JournalPosition> Enqueue(Pending pending, RunEvent item)
    {
        lock (_gate)
        {
            if (_isOver)
            {
                return ValueTask.FromException<JournalPosition>(new RunLostException(Record.Id));
            }

            if (_accepted + pending.Payload.Length > _options.LogBytesMax && !IsEnding(item))
            {
                throw new LogFullException($"the run's events take more than the {_options.LogBytesMax:N0} bytes that may be replicated of one run");
            }

            _accepted += pending.Payload.Length;
            _pending.Enqueue(pending);
            _ = _wake.TrySetResult();
        }

        return new ValueTask<JournalPosition>(pending.Done.Task);
    }

    public JournalPosition Append(JournalKind kind, ReadOnlySpan<byte> payload) => throw new NotSupportedException("an event of a run counts only when it is replicated");

    public IEnumerable<JournalRecord> ReadAfter(JournalPosition position) => _local.ReadAfter(position);

    public ValueTask WaitDurableAsync(JournalPosition position, CancellationToken cancel) => _local.WaitDurableAsync(position, cancel);

    /// <summary>Gives the run back once what is under way is committed.</summary>
    public void GiveBack()
    {
        lock (_gate)
        {
            _givesBack = true;
            _ = _wake.TrySetResult();
        }
    }

    /// <summary>Keeps the lease and commits until the term ends. When it has ended nothing is committed any more, and what waited is told so.</summary>
    /// <param name="cancel">The box goes down at once, without a word to anybody.</param>
    public async Task<TermEnd> RunAsync(CancellationToken cancel)
    {
        try
        {
            while (!cancel.IsCancellationRequested)
            {
                switch (_lease.Next(Now, HasWork()))
                {
                    case LeaseStep.Write:
                        await WriteAsync(cancel);
                        break;
                    case LeaseStep.Ask:
                        await AskAsync(cancel);
                        break;
                    case LeaseStep.Wait:
                        await WaitAsync(cancel);
                        break;
                    default:
                        return TermEnd.Lost;
                }

                if (_next is null && (Record.HasEnded || Record.Owner.Length == 0))
                {
                    return Record.HasEnded ? TermEnd.RunEnded : TermEnd.GivenBack;
                }
            }

            return TermEnd.Lost;
        }
        finally
        {
            Close();
        }
    }

    /// <summary>What ends a run must find room in it.</summary>
    private static bool IsEnding(RunEvent item) =>
        item.Type is RunEventType.Finished or RunEventType.Cancelling or RunEventType.Retried || item is { Type: RunEventType.StepFinished, Outcome: StepStateName.Failed };

    private bool HasWork()
    {
        lock (_gate)
        {
            return _pending.Count > 0 || _givesBack || _restated is not null;
        }
    }

    private async Task WriteAsync(CancellationToken cancel)
    {
        _next ??= NextRecord();
        using var untilStop = UntilStop(cancel);
        var stored = await StorePartAsync(untilStop.Token);
        if (!stored.IsDone)
        {
            await PauseAsync(stored.Text, cancel);
            return;
        }

        var number = _lease.Begin(Now);
        var written = await _replicas.WriteAsync(Record.Id, (_next with { Write = number }).Encode(), _lease.Revision, untilStop.Token);
        if (_lease.Answered(written.Status, written.Value) == WriteVerdict.Committed)
        {
            Commit(number);
        }
        else if (written.Status != ReplicaStatus.Conflict)
        {
            await PauseAsync(written.Text, cancel);
        }
    }

    /// <summary>Payloads, then the part that names them: what the record will count is there before it counts.</summary>
    private async ValueTask<ReplicaAnswer<bool>> StorePartAsync(CancellationToken cancel)
    {
        if (_batch.Count == 0)
        {
            return ReplicaAnswer<bool>.Of(true);
        }

        var put = await _blobs.PutAllAsync(_batch.Select(pending => pending.Event), cancel);
        var part = _next!.Parts[^1].Count - 1;
        return put.IsDone
            ? await _replicas.PutPartAsync(Record.Id, Record.Epoch, part, LogPart.Encode([.. _batch.Select(pending => pending.Payload)]), cancel)
            : put;
    }

    private async Task AskAsync(CancellationToken cancel)
    {
        using var untilStop = UntilStop(cancel);
        var read = await _replicas.ReadAsync(Record.Id, untilStop.Token);
        if (read.Status is ReplicaStatus.Unknown or ReplicaStatus.Refused)
        {
            await PauseAsync(read.Text, cancel);
            return;
        }

        var number = _lease.Write + 1;
        var found = read.IsDone ? RunRecord.Decode(Record.Id, read.Value.Value) : null;
        if ((found is null ? _lease.Gone() : _lease.Found(found.Epoch, found.Write, read.Value.Revision)) == WriteVerdict.Committed)
        {
            Commit(number);
        }
    }

    /// <summary>The record of the next write; the events that it counts are in <see cref="_batch"/> until it is known to be written.</summary>
    private RunRecord NextRecord()
    {
        _batch = [];
        var bytes = 0;
        lock (_gate)
        {
            while (_pending.TryPeek(out var pending) && (_batch.Count == 0 || bytes + pending.Payload.Length < _options.PartBytesMax))
            {
                _batch.Add(_pending.Dequeue());
                bytes += pending.Payload.Length + 1;
            }

            if (_batch.Count == 0)
            {
                return Record with
                {
                    Owner = _givesBack ? "" : Record.Owner,
                    Instance = _givesBack ? "" : Record.Instance,
                    View = Interlocked.Exchange(ref _restated, null) ?? Record.View,
                };
            }
        }

        var view = Record.View;
        foreach (var pending in _batch)
        {
            view = RunSummary.Fold(view, pending.Event, view.Sequence + 1);
        }

        return Record.With(_batch.Count, bytes, view);
    }

    /// <summary>Counted: it happened, here and for every later owner. Now the box's own journal, in the same order.</summary>
    private void Commit(long number)
    {
        var first = Record.Events;
        Record = _next! with { Write = number };
        _next = null;
        _complained = false;
        for (var i = 0; i < _batch.Count; i++)
        {
            var append = _batch[i].Kind is { } kind ? _local.AppendAsync(kind, _batch[i].Payload) : ValueTask.FromResult(JournalPosition.Start);
            _ = FinishAsync(_batch[i], append, new JournalPosition(first + i + 1));
        }

        DurableMetrics.Committed(_batch.Count);
        _batch = [];
    }

    private static async Task FinishAsync(Pending pending, ValueTask<JournalPosition> append, JournalPosition place)
    {
        try
        {
            _ = await append;
            pending.Done.SetResult(place);
        }
        catch (JournalFailedException e)
        {
            pending.Done.SetException(e);
        }
    }

    private void Close()
    {
        lock (_gate)
        {
            _isOver = true;
            foreach (var pending in _batch.Concat(_pending))
            {
                pending.Done.SetException(new RunLostException(Record.Id));
            }

            _pending.Clear();
        }
    }

    private async Task WaitAsync(CancellationToken cancel)
    {
        Task wake;
        lock (_gate)
        {
            if (_pending.Count > 0 || _givesBack || _restated is not null)
            {
                return;
            }

            _wake = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            wake = _wake.Task;
        }

        using var limit = Until(_lease.NextAt, cancel);
        await wake.WaitAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task PauseAsync(string why, CancellationToken cancel)
    {
        if (!_complained)
        {
            _complained = true;
            _log.LogWarning("Run {Run}: nothing can be committed at the moment: {Reason}", Record.Id, why);
        }

        await Task.Delay(TimeSpan.FromMilliseconds(_options.Lease.RetryMs), _time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private Limit UntilStop(CancellationToken cancel) => Until(_lease.StopAt, cancel);

    /// <summary>Ends at a moment, whatever is waited for then: a lease does not wait for an answer.</summary>
    private Limit Until(long at, CancellationToken cancel) => new(TimeSpan.FromMilliseconds(Math.Max(1, at - Now)), _time, cancel);

    private sealed class Limit : IDisposable
    {
        private readonly CancellationTokenSource _alarm;
        private readonly CancellationTokenSource _both;

        public Limit(TimeSpan after, TimeProvider time, CancellationToken cancel)
        {
            _alarm = new CancellationTokenSource(after, time);
            _both = CancellationTokenSource.CreateLinkedTokenSource(_alarm.Token, cancel);
        }

        public CancellationToken Token => _both.Token;

        public void Dispose()
        {
            _both.Dispose();
            _alarm.Dispose();
        }
    }

    /// <param name="Kind">Null for what the box's own journal does not hold.</param>
    private sealed record Pending(JournalKind? Kind, ReadOnlyMemory<byte> Payload, RunEvent Event)
    {
        public TaskCompletionSource<JournalPosition> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
