using System.Collections.Concurrent;
using System.Text;
using Jesus.Appliance.Federation.Messages;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Federation.Calls;

/// <summary>
/// Calls of peers under way here, by caller and number, with every limit on how many and how much. What is dropped is counted, and logged once for each reason and caller.
/// Thread-safe.
/// </summary>
internal sealed class InboundCalls(CallSetup setup)
{
    /// <summary>A cancelled call ends with the engine's step; longer than any takes.</summary>
    private const int LetGoMs = 2_000;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, CallerState> _callers = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<InboundCall, byte> _all = new();
    private long _piecesBytes;

    public int Count => _all.Count;

    /// <summary>A message came: may its sender send so often?</summary>
    public RefusalReason Admit(ReadOnlySpan<byte> caller, long nowMs)
    {
        lock (_gate)
        {
            return StateOf(caller) is { } state && state.TryTake(nowMs) ? RefusalReason.None : RefusalReason.TooOften;
        }
    }

    public InboundCall? Find(ReadOnlySpan<byte> caller, ulong stream)
    {
        lock (_gate)
        {
            return Known(caller)?.Calls.GetValueOrDefault(stream);
        }
    }

    public bool TryAdd(InboundCall call)
    {
        lock (_gate)
        {
            if (_all.Count >= setup.Limits.InboundMax || !_callers.TryGetValue(call.Caller, out var state) || state.Calls.Count >= setup.Limits.InboundPerCallerMax
                || !state.Calls.TryAdd(call.Stream, call))
            {
                return false;
            }

            return _all.TryAdd(call, 0);
        }
    }

    public void Remove(InboundCall call)
    {
        lock (_gate)
        {
            _ = _all.TryRemove(call, out _);
            _ = _callers.GetValueOrDefault(call.Caller)?.Calls.Remove(call.Stream);
        }
    }

    /// <summary>The caller wants no more of it, or of what has come of it.</summary>
    public void Drop(ReadOnlySpan<byte> caller, ulong stream)
    {
        InboundCall? call;
        lock (_gate)
        {
            var state = Known(caller);
            call = state?.Calls.GetValueOrDefault(stream);
            if (state?.Find(stream) is { } pieces)
            {
                Drop(state, pieces);
            }
        }

        call?.Cancel();
    }

    /// <summary>Takes a piece. Where it was the last, the request becomes the whole.</summary>
    public RefusalReason TakePiece(ReadOnlySpan<byte> caller, InferRequest request, long nowMs, out bool isWhole)
    {
        isWhole = true;
        lock (_gate)
        {
            if (Known(caller) is not { } state)
            {
                return RefusalReason.TooOften;
            }

            var pieces = state.Find(request.Stream);
            if (pieces is null && request.ChunkIndex == 0 && request.ChunkCount is > 0 and <= 65_536)
            {
                if (state.Pieces.Count >= setup.Limits.PiecesPerCallerMax)
                {
                    return RefusalReason.Busy;
                }

                state.Pieces.Add(pieces = new PieceAssembly(request.Stream, request.ChunkCount, nowMs));
            }

            var length = request.Piece.Length;
            if (pieces is null || _piecesBytes + length > setup.Limits.PiecesBytesMax || !pieces.TryAdd(request, setup.Limits.RequestBytesMax))
            {
                if (pieces is not null)
                {
                    Drop(state, pieces);
                }

                return RefusalReason.TooLarge;
            }

            _piecesBytes += length;
            isWhole = pieces.IsWhole;
            if (!isWhole)
            {
                return RefusalReason.None;
            }

            var stream = request.Stream;
            var isRead = InferRequest.TryRead(pieces.Bytes.Span, request, out _) && request.Stream == stream && request.ChunkCount == 0;
            Drop(state, pieces);
            return isRead ? RefusalReason.None : RefusalReason.Malformed;
        }
    }

    public async ValueTask LookAsync(long nowMs)
    {
        foreach (var (call, _) in _all)
        {
            if (!await call.LookAsync(nowMs).ConfigureAwait(false))
            {
                Complain(Encoding.ASCII.GetBytes(call.Caller), RefusalReason.DeadlinePassed, "it vanished in the middle of a call");
            }
        }

        lock (_gate)
        {
            foreach (var state in _callers.Values)
            {
                for (var i = state.Pieces.Count - 1; i >= 0; i--)
                {
                    if (nowMs - state.Pieces[i].BeganMs > setup.Limits.PiecesMs)
                    {
                        Drop(state, state.Pieces[i]);
                    }
                }
            }
        }
    }

    /// <summary>Until all are over; those that are not by the deadline are cancelled.</summary>
    public async Task WhenOverAsync(CancellationToken deadline)
    {
        var all = Task.WhenAll(_all.Keys.Select(call => call.Running));
        await all.WaitAsync(deadline).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var (call, _) in _all)
        {
            call.Cancel();
        }

        await all.WaitAsync(TimeSpan.FromMilliseconds(LetGoMs), CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Complain(ReadOnlySpan<byte> caller, RefusalReason reason, string words)
    {
        CallMetrics.Refused(reason);
        lock (_gate)
        {
            // Everyday answers, not faults.
            if (reason is RefusalReason.Busy or RefusalReason.Draining or RefusalReason.NoSuchModel or RefusalReason.OtherNumerics || StateOf(caller) is not { } state
                || !state.Complaints.Add(reason))
            {
                return;
            }
        }

        setup.Log.LogWarning("calls of the peer {Peer} are refused as {Reason} from now on where they are: {Words}", Encoding.ASCII.GetString(caller), reason, words);
    }

    private void Drop(CallerState state, PieceAssembly pieces)
    {
        _piecesBytes -= pieces.Length;
        _ = state.Pieces.Remove(pieces);
        pieces.Dispose();
    }

    private CallerState? Known(ReadOnlySpan<byte> caller)
    {
        Span<char> id = stackalloc char[FederationOptions.NameLengthMax];
        var length = Encoding.ASCII.GetChars(caller, id);
        return _callers.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(id[..length], out var state) ? state : null;
    }

    /// <summary>Null where as many callers are known as may be, and none of them is idle.</summary>
    private CallerState? StateOf(ReadOnlySpan<byte> caller)
    {
        if (Known(caller) is { } known)
        {
            return known;
        }

        if (_callers.Count >= setup.Limits.CallersMax)
        {
            if (_callers.Values.FirstOrDefault(c => c.IsIdle) is not { } idle)
            {
                return null;
            }

            _ = _callers.Remove(idle.Id);
        }

        var state = new CallerState(Encoding.ASCII.GetString(caller), setup.Limits);
        return _callers[state.Id] = state;
    }
}
