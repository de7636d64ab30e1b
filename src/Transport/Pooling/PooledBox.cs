using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;

namespace Jesus.Transport.Pooling;

/// <summary>
/// An asynchronous method that is suspended: its state machine, and the task that its caller awaits. Rented when the method first waits, returned when the
/// caller has read the result; so a method awaited once, at once, allocates nothing however many calls are under way.
/// </summary>
internal abstract class PooledBox<TResult> : IValueTaskSource<TResult>, IValueTaskSource
{
    private ManualResetValueTaskSourceCore<TResult> _core;

    public short Version => _core.Version;

    public void SetResult(TResult result) => _core.SetResult(result);

    public void SetException(Exception error) => _core.SetException(error);

    public TResult GetResult(short token)
    {
        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            _core.Reset();
            Return();
        }
    }

    void IValueTaskSource.GetResult(short token) => GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    protected abstract void Return();
}

/// <summary>The box of one method; <typeparamref name="TMachine"/> is what the compiler made of it.</summary>
internal sealed class PooledBox<TMachine, TResult> : PooledBox<TResult>
    where TMachine : IAsyncStateMachine
{
    /// <summary>Boxes kept of each method, about 300 B each; more calls at once than this allocate.</summary>
    private const int KeptMax = 1_024;

    /// <summary>Of these a thread keeps so many to itself, for which it needs neither lock nor queue: the calls that one event loop usually has under way.</summary>
    private const int NearMax = 64;

    private static readonly ConcurrentQueue<PooledBox<TMachine, TResult>> Kept = new();
    private static int _keptCount;

    /// <summary>Those returned on this thread, the last first: it is still in its core's cache.</summary>
    [ThreadStatic]
    private static PooledBox<TMachine, TResult>? _near;

    private readonly ContextCallback _moveNext;
    private PooledBox<TMachine, TResult>? _next;
    private int _depth;
    private ExecutionContext? _context;
    private TMachine? _machine;

    private PooledBox()
    {
        _moveNext = static box => ((PooledBox<TMachine, TResult>)box!)._machine!.MoveNext();
        MoveNext = Continue;
    }

    public Action MoveNext { get; }

    public static PooledBox<TMachine, TResult> Rent()
    {
        if (_near is { } near)
        {
            _near = near._next;
            near._next = null;
            return near;
        }

        if (!Kept.TryDequeue(out var box))
        {
            return new PooledBox<TMachine, TResult>();
        }

        Interlocked.Decrement(ref _keptCount);
        return box;
    }

    /// <summary>Takes the state machine in; its builder already names this box.</summary>
    public void Hold(ref TMachine machine) => _machine = machine;

    /// <summary>What flows with the method (trace context) as it is now.</summary>
    public void Capture() => _context = ExecutionContext.Capture();

    protected override void Return()
    {
        _machine = default;
        _context = null;
        var near = _near;
        if (near is null || near._depth < NearMax)
        {
            _next = near;
            _depth = near is null ? 1 : near._depth + 1;
            _near = this;
            return;
        }

        if (Interlocked.Increment(ref _keptCount) <= KeptMax)
        {
            Kept.Enqueue(this);
            return;
        }

        Interlocked.Decrement(ref _keptCount);
    }

    /// <summary>
    /// With what flowed when it was suspended. That is nearly always what flows here already; then nothing need be restored afterwards either, since whoever goes on next
    /// looks in the same way.
    /// </summary>
    private void Continue()
    {
        if (_context is { } context && context != ExecutionContext.Capture())
        {
            ExecutionContext.Run(context, _moveNext, this);
        }
        else
        {
            _machine!.MoveNext();
        }
    }
}
