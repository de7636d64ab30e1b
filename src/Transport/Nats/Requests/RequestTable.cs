using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Jesus.Transport.Nats.Connecting;
using Jesus.Transport.Nats.Memory;
using Jesus.Transport.Nats.Protocol;

namespace Jesus.Transport.Nats.Requests;

/// <summary>
/// Requests under way, found by the last token of the reply's subject: 48 bits that nobody can guess and the slot, anew for each request. So whoever was asked once can
/// answer that and nothing else, and a late answer is nobody's. All answers come over one subscription. Time limits are a wheel's, under the lock that a request takes anyway
/// when it gets its slot and when it gives it back.
/// </summary>
internal sealed class RequestTable
{
    private const int FirstSlots = 64;

    /// <summary>Time limits found over under one hold of the lock: for a few microseconds.</summary>
    private const int ExpiredAtOnce = 64;

    private readonly Lock _gate = new();
    private readonly int _max;
    private readonly byte[] _prefix;
    private readonly Stack<int> _free = new();
    private PendingRequest?[] _slots = new PendingRequest?[FirstSlots];
    private readonly long[] _secrets = new long[512];
    private int _secretsLeft;
    private readonly TimerWheel _timers;
    private MessageArena _arena;
    private int _used;
    private int _open;
    private long _timedOut;
    private long _late;

    /// <param name="inbox">Subject below which answers come, without the last token and its dot.</param>
    /// <param name="nowMs">Of the clock that says when requests are due.</param>
    public RequestTable(string inbox, int max, long nowMs)
    {
        _timers = new TimerWheel(nowMs);
        _max = Math.Min(max, NatsLimits.RequestsMax);
        _prefix = Encoding.UTF8.GetBytes(inbox + ".");
        Wildcard = NatsSubject.Parse(inbox + ".*");
    }

    /// <summary>What the one subscription hears.</summary>
    public NatsSubject Wildcard { get; }

    /// <summary>Beginning of every reply's subject.</summary>
    public ReadOnlyMemory<byte> Prefix => _prefix;
    public int Open => Volatile.Read(ref _open);
    public long TimedOut => Volatile.Read(ref _timedOut);

    public int ReplyBytes => _prefix.Length + ReplyToken.Bytes;

    /// <summary>A request that waits, until <paramref name="dueMs"/>. Null: as many as may be are under way.</summary>
    /// <param name="token">Of this use.</param>
    public PendingRequest? Rent(long dueMs, out long token)
    {
        token = 0;
        lock (_gate)
        {
            if (!_free.TryPop(out var slot))
            {
                if (_used == _max)
                {
                    return null;
                }

                slot = AddSlot();
            }

            _open++;
            var request = _slots[slot]!;
            token = request.Begin(NextSecret());
            _timers.Start(slot, dueMs);
            return request;
        }
    }

    public void Return(PendingRequest request)
    {
        lock (_gate)
        {
            _open--;
            _timers.Cancel(request.Slot);
            _free.Push(request.Slot);
        }
    }

    public void WriteReply(Span<byte> into, long token)
    {
        _prefix.CopyTo(into);
        ReplyToken.Write(into.Slice(_prefix.Length, ReplyToken.Bytes), token);
    }

    /// <summary>An answer arrived. On the connection's reader only.</summary>
    /// <param name="block">The frame.</param>
    public void Complete(ReadOnlySpan<byte> block, in NatsFrame frame, WakeBatch wakes)
    {
        var token = ReadToken(block.Slice(frame.SubjectAt, frame.SubjectLength));
        if (Find(token) is not { } request || !request.TryClaim(token))
        {
            _late++;
            return;
        }

        request.SetReply(IsNoResponders(block, frame) ? new NatsReply(NatsReplyStatus.NoResponders) : new NatsReply(_arena.Take(block, frame)));
        wakes.Add(request);
    }

    /// <summary>The same of an answer that was received into a chunk of its own.</summary>
    public bool CompleteSingle(NatsChunk chunk, in NatsFrame frame, WakeBatch wakes)
    {
        var token = ReadToken(chunk.Bytes.AsSpan(frame.SubjectAt, frame.SubjectLength));
        if (Find(token) is not { } request || !request.TryClaim(token))
        {
            _late++;
            return false;
        }

        request.SetReply(new NatsReply(new NatsMessage(chunk, 0, frame)));
        wakes.Add(request);
        return true;
    }

    /// <summary>Ends those whose time is over.</summary>
    public void Expire(long nowMs)
    {
        Span<int> due = stackalloc int[ExpiredAtOnce];
        int count;
        do
        {
            lock (_gate)
            {
                count = _timers.Advance(nowMs, due);

                // Under the lock a slot is not given back: the token is the one whose time is over, or nobody waits any more.
                foreach (var slot in due[..count])
                {
                    _timedOut += TryEnd(_slots[slot]!, NatsReplyStatus.TimedOut) ? 1 : 0;
                }
            }
        }
        while (count == due.Length);
    }

    /// <summary>The connection is gone: nobody will answer.</summary>
    public void Disconnect()
    {
        var slots = Volatile.Read(ref _slots);
        var used = Math.Min(Volatile.Read(ref _used), slots.Length);
        for (var i = 0; i < used; i++)
        {
            _ = slots[i] is { } request && TryEnd(request, NatsReplyStatus.Disconnected);
        }
    }

    private static bool TryEnd(PendingRequest request, NatsReplyStatus status)
    {
        if (!request.TryClaim(request.Token))
        {
            return false;
        }

        request.SetReply(new NatsReply(status));
        request.Queue();
        return true;
    }

    private PendingRequest? Find(long token)
    {
        var slots = Volatile.Read(ref _slots);
        var slot = (int)(token & (NatsLimits.RequestsMax - 1));
        return slot < slots.Length ? slots[slot] : null;
    }

    // Drawn by the page: a draw for each request would cost more than the request.
    private long NextSecret()
    {
        const int SlotBits = 16;
        if (_secretsLeft == 0)
        {
            RandomNumberGenerator.Fill(MemoryMarshal.AsBytes(_secrets.AsSpan()));
            _secretsLeft = _secrets.Length;
        }

        var secret = _secrets[--_secretsLeft] & ~((1L << SlotBits) - 1);
        return secret == 0 ? 1L << SlotBits : secret;
    }

    private int AddSlot()
    {
        if (_used == _slots.Length)
        {
            var larger = new PendingRequest?[_slots.Length * 2];
            _slots.CopyTo(larger, 0);
            Volatile.Write(ref _slots, larger);
        }

        _slots[_used] = new PendingRequest(this, _used);
        return _used++;
    }

    private long ReadToken(ReadOnlySpan<byte> subject) => subject.Length == ReplyBytes ? ReplyToken.Read(subject[_prefix.Length..]) : 0;

    private static bool IsNoResponders(ReadOnlySpan<byte> block, in NatsFrame frame) =>
        frame.HeadersLength > 0 && frame.HeadersLength == frame.BodyLength && block[frame.LineLength..].StartsWith("NATS/1.0 503"u8);
}
