using System.Runtime.CompilerServices;
using Jesus.Appliance.Runner;
using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;

namespace Jesus.Appliance.Federation.Durable;

/// <summary>
/// A run of another box as its replicated events tell it: steps, outputs, artifacts; not what its owner shows as it happens and does not keep (a step that began, the
/// text of an answer under way). Follows the log as it grows. Thread-safe.
/// </summary>
internal sealed class RunShadow(string runId, DurableRooms rooms, DurableRuns durable) : IDisposable
{
    private readonly SemaphoreSlim _reading = new(1, 1);
    private readonly Lock _gate = new();
    private RunMachine? _machine;
    private RunWatchers? _watchers;
    private int _parts;
    private int _followers;

    /// <summary>When somebody last looked.</summary>
    public long UsedAt { get; private set; } = rooms.NowMs;

    public bool IsFollowed => Volatile.Read(ref _followers) > 0;

    /// <summary>Reads what the record counts beyond what was read.</summary>
    /// <returns>Why the run cannot be shown with its steps; empty when it can.</returns>
    public async ValueTask<string> RefreshAsync(CancellationToken cancel)
    {
        UsedAt = rooms.NowMs;
        await _reading.WaitAsync(cancel);
        try
        {
            return durable.Find(runId) is not { } sight ? "the run is not known"
                : sight.Record.PartCount <= _parts ? (_machine is null ? "the run has no event yet" : "")
                : await ReadAsync(sight.Record, cancel);
        }
        finally
        {
            _ = _reading.Release();
        }
    }

    /// <returns>Null where nothing was read yet.</returns>
    public T? Look<T>(Func<RunMachine, long, T?> read)
        where T : class
    {
        lock (_gate)
        {
            return _machine is null ? null : read(_machine, _watchers!.Sequence);
        }
    }

    /// <summary>Its events after a sequence number, then those that come; ends after the run's last.</summary>
    public async IAsyncEnumerable<RunEventView> WatchAsync(long after, [EnumeratorCancellation] CancellationToken cancel)
    {
        _ = Interlocked.Increment(ref _followers);
        try
        {
            // The log may be behind the record's word, or the servers out of reach: tried until it is there.
            while (await RefreshAsync(cancel) is { Length: > 0 } && !cancel.IsCancellationRequested)
            {
                if (durable.Find(runId) is { Record: { HasEnded: true, PartCount: 0 } refused })
                {
                    yield return EndOf(refused);
                    yield break;
                }

                await Task.Delay(TimeSpan.FromMilliseconds(200), rooms.Time, cancel);
            }

            await foreach (var item in _watchers!.WatchAsync(after, cancel))
            {
                yield return item;
            }
        }
        finally
        {
            _ = Interlocked.Decrement(ref _followers);
        }
    }

    public void Close() => _watchers?.Close();

    public void Dispose() => _reading.Dispose();

    /// <summary>A run that no box took has no events but this one.</summary>
    private static RunEventView EndOf(RunRecord record) => new()
    {
        RunId = record.Id,
        Sequence = 1,
        Type = "run.finished",
        At = record.View.FinishedAt ?? record.View.SubmittedAt,
        RunState = record.View.State,
        Message = record.View.Error,
    };

    private async ValueTask<string> ReadAsync(RunRecord record, CancellationToken cancel)
    {
        var read = await durable.Replicas.ReadPartsAsync(runId, record.Parts, _parts, cancel);
        if (!read.IsDone)
        {
            return read.Text;
        }

        List<ReadOnlyMemory<byte>> records = [.. read.Value.SelectMany(LogPart.Decode)];
        var got = await durable.Blobs.GetAllAsync(records.Select(item => RunEventCodec.Read(item.Span)), cancel);
        if (!got.IsDone)
        {
            return got.Text;
        }

        try
        {
            Apply(records);
            _parts = record.PartCount;
            return "";
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            return e.Message;
        }
    }

    private void Apply(List<ReadOnlyMemory<byte>> records)
    {
        lock (_gate)
        {
            if (_machine is null)
            {
                var (machine, events) = rooms.Runs.Fold(runId, records);
                (_machine, _watchers) = (machine, new RunWatchers(machine, events));
                return;
            }

            foreach (var record in records)
            {
                var item = rooms.Runs.Resolve(record);
                _machine.Apply(item);
                _watchers!.Durable(new StoredRunEvent(_watchers.Sequence + 1, item), _machine.End?.RunState ?? RunStateName.Running);
            }
        }
    }
}
