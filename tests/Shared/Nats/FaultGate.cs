namespace Jesus.Tests.Nats;

/// <summary>Lets bytes through, or makes them wait; and counts how many may still come.</summary>
internal sealed class FaultGate
{
    private readonly Lock _lock = new();
    private TaskCompletionSource? _closed;
    private long _budget = long.MaxValue;

    /// <summary>Bytes that may still pass.</summary>
    public long Budget
    {
        get => Interlocked.Read(ref _budget);
        set => Interlocked.Exchange(ref _budget, value);
    }

    public void Close()
    {
        lock (_lock)
        {
            _closed ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    public void Open()
    {
        lock (_lock)
        {
            _closed?.SetResult();
            _closed = null;
        }
    }

    public Task PassAsync(CancellationToken cancel)
    {
        lock (_lock)
        {
            return _closed is null ? Task.CompletedTask : _closed.Task.WaitAsync(cancel);
        }
    }

    /// <summary>How many of these bytes may pass.</summary>
    public int Take(int bytes)
    {
        if (Budget == long.MaxValue)
        {
            return bytes;
        }

        var left = Interlocked.Add(ref _budget, -bytes);
        return left >= 0 ? bytes : (int)Math.Max(0, bytes + left);
    }
}
