using System.Text;
using Jesus.Transport.Nats.JetStream;

namespace Jesus.Transport.Nats.KeyValue;

/// <summary>What a revision of a key is.</summary>
public enum KeyValueOperation : byte
{
    Put,

    /// <summary>The key was deleted; its history stays.</summary>
    Delete,

    /// <summary>The key was deleted with its history.</summary>
    Purge,
}

/// <summary>One revision of a key; a copy of its own.</summary>
/// <param name="Revision">Sequence in the bucket: grows with every write of any key.</param>
public sealed record KeyValueEntry(string Key, ReadOnlyMemory<byte> Value, ulong Revision, DateTimeOffset At, KeyValueOperation Operation)
{
    public bool IsDeleted => Operation != KeyValueOperation.Put;

    internal static KeyValueEntry Of(string prefix, StoredMessage message) =>
        new(message.Subject[prefix.Length..], message.Payload, message.Sequence, message.At, OperationOf(message.Headers));

    internal static KeyValueEntry Of(string prefix, in JetStreamMessage message) => new(
        Encoding.UTF8.GetString(message.Subject.Span[prefix.Length..]), message.Payload.ToArray(), message.Metadata.StreamSequence, message.Metadata.At,
        OperationOf(message.Headers));

    private static KeyValueOperation OperationOf(NatsHeadersView headers)
    {
        if (!headers.TryGet("KV-Operation"u8, out var word))
        {
            return KeyValueOperation.Put;
        }

        return word.Span.SequenceEqual("DEL"u8) ? KeyValueOperation.Delete
            : word.Span.SequenceEqual("PURGE"u8) ? KeyValueOperation.Purge
            : KeyValueOperation.Put;
    }
}

/// <summary>What a watch tells: a revision, or once that all that was stored has been told.</summary>
public readonly record struct KeyValueUpdate(KeyValueEntry? Entry)
{
    public bool IsEndOfInitialData => Entry is null;
}
