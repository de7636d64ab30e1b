namespace Jesus.Inference.Engine.Hosting;

/// <summary>A model that is in memory, or on its way there or back. Everything of it is guarded by the host's lock, but for the tasks.</summary>
internal sealed class ModelSlot(string name)
{
    private readonly TaskCompletionSource<LoadResult> _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _gone = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private long _touched;

    public string Name => name;
    public TenantState State { get; set; }
    public int Calls { get; private set; }
    public bool IsPinned { get; set; }
    public long LastUsed { get; set; }

    /// <summary>Reserved in the memory of all models.</summary>
    public long Bytes { get; set; }

    /// <summary>Whether idle models go for it.</summary>
    public bool MakesRoom { get; init; }
    public LoadedModel? Model { get; set; }

    /// <summary>Calls that were under way when the memory was given back.</summary>
    public int CallsEnded { get; set; }

    /// <summary>The end of the load.</summary>
    public Task<LoadResult> Loaded => _loaded.Task;

    /// <summary>The last call is over, after the draining began.</summary>
    public Task Idle => _idle.Task;

    /// <summary>Its memory is given back and its name free again.</summary>
    public Task Gone => _gone.Task;

    /// <summary>Reserved bytes that the system was not asked for yet: what a load has still to read, or blocks of the cache that were never used.</summary>
    public long UntouchedBytes => Model?.UntouchedBytes ?? Math.Max(0, Bytes - Volatile.Read(ref _touched));

    public Tenant Tenant => new(Name, Bytes, State, Calls, IsPinned, LastUsed);

    /// <summary>A load has filled so many bytes more; from any of its threads, without the lock.</summary>
    public void Touch(long bytes) => Interlocked.Add(ref _touched, bytes);

    public void Enter(long now)
    {
        Calls++;
        LastUsed = now;
    }

    public void Leave(long now)
    {
        Calls--;
        LastUsed = now;
        NoteIdle();
    }

    public void Drain()
    {
        State = TenantState.Draining;
        IsPinned = false;
        NoteIdle();
    }

    public void TellLoaded(in LoadResult result) => _loaded.SetResult(result);

    public void TellGone() => _gone.SetResult();

    private void NoteIdle()
    {
        if (State is TenantState.Draining or TenantState.Closing && Calls == 0)
        {
            _ = _idle.TrySetResult();
        }
    }
}
