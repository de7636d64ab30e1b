namespace Jesus.Transport.Nats.JetStream;

/// <summary>Why something came to nothing.</summary>
public enum JetStreamFault : byte
{
    None,

    /// <summary>Nobody listens: JetStream is off, no stream takes the subject, or a leader is being elected.</summary>
    NoResponders,

    /// <summary>No answer in time: a write may or may not have been stored.</summary>
    TimedOut,

    /// <summary>The connection broke before the answer: as <see cref="TimedOut"/>.</summary>
    Disconnected,
    Cancelled,

    /// <summary>The stream, consumer, message, key or object does not exist.</summary>
    NotFound,

    /// <summary>Somebody else was first: the expected sequence, revision or message id is not the last one, or the key or stream exists already.</summary>
    Conflict,

    /// <summary>The server took the request but left out a field that it does not know; the text names the field.</summary>
    Ignored,

    /// <summary>The server refused; the text is its own.</summary>
    Refused,

    /// <summary>Not now, perhaps later, and nothing was done: not connected, a leader is missing, or the server starts.</summary>
    Unavailable,

    /// <summary>An answer that this client does not understand.</summary>
    Malformed,

    /// <summary>A name or option that is not allowed; nothing was sent.</summary>
    WrongName,

    /// <summary>A message or object is larger than may be taken.</summary>
    TooLarge,

    /// <summary>The content is not what its digest or length says.</summary>
    Corrupt,
}

/// <summary>What went wrong, as a value: nothing here throws for what a network or a server may do.</summary>
/// <param name="Text">For a person: names the thing and the remedy.</param>
/// <param name="Code">The server's <c>err_code</c>; 0 when it gave none.</param>
public readonly record struct JetStreamError(JetStreamFault Fault, string Text, int Code = 0)
{
    public bool IsNone => Fault == JetStreamFault.None;

    /// <summary>The same request may succeed a little later, and nothing says that it was done.</summary>
    public bool IsPassing => Fault is JetStreamFault.NoResponders or JetStreamFault.TimedOut or JetStreamFault.Disconnected or JetStreamFault.Unavailable;

    public override string ToString() => IsNone ? "no error" : Code == 0 ? $"{Fault}: {Text}" : $"{Fault} ({Code}): {Text}";
}

/// <summary>A value, or why there is none.</summary>
public readonly record struct JetStreamResult<T>(JetStreamError Error, T? Value)
{
    [System.Diagnostics.CodeAnalysis.MemberNotNullWhen(true, nameof(Value))]
    public bool IsOk => Error.IsNone;

    public JetStreamResult(T value)
        : this(default, value)
    {
    }

    public static implicit operator JetStreamResult<T>(JetStreamError error) => new(error, default);

    public static implicit operator JetStreamResult<T>(T value) => new(default, value);
}
