namespace Jesus.Transport.Nats;

/// <summary>What became of a publish. <see cref="Ok"/> says that the frame will be sent on this connection or the next, not that anybody received it.</summary>
public enum NatsResult : byte
{
    Ok,

    /// <summary>Not connected, and the buffer for the next connection is full.</summary>
    Disconnected,

    /// <summary>More publishers wait for room than may.</summary>
    BufferFull,

    /// <summary>No room came within the time for it: the server takes bytes too slowly.</summary>
    TimedOut,
    Cancelled,

    /// <summary>More than the server's max_payload, headers included.</summary>
    TooLarge,

    /// <summary>A subject to publish to has no wildcard, space or control byte.</summary>
    InvalidSubject,

    /// <summary>The server knows no headers.</summary>
    HeadersUnsupported,

    /// <summary>The connection was drained or disposed.</summary>
    Closed,
}

/// <summary>What became of a request.</summary>
public enum NatsReplyStatus : byte
{
    Ok,

    /// <summary>Nobody listens on the subject; the server says so at once.</summary>
    NoResponders,
    TimedOut,

    /// <summary>Not connected, or the connection broke: whether somebody got the request is not known.</summary>
    Disconnected,
    Cancelled,

    /// <summary>The request could not be sent; <see cref="NatsReply.PublishResult"/> says why.</summary>
    NotSent,
}

/// <summary>The answer to a request; its owner disposes it once.</summary>
public readonly struct NatsReply : IDisposable
{
    internal NatsReply(NatsReplyStatus status, NatsResult publish = NatsResult.Ok)
    {
        Status = status;
        PublishResult = publish;
    }

    internal NatsReply(in NatsMessage message)
    {
        Message = message;
        Status = NatsReplyStatus.Ok;
    }

    public NatsReplyStatus Status { get; }

    /// <summary>Why it was not sent.</summary>
    public NatsResult PublishResult { get; }

    /// <summary>Empty unless <see cref="IsOk"/>.</summary>
    public NatsMessage Message { get; }
    public bool IsOk => Status == NatsReplyStatus.Ok;

    public void Dispose() => Message.Dispose();
}
