namespace Jesus.Transport.Nats;

public enum NatsEventKind : byte
{
    Connected,
    Disconnected,

    /// <summary>A server could not be reached or refused us; told once an outage, and again when the reason changes.</summary>
    ConnectFailed,

    /// <summary>The cluster told of servers that were not known.</summary>
    ServersDiscovered,

    /// <summary>The server is about to stop; the client moves to another when there is one.</summary>
    LameDuck,

    /// <summary>A subscription's limit was reached and messages are being dropped; told once an episode, which ends when half of the limit is free again.</summary>
    SlowConsumer,

    /// <summary>The server refused one thing and keeps the connection: a permission that lacks, say.</summary>
    ServerError,
    Closed,
}

/// <summary>Something that an operator may want to know.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Server">Host and port; empty where none is concerned.</param>
/// <param name="Detail">The reason, or the subscription's subject.</param>
/// <param name="Count">Messages dropped up to now, servers known, or 0.</param>
public readonly record struct NatsEvent(NatsEventKind Kind, string Server, string Detail, long Count = 0);

/// <summary>Hears of a connection's events, one at a time and in order, on a thread of the pool: a slow observer delays later events and nothing else.</summary>
public interface INatsObserver
{
    void Observe(in NatsEvent what);
}
