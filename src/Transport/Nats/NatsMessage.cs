using Jesus.Transport.Nats.Memory;
using Jesus.Transport.Nats.Protocol;

namespace Jesus.Transport.Nats;

/// <summary>
/// A message that arrived: views of pooled memory until <see cref="Dispose"/>, which its one owner calls once. Copies of the struct are the same message.
/// The frame lies whole in its chunk, so that one copy moved it out of the receive buffer: <c>MSG subject sid [reply] length\r\n[headers]payload</c>.
/// </summary>
public readonly struct NatsMessage : IDisposable
{
    private readonly NatsChunk? _chunk;
    private readonly int _at;
    private readonly int _bodyAt;
    private readonly int _headersLength;
    private readonly int _payloadLength;
    private readonly ushort _subjectAt;
    private readonly ushort _subjectLength;
    private readonly ushort _replyAt;
    private readonly ushort _replyLength;

    internal NatsMessage(NatsChunk chunk, int at, in NatsFrame frame)
    {
        _chunk = chunk;
        _at = at;
        _bodyAt = at + frame.LineLength;
        _headersLength = frame.HeadersLength;
        _payloadLength = frame.BodyLength - frame.HeadersLength;
        _subjectAt = (ushort)frame.SubjectAt;
        _subjectLength = (ushort)frame.SubjectLength;
        _replyAt = (ushort)frame.ReplyAt;
        _replyLength = (ushort)frame.ReplyLength;
    }

    public ReadOnlyMemory<byte> Subject => View(_at + _subjectAt, _subjectLength);

    /// <summary>Where the sender wants an answer; empty where it wants none.</summary>
    public ReadOnlyMemory<byte> ReplyTo => View(_at + _replyAt, _replyLength);
    public ReadOnlyMemory<byte> Payload => View(_bodyAt + _headersLength, _payloadLength);
    public NatsHeadersView Headers => new(View(_bodyAt, _headersLength));

    /// <summary>Headers and payload, in bytes.</summary>
    public int BodyLength => _headersLength + _payloadLength;

    /// <summary>The server's word that nobody listens on a request's subject: status 503 and nothing else.</summary>
    public bool IsNoResponders => _payloadLength == 0 && _headersLength > 0 && Headers.Status == 503;

    /// <summary>What it counts against a subscription's limit: the bytes that it occupies.</summary>
    internal int Footprint => _bodyAt - _at + BodyLength;

    public void Dispose() => _chunk?.Release();

    private ReadOnlyMemory<byte> View(int at, int length) => _chunk is null ? default : _chunk.Bytes.AsMemory(at, length);
}
