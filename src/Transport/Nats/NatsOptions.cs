using Jesus.Transport.Http;

namespace Jesus.Transport.Nats;

/// <summary>How to reach a NATS system, as whom, and every limit of the client. Times are milliseconds, sizes bytes.</summary>
public sealed record NatsOptions
{
    /// <summary>Servers to begin with: <c>nats://host:4222</c>, <c>tls://host</c>, <c>host</c>; a name and password in the URL win over <see cref="User"/>. At least one.</summary>
    public required IReadOnlyList<string> Urls { get; init; }

    /// <summary>What the server's monitoring calls this connection.</summary>
    public string Name { get; init; } = "jesus";

    /// <summary>Answers arrive below this subject, so that permissions can give each box its own.</summary>
    public string InboxPrefix { get; init; } = "_INBOX";

    public string User { get; init; } = "";

    public string Password { get; init; } = "";

    public string Token { get; init; } = "";

    /// <summary>A user's nkey seed (<c>SU...</c>); empty for none.</summary>
    public string NkeySeed { get; init; } = "";

    /// <summary>The text of a .creds file (JWT and seed), asked for at each connect so that a renewed one is taken; null for none. May throw <see cref="IOException"/>.</summary>
    public Func<string>? Credentials { get; init; }

    /// <summary>Null: TLS only where the URL or the server asks for it, with the system's trust store.</summary>
    public NatsTlsOptions? Tls { get; init; }

    /// <summary>Messages published here are not delivered back to this connection's own subscriptions.</summary>
    public bool NoEcho { get; init; }

    /// <summary>TCP connect; 5 s: three lost SYNs, then another server is the better try.</summary>
    public int ConnectTimeoutMs { get; init; } = 5_000;

    /// <summary>Each step after it (TLS, INFO, the first PONG); 5 s, which a server that is alive needs a thousandth of.</summary>
    public int HandshakeTimeoutMs { get; init; } = 5_000;

    /// <summary>First pause once every known server was tried in vain; doubles up to <see cref="ReconnectDelayMaxMs"/>, each drawn between half and the whole of it.</summary>
    public int ReconnectDelayMinMs { get; init; } = 100;

    /// <summary>5 s: a fleet of a thousand then asks a dead server 300 times a second at most, and finds it within seconds.</summary>
    public int ReconnectDelayMaxMs { get; init; } = 5_000;

    /// <summary>A PING this often; the default finds a dead server within 30 s where TCP would take a quarter of an hour.</summary>
    public int PingIntervalMs { get; init; } = 10_000;

    /// <summary>Intervals without a byte from the server after which the connection is given up.</summary>
    public int PingsUnansweredMax { get; init; } = 2;

    /// <summary>Bytes of published frames that wait for the socket, or for the next connection; a message is 200 B, so 8 MiB hold a tenth of a second at full speed.</summary>
    public int PendingBytesMax { get; init; } = 8 * 1024 * 1024;

    /// <summary>How long a publisher waits for room while connected; then it gets <see cref="NatsResult.TimedOut"/>.</summary>
    public int PublishTimeoutMs { get; init; } = 10_000;

    /// <summary>Publishers that wait at once; one more gets <see cref="NatsResult.BufferFull"/>.</summary>
    public int PublishWaitersMax { get; init; } = 4_096;

    /// <summary>Requests under way at once; 65,536 (16 bits of a reply's subject), each 150 B.</summary>
    public int RequestsMax { get; init; } = NatsLimits.RequestsMax;

    /// <summary>Subscriptions at once; 65,536 (16 bits of a subscription's number).</summary>
    public int SubscriptionsMax { get; init; } = NatsLimits.SubscriptionsMax;

    /// <summary>A longer message is skipped and counted; 8 MiB, what the server's own documentation calls the most that is wise.</summary>
    public int InboundBytesMax { get; init; } = 8 * 1024 * 1024;

    /// <summary>Bytes taken from the socket at once.</summary>
    public int ReceiveBytes { get; init; } = 256 * 1024;

    /// <summary>How long a drain waits for subscribers and for the last bytes.</summary>
    public int DrainTimeoutMs { get; init; } = 30_000;

    /// <summary>Servers remembered, the configured ones and those that the cluster tells of.</summary>
    public int ServersMax { get; init; } = 256;

    /// <summary>Order of servers and jitter; 0 draws a seed.</summary>
    public ulong Seed { get; init; }
}

/// <summary>TLS of a NATS connection.</summary>
public sealed record NatsTlsOptions
{
    /// <summary>Whom to trust, and the client certificate if there is one.</summary>
    public TlsTrust Trust { get; init; } = TlsTrust.System;

    /// <summary>The handshake comes before the server's INFO, as some servers and load balancers want it.</summary>
    public bool First { get; init; }
}

/// <summary>Limits that the protocol or the layout of our numbers sets.</summary>
public static class NatsLimits
{
    public const int RequestsMax = 1 << 16;
    public const int SubscriptionsMax = 1 << 16;

    /// <summary>Two subjects, two lengths and the verb stay below the server's control line of 4,096.</summary>
    public const int SubjectBytesMax = 1_024;

    /// <summary>A control line from the server; its own limit is 4,096.</summary>
    public const int LineBytesMax = 8 * 1024;

    /// <summary>INFO carries the addresses of the whole cluster.</summary>
    public const int InfoBytesMax = 64 * 1024;

    /// <summary>Header block of a message that we publish; it counts against the server's max_payload as well.</summary>
    public const int HeaderBytesMax = 64 * 1024;
}
