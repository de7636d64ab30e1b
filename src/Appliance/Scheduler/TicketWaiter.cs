using System.Threading.Tasks.Sources;

namespace Jesus.Appliance.Scheduler;

/// <summary>A call that waits at a door; pooled. Completes with whether it got its ticket.</summary>
internal sealed class TicketWaiter : QueueEntry, IValueTaskSource<bool>
{
    // Continuations run elsewhere: the door completes waiters under its lock.
    private ManualResetValueTaskSourceCore<bool> _source = new() { RunContinuationsAsynchronously = true };

    public Door Door { get; set; } = null!;

    public ValueTask<bool> Task => new(this, _source.Version);

    public void Complete(bool granted) => _source.SetResult(granted);

    public bool GetResult(short token) => _source.GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    public void Reset()
    {
        _source.Reset();
        Door = null!;
    }
}
