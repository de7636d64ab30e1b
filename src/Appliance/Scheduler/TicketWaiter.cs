using System.Threading.Tasks.Sources;

namespace Jesus.Appliance.Scheduler;

/// <summary>A call that waits at a door; pooled. Completes with its place, or with none where it gave up.</summary>
internal sealed class TicketWaiter : QueueEntry, IValueTaskSource<Place?>
{
    // Continuations run elsewhere: the door completes waiters under its lock.
    private ManualResetValueTaskSourceCore<Place?> _source = new() { RunContinuationsAsynchronously = true };

    public Door Door { get; set; } = null!;

    public CallNeed Need { get; set; }

    public ValueTask<Place?> Task => new(this, _source.Version);

    public void Complete(Place? place) => _source.SetResult(place);

    public Place? GetResult(short token) => _source.GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    public void Reset()
    {
        _source.Reset();
        Clear();
    }

    public void Clear() => (Door, Need) = (null!, default);
}
