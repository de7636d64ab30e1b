namespace Jesus.Transport.Http;

/// <summary>Why an exchange failed below the level of status codes.</summary>
public enum HttpFault : byte
{
    None,

    /// <summary>No connection: refused, unreachable, unknown name, or too slow. Nothing was sent.</summary>
    ConnectFailed,

    /// <summary>No TLS over the connection: the server's certificate, its alert, or no TLS at all. Nothing was sent, or nothing of it was taken.</summary>
    TlsFailed,

    /// <summary>Every connection is in use (<see cref="HttpUpstreamOptions.ConnectionsMax"/>). Nothing was sent.</summary>
    Busy,

    /// <summary>The peer closed or reset before any byte of the response; the request may have been acted on.</summary>
    NoResponse,

    /// <summary>The body ended before its end.</summary>
    Cut,

    /// <summary>Head or body took too long.</summary>
    TimedOut,

    /// <summary>Not HTTP/1.x, or a head or chunk that breaks the grammar or a limit.</summary>
    Malformed,
    Cancelled,
}

/// <summary>An expected failure: what happened, in words that name the peer.</summary>
public readonly record struct HttpError(HttpFault Fault, string Message)
{
    public bool IsNone => Fault == HttpFault.None;
}
