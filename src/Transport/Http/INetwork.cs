using System.IO.Pipelines;

namespace Jesus.Transport.Http;

/// <summary>Where a connection goes. <paramref name="Host"/> is a name or an address; under TLS it is also the name that the certificate must carry.</summary>
public readonly record struct NetworkTarget(string Host, int Port, bool Tls)
{
    /// <summary>Whoever asks reads with a thread of its own that may wait, and takes the connection as a stream; only without TLS, which it then begins itself.</summary>
    public bool HasOwnThread { get; init; }

    public override string ToString() => $"{Host}:{Port}";
}

/// <summary>The network as rooms see it, so that a test can refuse, delay, cut and garble.</summary>
public interface INetwork
{
    /// <summary>Connects, TLS handshake included.</summary>
    /// <exception cref="IOException">Unreachable, refused, unknown name, or a handshake that failed; the message says which.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    ValueTask<INetworkConnection> ConnectAsync(NetworkTarget target, CancellationToken cancel);
}

/// <summary>An open connection. Reads and writes that fail throw <see cref="IOException"/>; an abort makes those under way fail.</summary>
public interface INetworkConnection : IDuplexPipe
{
    /// <summary>Nothing suggests that the peer has closed; asked of an idle connection before it is used again.</summary>
    bool LooksAlive { get; }

    /// <summary>The same of a connection that was opened ahead and never used: a TLS server may have sent it session tickets, which nobody has read yet.</summary>
    bool LooksFresh => LooksAlive;

    /// <summary>Its bytes are waited for by the very thread that asks: a call over it wakes no other.</summary>
    bool IsNear => false;

    /// <summary>The same bytes, for a protocol that owns its buffers or begins TLS later; whoever takes the stream leaves the pipes alone.</summary>
    Stream AsStream() => new DuplexPipeStream(this);

    /// <summary>Closes at once, from any thread, any number of times.</summary>
    void Abort();
}
