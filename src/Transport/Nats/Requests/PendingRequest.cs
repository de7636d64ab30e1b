using System.Threading.Tasks.Sources;

namespace Jesus.Transport.Nats.Requests;

/// <summary>A request under way: what its caller awaits. It has one place in the table for ever and a new token for each use; whoever takes the token away ends it.</summary>
internal sealed class PendingRequest(RequestTable table, int slot) : NatsWake, IValueTaskSource<NatsReply>
{
    private ManualResetValueTaskSourceCore<NatsReply> _core;
    private CancellationTokenRegistration _cancel;
    private NatsReply _reply;
    private long _token;

    public int Slot => slot;

    public ValueTask<NatsReply> Task => new(this, _core.Version);

    /// <summary>Begins to wait.</summary>
    /// <param name="secret">The upper 48 bits of this use's token, not all 0; the lower 16 are the slot.</param>
    /// <returns>The token.</returns>
    public long Begin(long secret)
    {
        var token = secret | (uint)slot;
        Volatile.Write(ref _token, token);
        return token;
    }

    public void Watch(CancellationToken cancel) => _cancel = cancel.UnsafeRegister(static self => ((PendingRequest)self!).Cancel(), this);

    /// <summary>Takes the token away; true for the one who then owns the ending.</summary>
    public bool TryClaim(long token) => token != 0 && Interlocked.CompareExchange(ref _token, 0, token) == token;

    /// <summary>The token if it waits, or 0.</summary>
    public long Token => Volatile.Read(ref _token);

    /// <summary>By the one who claimed it.</summary>
    public void SetReply(in NatsReply reply) => _reply = reply;

    /// <summary>It never left; its caller is told at once.</summary>
    public void Abandon()
    {
        _cancel.Dispose();
        _cancel = default;
        table.Return(this);
    }

    public override void Execute() => _core.SetResult(_reply);

    public NatsReply GetResult(short token)
    {
        _cancel.Dispose();
        _cancel = default;
        var reply = _core.GetResult(token);
        _reply = default;
        _core.Reset();
        table.Return(this);
        return reply;
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private void Cancel()
    {
        if (TryClaim(Token))
        {
            _reply = new NatsReply(NatsReplyStatus.Cancelled);
            Queue();
        }
    }
}
