namespace Jesus.Transport.Http;

/// <summary>A request as it is written: byte ranges of the caller's, valid until the response's head has come.</summary>
public readonly record struct HttpRequest
{
    /// <summary><c>GET</c>, <c>POST</c>, ...</summary>
    public required ReadOnlyMemory<byte> Method { get; init; }

    /// <summary>Path and query, percent-encoded, from the slash on.</summary>
    public required ReadOnlyMemory<byte> Path { get; init; }

    /// <summary>Whole header lines, each ended by CR LF, the same for every request of a caller; without Host, Content-Length and Connection.</summary>
    public ReadOnlyMemory<byte> FixedHeaders { get; init; }

    /// <summary>Whole header lines of this request alone.</summary>
    public ReadOnlyMemory<byte> Headers { get; init; }
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>
    /// Acting on it twice does no harm: a kept connection that turns out to be closed is then replaced once, if no byte of a response came. Not for
    /// requests that cost money.
    /// </summary>
    public bool SafeToResend { get; init; }
}
