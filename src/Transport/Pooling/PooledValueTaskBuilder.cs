using System.Runtime.CompilerServices;

namespace Jesus.Transport.Pooling;

/// <summary>
/// For <c>[AsyncMethodBuilder]</c> on the path of a call. The framework's pooling builder keeps one suspended method of a kind for each thread and core, so
/// that with dozens of calls under way it allocates for nearly each; this one keeps as many as were ever needed at once. The task is awaited once, at once.
/// </summary>
/// <typeparam name="TResult">Result of the method.</typeparam>
public struct PooledValueTaskBuilder<TResult>
{
    private PooledBox<TResult>? _box;
    private TResult _result;

#pragma warning disable CA1000 // The compiler calls it by this name.
    public static PooledValueTaskBuilder<TResult> Create() => default;
#pragma warning restore CA1000

    public readonly ValueTask<TResult> Task => _box is null ? new ValueTask<TResult>(_result) : new ValueTask<TResult>(_box, _box.Version);

    public readonly void Start<TMachine>(ref TMachine machine)
        where TMachine : IAsyncStateMachine => PooledStart.Run(ref machine);

    public readonly void SetStateMachine(IAsyncStateMachine machine) => ArgumentNullException.ThrowIfNull(machine);

    public void SetResult(TResult result)
    {
        if (_box is null)
        {
            _result = result;
        }
        else
        {
            _box.SetResult(result);
        }
    }

    public void SetException(Exception error)
    {
        _box ??= PooledBox<FinishedMachine, TResult>.Rent();
        _box.SetException(error);
    }

    public void AwaitOnCompleted<TAwaiter, TMachine>(ref TAwaiter awaiter, ref TMachine machine)
        where TAwaiter : INotifyCompletion
        where TMachine : IAsyncStateMachine => awaiter.OnCompleted(Suspend(ref machine).MoveNext);

    public void AwaitUnsafeOnCompleted<TAwaiter, TMachine>(ref TAwaiter awaiter, ref TMachine machine)
        where TAwaiter : ICriticalNotifyCompletion
        where TMachine : IAsyncStateMachine => awaiter.UnsafeOnCompleted(Suspend(ref machine).MoveNext);

    internal readonly ValueTask TaskWithoutResult() => _box is null ? ValueTask.CompletedTask : new ValueTask(_box, _box.Version);

    private PooledBox<TMachine, TResult> Suspend<TMachine>(ref TMachine machine)
        where TMachine : IAsyncStateMachine
    {
        if (_box is not PooledBox<TMachine, TResult> box)
        {
            // The machine holds this builder: the box must be named in it before it is copied.
            box = PooledBox<TMachine, TResult>.Rent();
            _box = box;
            box.Hold(ref machine);
        }

        box.Capture();
        return box;
    }
}

/// <inheritdoc cref="PooledValueTaskBuilder{TResult}"/>
public struct PooledValueTaskBuilder
{
    private PooledValueTaskBuilder<Nothing> _builder;

    public static PooledValueTaskBuilder Create() => default;

    public readonly ValueTask Task => _builder.TaskWithoutResult();

    public readonly void Start<TMachine>(ref TMachine machine)
        where TMachine : IAsyncStateMachine => PooledStart.Run(ref machine);

    public readonly void SetStateMachine(IAsyncStateMachine machine) => ArgumentNullException.ThrowIfNull(machine);

    public void SetResult() => _builder.SetResult(default);

    public void SetException(Exception error) => _builder.SetException(error);

    public void AwaitOnCompleted<TAwaiter, TMachine>(ref TAwaiter awaiter, ref TMachine machine)
        where TAwaiter : INotifyCompletion
        where TMachine : IAsyncStateMachine => _builder.AwaitOnCompleted(ref awaiter, ref machine);

    public void AwaitUnsafeOnCompleted<TAwaiter, TMachine>(ref TAwaiter awaiter, ref TMachine machine)
        where TAwaiter : ICriticalNotifyCompletion
        where TMachine : IAsyncStateMachine => _builder.AwaitUnsafeOnCompleted(ref awaiter, ref machine);
}

/// <summary>The result of a method that has none.</summary>
internal readonly struct Nothing;

/// <summary>Stands for a method that failed before it ever waited.</summary>
internal struct FinishedMachine : IAsyncStateMachine
{
    public readonly void MoveNext()
    {
    }

    public readonly void SetStateMachine(IAsyncStateMachine stateMachine)
    {
    }
}
