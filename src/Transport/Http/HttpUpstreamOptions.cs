namespace Jesus.Transport.Http;

/// <summary>Limits of one upstream's connections.</summary>
public sealed record HttpUpstreamOptions
{
    /// <summary>Milliseconds to connect, TLS included; 5 s: three lost SYNs, then the next candidate is better.</summary>
    public int ConnectTimeoutMs { get; init; } = 5_000;

    /// <summary>Milliseconds from the request to the response's head; 10 minutes, since a model may think before its first byte: callers cancel earlier.</summary>
    public int HeadTimeoutMs { get; init; } = 600_000;

    /// <summary>Milliseconds between two reads of a body; 10 minutes, for the same reason.</summary>
    public int BodyIdleTimeoutMs { get; init; } = 600_000;

    /// <summary>Milliseconds that an unused connection is kept; 55 s, just under the minute after which common load balancers drop it.</summary>
    public int KeepAliveMs { get; init; } = 55_000;

    /// <summary>Connections kept open ahead of calls, handshakes done: 0 opens one only for a call, at most 64.</summary>
    public int WarmConnections { get; init; }

    /// <summary>Connections open at once, in use or kept; 1,024, each up to 32 KB of buffers while in use.</summary>
    public int ConnectionsMax { get; init; } = 1_024;

    /// <summary>Bytes of a response's head; 32 KiB, twice what common servers send at most.</summary>
    public int HeadBytesMax { get; init; } = 32 * 1024;

    /// <summary>Header fields of a response; 128.</summary>
    public int HeadersMax { get; init; } = 128;
}
