using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Jesus.Transport.Nats.Connecting;
using Jesus.Transport.Nats.Memory;
using Jesus.Transport.Nats.Protocol;

namespace Jesus.Transport.Nats.Requests;

/// <summary>
/// Requests under way, found by the last token of the reply's subject: 16 hexadecimal digits, 48 bits that nobody can guess and the slot. So whoever was asked once can
/// answer that and nothing else, and a late answer is nobody's. All answers come over one subscription. Time limits are looked for by going through the slots in use, 50
/// times a second while there are any: a few ns each, where a wheel's lists would cost every request a lock twice.
/// </summary>
internal sealed class RequestTable
{
    public const int TokenBytes = 16;
    private const int FirstSlots = 64;

    private readonly Lock _gate = new();
    private readonly int _max;
    private readonly byte[] _prefix;
    private readonly Stack<int> _free = new();
    private PendingRequest?[] _slots = new PendingRequest?[FirstSlots];
    private readonly long[] _secrets = new long[512];
    private int _secretsLeft;
    private MessageArena _arena;
    private int _used;
    private int _open;
    private long _timedOut;
    private long _late;

    /// <param name="inbox">Subject below which answers come, without the last token and its dot.</param>
    public RequestTable(string inbox, int max)
    {
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

    public int ReplyBytes => _prefix.Length + TokenBytes;

    /// <summary>Null: as many as may be are under way.</summary>
    public PendingRequest? Rent()
    {
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
            request.Secret = NextSecret();
            return request;
        }
    }

    public void Return(PendingRequest request)
    {
        lock (_gate)
        {
            _open--;
            _free.Push(request.Slot);
        }
    }

    public void WriteReply(Span<byte> into, long token)
    {
        _prefix.CopyTo(into);
        ReplyToken.Write(into.Slice(_prefix.Length, TokenBytes), token);
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
    public void Expire(long nowMs) => EndAll(NatsReplyStatus.TimedOut, nowMs);

    /// <summary>The connection is gone: nobody will answer.</summary>
    public void Disconnect() => EndAll(NatsReplyStatus.Disconnected, long.MaxValue);

    private void EndAll(NatsReplyStatus status, long nowMs)
    {
        var slots = Volatile.Read(ref _slots);
        var used = Math.Min(Volatile.Read(ref _used), slots.Length);
        for (var i = 0; i < used; i++)
        {
            // The time is read after the token: a slot that is used again meanwhile has another token, and the claim fails.
            if (slots[i] is { Token: not 0 and var token } request && request.DueMs <= nowMs && request.TryClaim(token))
            {
                _timedOut += status == NatsReplyStatus.TimedOut ? 1 : 0;
                request.SetReply(new NatsReply(status));
                request.Queue();
            }
        }
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
