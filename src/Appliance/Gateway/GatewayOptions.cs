namespace Jesus.Appliance.Gateway;

/// <summary>The HTTP door: where it is and what it bears. Config section <c>listen</c>.</summary>
public sealed record GatewayOptions
{
    /// <summary>Address of the HTTP port; only loopback by default, since a key travels in clear. Port 0 takes a free one.</summary>
    public string Http { get; init; } = "http://127.0.0.1:7470";

    /// <summary>Unix socket for the box's own users; empty means <c>jesus.sock</c> in the state folder.</summary>
    public string Socket { get; init; } = "";

    /// <summary>Bytes of a request body; 16 MiB holds a 1 M token prompt as text with room for tools, and bounds what one client can make the box hold.</summary>
    public long MaxBodyBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>Open connections; each costs about 20 KB, so 1,024 stay below 20 MB.</summary>
    public int MaxConnections { get; init; } = 1024;

    /// <summary>Answers to one prompt (<c>n</c>); each is a sequence of the engine's batch.</summary>
    public int MaxChoices { get; init; } = 8;

    /// <summary>Messages of one request; beyond it a conversation is not one of people or agents.</summary>
    public int MaxMessages { get; init; } = 4096;

    /// <summary>Tools of one request (OpenAI's own limit).</summary>
    public int MaxTools { get; init; } = 128;

    /// <summary>Stop texts of one request; OpenAI takes 4, other servers more.</summary>
    public int MaxStops { get; init; } = 16;

    /// <summary>Seconds between comment lines on a quiet event stream, below the 30 s after which proxies close a silent one.</summary>
    public int HeartbeatSeconds { get; init; } = 15;

    /// <summary>Event streams open at once; each holds a connection and a watcher.</summary>
    public int MaxEventStreams { get; init; } = 256;
}
