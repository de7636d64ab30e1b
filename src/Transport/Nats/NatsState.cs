namespace Jesus.Transport.Nats;

/// <summary>Where a connection stands.</summary>
public enum NatsState : byte
{
    /// <summary>Never connected yet.</summary>
    Connecting,
    Connected,

    /// <summary>Was connected, and will be again.</summary>
    Reconnecting,

    /// <summary>No new messages in; what is under way is finished.</summary>
    Draining,
    Closed,
}

/// <summary>Counters since the start. Each only grows, save those that say "now".</summary>
public readonly record struct NatsStatistics
{
    public long MessagesIn { get; init; }
    public long BytesIn { get; init; }
    public long MessagesOut { get; init; }
    public long BytesOut { get; init; }

    /// <summary>Connections that came to stand, the first included.</summary>
    public long Connects { get; init; }
    public long ConnectFailures { get; init; }

    /// <summary>Messages that subscribers were too slow for.</summary>
    public long Dropped { get; init; }

    /// <summary>Messages over <see cref="NatsOptions.InboundBytesMax"/>.</summary>
    public long Oversized { get; init; }

    /// <summary>Published frames that were on their way when a connection broke: sent in part or whole, never sent again.</summary>
    public long PublishesLost { get; init; }
    public long RequestsTimedOut { get; init; }

    /// <summary>Requests under way, now.</summary>
    public int RequestsOpen { get; init; }

    /// <summary>Subscriptions, now.</summary>
    public int Subscriptions { get; init; }

    /// <summary>Bytes that wait to be sent, now.</summary>
    public int PendingBytes { get; init; }
}
