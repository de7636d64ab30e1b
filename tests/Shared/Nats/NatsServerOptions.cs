namespace Jesus.Tests.Nats;

/// <summary>What a <see cref="NatsServer"/> of the tests is started with. Nothing set: one server that lets everybody in, without JetStream.</summary>
internal sealed record NatsServerOptions
{
    public string Name { get; init; } = "one";

    /// <summary>JetStream with its store in the server's own folder, which stays over kill and restart.</summary>
    public bool JetStream { get; init; }

    /// <summary>JetStream's domain; a leaf node wants its own.</summary>
    public string Domain { get; init; } = "";

    /// <summary>TLS towards clients. nats-server 2.9 always says its INFO in the clear first; for TLS first put <see cref="FaultProxy.TlsFirst"/> before it.</summary>
    public NatsTls? Tls { get; init; }

    /// <summary>Without a certificate of the same authority no client is let in. Needs <see cref="Tls"/>.</summary>
    public bool MutualTls { get; init; }

    /// <summary>Who may come in, as it stands in a server's configuration: see <see cref="NatsAuth"/>.</summary>
    public string Auth { get; init; } = "";

    /// <summary>Largest message, in bytes; 0: the server's own limit of 1 MiB.</summary>
    public int MaxPayload { get; init; }

    /// <summary>Accepts leaf nodes on <see cref="NatsServer.LeafPort"/>.</summary>
    public bool AcceptLeaves { get; init; }

    /// <summary>Is itself a leaf of the server whose leaf port this is (or of a proxy before it).</summary>
    public int LeafOf { get; init; }

    /// <summary>Anything else, as it stands in a configuration file.</summary>
    public string Extra { get; init; } = "";

    /// <summary>A configuration file to be tried as it is; of what else stands here only the ports are heeded, as the command line overrides them.</summary>
    public string ConfigFile { get; init; } = "";

    /// <summary>Logs every protocol line; for finding out.</summary>
    public bool Trace { get; init; }
}
