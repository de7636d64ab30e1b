namespace Jesus.Transport.Nats;

/// <summary>What the server says of itself in INFO.</summary>
public sealed record NatsServerInfo
{
    public const int DefaultMaxPayload = 1024 * 1024;

    public string Id { get; init; } = "";
    public string Name { get; init; } = "";
    public string Version { get; init; } = "";
    public string Cluster { get; init; } = "";

    /// <summary>Ours, as the server sees it.</summary>
    public ulong ClientId { get; init; }

    /// <summary>Bytes of a message, headers included.</summary>
    public int MaxPayload { get; init; } = DefaultMaxPayload;
    public bool Headers { get; init; }
    public bool JetStream { get; init; }
    public bool TlsRequired { get; init; }
    public bool TlsAvailable { get; init; }
    public bool AuthRequired { get; init; }
    public bool LameDuck { get; init; }

    /// <summary>To be signed by whoever has an nkey.</summary>
    public string Nonce { get; init; } = "";

    /// <summary>host:port of the cluster's servers.</summary>
    public IReadOnlyList<string> ConnectUrls { get; init; } = [];

    /// <summary>host:port that we are connected to.</summary>
    public string Address { get; init; } = "";
}
