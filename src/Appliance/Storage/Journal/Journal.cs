using System.Diagnostics;

namespace Jesus.Appliance.Storage.Journal;

/// <summary>
/// The append log on disk. Appends lay their record into the pending group; one thread takes the group, writes it, syncs it once and wakes
/// its waiters, while the next group gathers. A failed write or fsync ends the journal: what the kernel did with the dirty pages is
/// unknown, so nothing is tried again.
/// </summary>
public sealed class Journal : IJournal, IDisposable
{
    private readonly Lock _segmentsGate = new();
    private readonly object _gate = new();
    private readonly AppendWaiterPool _waiters = new();
    private readonly IDisk _disk;
    private readonly JournalOptions _options;
    private readonly TimeProvider _time;
    private readonly SegmentWriter _writer;
    private readonly List<Segment> _segments;
    private readonly IDisposable _held;
    private readonly SortedList<long, List<TaskCompletionSource>> _durableWaiters = [];
    private readonly TaskCompletionSource<JournalFailedException> _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Thread? _thread;
    private GroupBuffer _pending = new();
    private GroupBuffer _spare = new();
    private long _last;
    private long _urgentTo;
    private long _groups;
    private long _durable;
    private long _durableEnd;
    private bool _stopping;
    private JournalFailedException? _failure;

    private Journal(IDisk disk, string directory, JournalOptions options, TimeProvider time, SegmentChain chain, IDisposable held, bool pumped)
    {
        (_disk, _options, _time, _segments, _held) = (disk, options, time, chain.Segments, held);
        _writer = new SegmentWriter(disk, directory, options, chain);
        _last = _durable = chain.End.NextPosition - 1;
        _durableEnd = chain.End.Offset;
        OpenReport = chain.Report();
        if (!pumped)
        {
            _thread = new Thread(WriteGroups) { Name = "journal", IsBackground = true };
            _thread.Start();
        }
    }

    /// <summary>What opening found and cut; for the log.</summary>
    public JournalOpenReport OpenReport { get; }

    public JournalPosition Durable => new(Volatile.Read(ref _durable));

    /// <summary>Groups written since opening: fsyncs shared by <see cref="Durable"/>'s records.</summary>
    public long Groups => Volatile.Read(ref _groups);

    /// <summary>Completes with the failure when the disk failed: the host logs it and ends the process.</summary>
    public Task<JournalFailedException> Failed => _failed.Task;

    /// <summary>Opens or creates the journal in a folder; cuts an unacknowledged tail (see <see cref="OpenReport"/>).</summary>
    /// <exception cref="JournalCorruptException">Acknowledged records are damaged.</exception>
    /// <exception cref="IOException">Another process has it open, or the disk failed.</exception>
    public static Journal Open(IDisk disk, string directory, JournalOptions options, TimeProvider time) => Open(disk, directory, options, time, pumped: false);

    /// <param name="pumped">No thread: the test calls <see cref="CommitPending"/>, so that a seed decides every group.</param>
    internal static Journal Open(IDisk disk, string directory, JournalOptions options, TimeProvider time, bool pumped)
    {
        if (!disk.DirectoryExists(directory))
        {
            disk.CreateDirectory(directory);
            disk.SyncDirectory(Path.GetDirectoryName(directory)!);
        }

        var held = disk.Lock(Path.Combine(directory, "lock"));
        try
        {
            var chain = new SegmentChain(disk, directory);
            chain.Open();
            return new Journal(disk, directory, options, time, chain, held, pumped);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    public ValueTask<JournalPosition> AppendAsync(JournalKind kind, ReadOnlyMemory<byte> payload)
    {
        CheckPayload(payload.Length);
        lock (_gate)
        {
            if (_failure is not null)
            {
                return ValueTask.FromException<JournalPosition>(_failure);
            }

            var waiter = _waiters.Rent();
            waiter.Position = Add(kind, payload.Span);
            var task = waiter.Task;
            _pending.Add(waiter);
            Monitor.PulseAll(_gate);
            return task;
        }
    }

    public JournalPosition Append(JournalKind kind, ReadOnlySpan<byte> payload)
    {
        CheckPayload(payload.Length);
        lock (_gate)
        {
            if (_failure is not null)
            {
                throw _failure;
            }

            var first = _pending.Count == 0;
            var position = Add(kind, payload);
            if (first)
            {
                Monitor.PulseAll(_gate);
            }

            return new JournalPosition(position);
        }
    }

    public IEnumerable<JournalRecord> ReadAfter(JournalPosition position)
    {
        long durable, end;
        Segment[] segments;
        lock (_segmentsGate)
        {
            (durable, end, segments) = (_durable, _durableEnd, [.. _segments]);
        }

        return position.Value >= durable ? [] : JournalReader.Read(_disk, segments, end, position.Value, durable);
    }

    /// <summary>Checks every checksum and the whole chain of hashes, from the first segment to the durable end.</summary>
    public ChainReport Verify(CancellationToken cancel)
    {
        ChainVerifier verifier;
        lock (_segmentsGate)
        {
            verifier = new ChainVerifier(_disk, [.. _segments], _durableEnd, _durable);
        }

        return verifier.Run(cancel);
    }

    public ValueTask WaitDurableAsync(JournalPosition position, CancellationToken cancel)
    {
        if (position.Value <= Volatile.Read(ref _durable))
        {
            return ValueTask.CompletedTask;
        }

        lock (_gate)
        {
            if (_failure is not null)
            {
                return ValueTask.FromException(_failure);
            }

            if (position.Value <= _durable)
            {
                return ValueTask.CompletedTask;
            }

            var source = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (!_durableWaiters.TryGetValue(position.Value, out var sources))
            {
                _durableWaiters.Add(position.Value, sources = []);
            }

            sources.Add(source);
            if (position.Value <= _last)
            {
                _urgentTo = Math.Max(_urgentTo, position.Value); // a follower that waits for what is not yet appended hurries nobody
                Monitor.PulseAll(_gate);
            }

            return new ValueTask(cancel.CanBeCanceled ? Cancellable(position.Value, source, cancel) : source.Task);
        }
    }

    /// <summary>Makes what was appended durable, then stops the thread and closes the files.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_stopping)
            {
                return;
            }

            _stopping = true;
            Monitor.PulseAll(_gate);
        }

        _thread?.Join();
        var stopped = new JournalFailedException("The journal is closed.");
        lock (_gate)
        {
            _failure ??= stopped;
            WakeDurableWaiters(_failure);
        }

        _writer.Dispose();
        _held.Dispose();
        _pending.Dispose();
        _spare.Dispose();
    }

    /// <summary>Writes the pending group, if there is one, and wakes its waiters. One caller at a time.</summary>
    /// <returns>False when there was nothing to write or the journal has failed.</returns>
    internal bool CommitPending()
    {
        GroupBuffer group;
        lock (_gate)
        {
            if (_pending.Count == 0 || _failure is not null)
            {
                return false;
            }

            (group, _pending) = (_pending, _spare);
            Monitor.PulseAll(_gate); // there is room again
        }

        var failure = TryWrite(group);
        lock (_gate)
        {
            WakeDurableWaiters(failure);
            if (failure is not null)
            {
                Fail(failure);
            }
        }

        group.Complete(failure);
        group.Reset();
        _spare = group;
        return failure is null;
    }

    private static void CheckPayload(int length)
    {
        if (length > IJournal.MaxPayloadBytes)
        {
            throw new ArgumentException(
                $"A journal payload has at most {IJournal.MaxPayloadBytes} bytes, this one {length}: store it as an artifact and record its hash.", nameof(length));
        }
    }

    private long Add(JournalKind kind, ReadOnlySpan<byte> payload)
    {
        while (_pending.Length + RecordFrame.HeaderBytes + payload.Length > _options.PendingBytesMax && _failure is null && !_stopping)
        {
            Monitor.Wait(_gate); // back pressure: the group in flight leaves room when it is taken
        }

        if (_failure is not null || _stopping)
        {
            throw _failure ?? new JournalFailedException("The journal is closing.");
        }

        _pending.Add(++_last, kind, _time.GetUtcNow().UtcTicks, payload);
        return _last;
    }

    private void WriteGroups()
    {
        while (WaitForWork())
        {
            CommitPending();
        }
    }

    /// <summary>Waits until there is a group worth its fsync.</summary>
    /// <returns>False when there is nothing more to do.</returns>
    private bool WaitForWork()
    {
        lock (_gate)
        {
            var lazySince = Stopwatch.GetTimestamp();
            while (_failure is null)
            {
                var urgent = _pending.HasWaiters || _urgentTo > _durable || _stopping;
                if (urgent && _pending.Count > 0)
                {
                    return true;
                }

                if (_stopping)
                {
                    return false;
                }

                if (_pending.Count == 0)
                {
                    Monitor.Wait(_gate);
                    lazySince = Stopwatch.GetTimestamp();
                    continue;
                }

                var left = _options.LazyDelay - Stopwatch.GetElapsedTime(lazySince);
                if (left <= TimeSpan.Zero || !Monitor.Wait(_gate, left))
                {
                    return true;
                }
            }

            return false;
        }
    }

    private JournalFailedException? TryWrite(GroupBuffer group)
    {
        try
        {
            var segment = _segments.Count > 0 ? _segments[^1] : null; // only this caller adds segments
            var began = _writer.Write(group.Bytes, group.Count, ref segment);
            lock (_segmentsGate)
            {
                if (began)
                {
                    _segments.Add(segment!);
                }

                _durableEnd = _writer.Offset;
                Volatile.Write(ref _durable, _durable + group.Count);
                Volatile.Write(ref _groups, _groups + 1);
            }

            return null;
        }
        catch (Exception e)
        {
            return new JournalFailedException($"The journal cannot be written: {e.Message} Nothing after record {_durable} was acknowledged; the process must stop.", e);
        }
    }

    private void Fail(JournalFailedException failure)
    {
        _failure = failure;
        _pending.Complete(failure);
        _pending.Reset();
        Monitor.PulseAll(_gate);
        _failed.TrySetResult(failure);
    }

    private void WakeDurableWaiters(JournalFailedException? failure)
    {
        while (_durableWaiters.Count > 0 && (failure is not null || _durableWaiters.GetKeyAtIndex(0) <= _durable))
        {
            foreach (var source in _durableWaiters.GetValueAtIndex(0))
            {
                if (failure is null)
                {
                    source.TrySetResult();
                }
                else
                {
                    source.TrySetException(failure);
                }
            }

            _durableWaiters.RemoveAt(0);
        }
    }

    private async Task Cancellable(long position, TaskCompletionSource source, CancellationToken cancel)
    {
        using var registration = cancel.Register(() => source.TrySetCanceled(cancel));
        try
        {
            await source.Task.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            Forget(position, source);
            throw;
        }
    }

    private void Forget(long position, TaskCompletionSource source)
    {
        lock (_gate)
        {
            if (_durableWaiters.TryGetValue(position, out var sources) && sources.Remove(source) && sources.Count == 0)
            {
                _durableWaiters.Remove(position);
            }
        }
    }
}
