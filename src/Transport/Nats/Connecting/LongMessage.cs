using Jesus.Transport.Nats.Memory;
using Jesus.Transport.Nats.Protocol;

namespace Jesus.Transport.Nats.Connecting;

/// <summary>A message longer than the receive buffer should hold, while it arrives: straight into its own chunk, or past it.</summary>
internal struct LongMessage
{
    private NatsChunk? _chunk;
    private NatsSubscription? _subscription;
    private NatsFrame _frame;
    private int _received;
    private ushort _ending;
    private byte[]? _skipped;

    public bool IsUnderWay { get; private set; }

    /// <summary>CR LF stand where they must.</summary>
    public readonly bool EndsRight => _ending == ('\r' | ('\n' << 8));

    /// <param name="chunk">Null: nobody wants it.</param>
    /// <param name="begun">What of it has arrived.</param>
    public void Begin(in NatsFrame frame, NatsSubscription? subscription, NatsChunk? chunk, ReadOnlySpan<byte> begun)
    {
        IsUnderWay = true;
        _frame = frame;
        _subscription = subscription;
        _chunk = chunk;
        _received = begun.Length;
        Note(begun);
        if (chunk is not null)
        {
            begun.CopyTo(chunk.Bytes);
        }
    }

    /// <summary>Where the next bytes of it go; never past its end.</summary>
    public Memory<byte> Room(ReceiveBuffer buffer)
    {
        var left = _frame.Length - _received;
        if (_chunk is not null)
        {
            return _chunk.Bytes.AsMemory(_received, left);
        }

        // Skipped bytes are received over one another; the last two are looked at.
        _skipped ??= new byte[Math.Min(buffer.Capacity, 64 * 1024)];
        return _skipped.AsMemory(0, Math.Min(left, _skipped.Length));
    }

    /// <summary>True: it is whole.</summary>
    public bool Received(int count)
    {
        Note(_chunk is null ? _skipped.AsSpan(0, count) : _chunk.Bytes.AsSpan(_received, count));
        _received += count;
        return _received == _frame.Length;
    }

    public (NatsChunk? Chunk, NatsSubscription? Subscription, NatsFrame Frame) End()
    {
        var ended = (_chunk, _subscription, _frame);
        this = new LongMessage { _skipped = _skipped };
        return ended;
    }

    private void Note(ReadOnlySpan<byte> last)
    {
        foreach (var value in last.Length > 2 ? last[^2..] : last)
        {
            _ending = (ushort)((_ending >> 8) | (value << 8));
        }
    }
}
