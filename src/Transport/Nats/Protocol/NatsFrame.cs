namespace Jesus.Transport.Nats.Protocol;

internal enum NatsVerb : byte
{
    /// <summary>The line is not whole yet.</summary>
    None,
    Msg,
    Ping,
    Pong,
    Ok,
    Err,
    Info,

    /// <summary>Not the protocol; the connection is of no more use.</summary>
    Malformed,
}

/// <summary>One control line, as places within it. For a message the body (headers, payload) and a line break follow the line.</summary>
internal struct NatsFrame
{
    public NatsVerb Verb;

    /// <summary>With its line break.</summary>
    public int LineLength;
    public int SubjectAt;
    public int SubjectLength;
    public int ReplyAt;
    public int ReplyLength;
    public long Sid;
    public int HeadersLength;

    /// <summary>Headers and payload.</summary>
    public int BodyLength;

    /// <summary>Where the words of INFO and -ERR begin.</summary>
    public int TextAt;

    /// <summary>A message's bytes in all.</summary>
    public readonly int Length => LineLength + BodyLength + 2;
}
