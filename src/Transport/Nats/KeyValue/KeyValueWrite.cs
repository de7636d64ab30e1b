using System.Security.Cryptography;
using System.Text;
using Jesus.Transport.Nats.JetStream;

namespace Jesus.Transport.Nats.KeyValue;

/// <summary>
/// One write of a key. Compare and set on a replicated stream needs more than the key's expected revision: nats-server 2.9 compares that only before it
/// replicates, so that two writers at the same moment may both be told yes. There the stream's last sequence is expected as well, which is compared when the message is
/// stored; where only that was passed by (another key was written meanwhile), it is tried again.
/// <para>
/// A server knows a repeat by its id as long as the message is kept, or it was not started anew: then it learns the ids again from the messages it has. A value that was
/// replaced before that is not among them, where the bucket keeps no history: whether it had been written cannot be told, and is not claimed.
/// </para>
/// </summary>
internal sealed class KeyValueWrite(JetStreamContext context, string stream, string subject, ReadOnlyMemory<byte> value, string operation)
{
    public const string Delete = "DEL";
    public const string Purge = "PURGE";

    /// <summary>Somebody gets through each time; so often in a row it is others only in a bucket that is written without pause.</summary>
    private const int TriesMax = 256;

    private readonly NatsSubject _subject = NatsSubject.Parse(subject);

    /// <param name="revision">The key's last one that is expected; 0 for none, null for any.</param>
    /// <returns>
    /// Its revision. <see cref="JetStreamFault.Conflict"/>: it was not written. <see cref="JetStreamFault.TimedOut"/>: its answer was lost and the key has
    /// another's value now, which may have been written over this one: the bucket keeps too little history to tell.
    /// </returns>
    public async ValueTask<JetStreamResult<ulong>> RunAsync(ulong? revision, bool isReplicated, CancellationToken cancel)
    {
        var guards = isReplicated && revision > 0;
        ulong? last = guards ? revision : null;
        for (var tries = 0; tries < TriesMax; tries++)
        {
            var id = RandomNumberGenerator.GetHexString(24, lowercase: true);
            var stored = await context.PublishAsync(_subject, value, PublishOf(id, revision, last), cancel).ConfigureAwait(false);
            if (stored.IsOk || stored.Error.Code != JetStreamErrors.WrongLastSequence || revision is null)
            {
                return stored.IsOk ? stored.Value.Sequence : stored.Error;
            }

            var (found, isOurs) = await LastAsync(id, cancel).ConfigureAwait(false);
            if (!found.IsOk || isOurs)
            {
                return found;
            }

            if (!guards || found.Value != revision)
            {
                return stored.Error.Fault == JetStreamFault.TimedOut ? await LookBackAsync(revision.Value, id, stored.Error, cancel).ConfigureAwait(false) : stored.Error;
            }

            var info = await context.StreamInfoAsync(stream, cancel).ConfigureAwait(false);
            if (!info.IsOk)
            {
                return info.Error;
            }

            last = info.Value.LastSequence;
        }

        return new JetStreamError(JetStreamFault.Unavailable, $"{subject} was not written: others wrote to the bucket {TriesMax} times in a row");
    }

    /// <summary>The key's last revision, 0 for none; and whether it is what was just sent: its acknowledgement was lost and the repeat refused.</summary>
    private async ValueTask<(JetStreamResult<ulong> Revision, bool IsOurs)> LastAsync(string id, CancellationToken cancel)
    {
        var found = await context.GetLastMessageAsync(stream, subject, cancel).ConfigureAwait(false);
        if (!found.IsOk)
        {
            return (found.Error.Code == JetStreamErrors.MessageNotFound ? 0UL : found.Error, false);
        }

        return (found.Value.Sequence, Is(id, found.Value));
    }

    /// <summary>An answer was lost and the key has another's value: whether ours stood between, by the history that is kept.</summary>
    private async ValueTask<JetStreamResult<ulong>> LookBackAsync(ulong revision, string id, JetStreamError unknown, CancellationToken cancel)
    {
        // What expected this revision can only have been stored as the one after it.
        var next = await context.GetNextMessageAsync(stream, subject, revision + 1, cancel).ConfigureAwait(false);
        if (!next.IsOk || Is(id, next.Value))
        {
            return next.IsOk ? next.Value.Sequence : unknown;
        }

        // That one is another's. It is the one after it for certain where the expected one is still there: only older ones go.
        var expected = revision > 0 ? await context.GetMessageAsync(stream, revision, cancel).ConfigureAwait(false) : unknown;
        return expected.IsOk && expected.Value.Subject == subject ? unknown with { Fault = JetStreamFault.Conflict, Text = $"{subject} was written by another" } : unknown;
    }

    private static bool Is(string id, StoredMessage message) =>
        message.Headers.TryGet("Nats-Msg-Id"u8, out var found) && found.Span.SequenceEqual(Encoding.ASCII.GetBytes(id));

    private JetStreamPublish PublishOf(string id, ulong? revision, ulong? last) => new()
    {
        MessageId = id,
        ExpectedStream = stream,
        ExpectedLastSubjectSequence = revision,
        ExpectedLastSequence = last,
        Rollup = operation == Purge ? Rollup.Subject : Rollup.None,
        Headers = operation.Length > 0 ? [("KV-Operation", operation)] : [],
    };
}
