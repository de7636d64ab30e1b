namespace Jesus.Transport.Nats;

/// <summary>Limits of one subscription. Beyond them the newest messages are dropped and counted: the connection's other traffic goes on.</summary>
public sealed record NatsSubscriptionOptions
{
    public static NatsSubscriptionOptions Default { get; } = new();

    /// <summary>Messages that wait for the subscriber; 65,536, some 50 ms of the fastest stream.</summary>
    public int PendingMessagesMax { get; init; } = 65_536;

    /// <summary>Bytes that wait, control lines included; 64 MiB.</summary>
    public long PendingBytesMax { get; init; } = 64L * 1024 * 1024;

    /// <summary>The server ends the subscription after so many messages; 0 never.</summary>
    public int MessagesMax { get; init; }
}
