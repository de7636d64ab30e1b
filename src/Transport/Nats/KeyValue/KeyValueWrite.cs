using System.Security.Cryptography;
using System.Text;
using Jesus.Transport.Nats.JetStream;

namespace Jesus.Transport.Nats.KeyValue;

/// <summary>
/// One write of a key. Compare and set on a replicated stream needs more than the key's expected revision: nats-server 2.9 compares that only before it
/// replicates, so that two writers at the same moment may both be told yes. There the stream's last sequence is expected as well, which is compared when the message is
/// stored; where only that was passed by (another key was written meanwhile), it is tried again.
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
    /// another's value now, which may have been written over this one.
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
                // One server alone looks at the id first: what it had stored it would have acknowledged again.
                return isReplicated ? stored.Error : stored.Error with { Fault = JetStreamFault.Conflict };
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

        var isOurs = found.Value.Headers.TryGet("Nats-Msg-Id"u8, out var last) && last.Span.SequenceEqual(Encoding.ASCII.GetBytes(id));
        return (found.Value.Sequence, isOurs);
    }

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
