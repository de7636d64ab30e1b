namespace Jesus.Transport.Http;

/// <summary>There is a connection, and no TLS over it; the message says what about the peer is wrong and what may mend it.</summary>
internal sealed class TlsFailedException(string message, Exception cause) : IOException(message, cause);
