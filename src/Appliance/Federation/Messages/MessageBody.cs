using Jesus.Transport.Buffers;
using Jesus.Transport.Wire;

namespace Jesus.Appliance.Federation.Messages;

/// <summary>The bytes of a message that was read: text in the message points into them until it is reset. Owned by the message and kept over resets.</summary>
internal sealed class MessageBody : IDisposable
{
    private readonly PooledBuffer _bytes = new();

    /// <summary>Keeps a copy of the bytes and begins to read it.</summary>
    public WireReader Open(ReadOnlySpan<byte> body, string name)
    {
        _bytes.Reset();
        if (body.Length > WireLimits.MessageBytesMax)
        {
            var refused = new WireReader(ReadOnlySpan<byte>.Empty);
            refused.Fail(WireFault.LengthTooLarge, name, 0, body.Length);
            return refused;
        }

        _bytes.Write(body);
        return new WireReader(_bytes.Memory);
    }

    public void Reset() => _bytes.ResetAndShrink(MessageLimits.KeptBytesMax);

    public void Dispose() => _bytes.Dispose();
}
