using Jesus.Transport.Nats.Protocol;

namespace Jesus.Transport.Nats.Memory;

/// <summary>
/// Where one subscription's messages are put; the connection's reader is its only writer. A message is copied out of the receive buffer:
/// so a slow subscriber holds on to its own bytes and to nobody else's, and the receive buffer stays in the core's cache.
/// </summary>
internal struct MessageArena
{
    private NatsChunk? _chunk;
    private int _at;
    private int _given;
    private int _class;
    private NatsChunk? _single;

    /// <summary>Copies a whole frame, its closing line break left out.</summary>
    public NatsMessage Take(ReadOnlySpan<byte> frameBytes, in NatsFrame frame)
    {
        var length = frame.LineLength + frame.BodyLength;
        if (length > NatsChunkPool.Largest)
        {
            var single = NatsChunk.RentSingle(length);
            frameBytes[..length].CopyTo(single.Bytes);
            return TakeSingle(single, frame);
        }

        var chunk = _chunk is { } current && current.Bytes.Length - _at >= length ? current : Next(length);
        frameBytes[..length].CopyTo(chunk.Bytes.AsSpan(_at));
        var message = new NatsMessage(chunk, _at, frame);
        _at += length;
        _given++;
        return message;
    }

    /// <summary>A message that was received into a chunk of its own.</summary>
    public NatsMessage TakeSingle(NatsChunk chunk, in NatsFrame frame)
    {
        _single = chunk;
        return new NatsMessage(chunk, 0, frame);
    }

    /// <summary>Whoever got the last message is through with it, and so with those before it. Asked when no more are put.</summary>
    public readonly bool IsLastDisposed => (_chunk is null || _chunk.IsFree(_given)) && (_single is null || _single.IsReleased);

    private NatsChunk Next(int length)
    {
        if (_chunk is { } spent)
        {
            if (spent.IsFree(_given) && spent.Bytes.Length >= length)
            {
                spent.Restart();
                _at = 0;
                _given = 0;
                return spent;
            }

            spent.Retire(_given);
            _class = Math.Min(_class + 1, NatsChunkPool.LargestClass);
        }

        while (NatsChunkPool.SizeOf(_class) < length)
        {
            _class++;
        }

        _chunk = NatsChunk.Rent(_class);
        _at = 0;
        _given = 0;
        return _chunk;
    }
}
