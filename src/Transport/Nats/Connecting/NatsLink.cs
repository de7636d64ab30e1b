using Jesus.Transport.Http;

namespace Jesus.Transport.Nats.Connecting;

/// <summary>A connection whose handshake is done.</summary>
internal sealed record NatsLink(ServerAddress Server, INetworkConnection Network, Stream Stream, NatsServerInfo Info, ReceiveBuffer Buffer);
