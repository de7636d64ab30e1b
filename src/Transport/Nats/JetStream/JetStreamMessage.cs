using System.Buffers.Text;

namespace Jesus.Transport.Nats.JetStream;

/// <summary>A delivered message: a view of pooled memory until it is disposed. Answer it (ack, nak, term) before that.</summary>
public readonly struct JetStreamMessage : IDisposable
{
    private readonly NatsConnection? _connection;
    private readonly NatsMessage _message;

    internal JetStreamMessage(NatsConnection connection, in NatsMessage message, in JetStreamMetadata metadata)
    {
        _connection = connection;
        _message = message;
        Metadata = metadata;
    }

    /// <summary>No message: an ordered consumer's word that all that was stored has been read.</summary>
    public bool IsNone => _connection is null;
    public JetStreamMetadata Metadata { get; }
    public ReadOnlyMemory<byte> Subject => _message.Subject;
    public ReadOnlyMemory<byte> Payload => _message.Payload;
    public NatsHeadersView Headers => _message.Headers;

    /// <summary>Done with it. Fire and forget: where it is lost the message comes again.</summary>
    public ValueTask<NatsResult> AckAsync(CancellationToken cancel = default) => SayAsync(AckWords.Ack, cancel);

    /// <summary>Failed: deliver it again, at once or after a while.</summary>
    public ValueTask<NatsResult> NakAsync(TimeSpan delay = default, CancellationToken cancel = default) =>
        SayAsync(delay > TimeSpan.Zero ? AckWords.NakAfter(delay) : AckWords.Nak, cancel);

    /// <summary>Never deliver it again.</summary>
    public ValueTask<NatsResult> TermAsync(CancellationToken cancel = default) => SayAsync(AckWords.Term, cancel);

    /// <summary>Still at it: the wait for the acknowledgement begins anew.</summary>
    public ValueTask<NatsResult> InProgressAsync(CancellationToken cancel = default) => SayAsync(AckWords.InProgress, cancel);

    /// <summary>Acknowledges and waits until the server has noted it: then the message never comes again ("double ack").</summary>
    public async ValueTask<JetStreamError> AckAndConfirmAsync(TimeSpan within, CancellationToken cancel = default)
    {
        if (_connection is null || !NatsSubject.TryParse(_message.ReplyTo.Span, out var subject, out _))
        {
            return new JetStreamError(JetStreamFault.Malformed, "the message has no subject to acknowledge on");
        }

        using var reply = await _connection.RequestAsync(subject, AckWords.Ack, within, null, cancel).ConfigureAwait(false);
        return JetStreamErrors.Of(reply, subject);
    }

    public void Dispose()
    {
        if (_connection is not null)
        {
            _message.Dispose();
        }
    }

    private ValueTask<NatsResult> SayAsync(ReadOnlyMemory<byte> word, CancellationToken cancel) =>
        _connection!.PublishAsync(_message.ReplyTo, word, cancel: cancel);
}

/// <summary>Bodies of acknowledgements (ADR-15).</summary>
internal static class AckWords
{
    public static ReadOnlyMemory<byte> Ack { get; } = "+ACK"u8.ToArray();
    public static ReadOnlyMemory<byte> Nak { get; } = "-NAK"u8.ToArray();
    public static ReadOnlyMemory<byte> Term { get; } = "+TERM"u8.ToArray();
    public static ReadOnlyMemory<byte> InProgress { get; } = "+WPI"u8.ToArray();

    /// <summary><c>-NAK {"delay":NANOSECONDS}</c></summary>
    public static ReadOnlyMemory<byte> NakAfter(TimeSpan delay)
    {
        var bytes = new byte[48];
        var head = "-NAK {\"delay\":"u8;
        head.CopyTo(bytes);
        _ = Utf8Formatter.TryFormat(JetStreamJson.Nanoseconds(delay), bytes.AsSpan(head.Length), out var digits);
        bytes[head.Length + digits] = (byte)'}';
        return bytes.AsMemory(0, head.Length + digits + 1);
    }
}
