using System.Threading.Tasks.Sources;

namespace Jesus.Appliance.Storage.Journal;

/// <summary>One append that waits for its fsync; goes back to its pool when the result was taken, so a steady state allocates nothing.</summary>
internal sealed class AppendWaiter(AppendWaiterPool pool) : IValueTaskSource<JournalPosition>
{
    // Continuations run on the thread pool: the writer's thread must get to the next fsync.
    private ManualResetValueTaskSourceCore<JournalPosition> _core = new() { RunContinuationsAsynchronously = true };

    /// <summary>The next waiter of the group, or of the pool's free list.</summary>
    public AppendWaiter? Next { get; set; }
    public long Position { get; set; }
    public ValueTask<JournalPosition> Task => new(this, _core.Version);

    public void Complete(JournalFailedException? failure)
    {
        if (failure is null)
        {
            _core.SetResult(new JournalPosition(Position));
        }
        else
        {
            _core.SetException(failure);
        }
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    public JournalPosition GetResult(short token)
    {
        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            _core.Reset();
            pool.Return(this);
        }
    }
}

/// <summary>Free waiters. Bounded: beyond what a full queue of appends can need they are left to the collector.</summary>
internal sealed class AppendWaiterPool
{
    private const int KeptMax = 4096;

    private AppendWaiter? _free;
    private int _count;

    public AppendWaiter Rent()
    {
        lock (this)
        {
            if (_free is not { } waiter)
            {
                return new AppendWaiter(this);
            }

            _free = waiter.Next;
            waiter.Next = null;
            _count--;
            return waiter;
        }
    }

    public void Return(AppendWaiter waiter)
    {
        lock (this)
        {
            if (_count < KeptMax)
            {
                waiter.Next = _free;
                _free = waiter;
                _count++;
            }
        }
    }
}
