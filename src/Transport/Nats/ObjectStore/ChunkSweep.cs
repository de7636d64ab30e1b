using System.Text;
using Jesus.Transport.Nats.JetStream;

namespace Jesus.Transport.Nats.ObjectStore;

/// <summary>Finds chunks without an object.</summary>
internal sealed class ChunkSweep(JetStreamContext context, string stream, string prefix)
{
    /// <param name="kept">Ids of the objects that there are.</param>
    /// <returns>Uploads purged.</returns>
    public async ValueTask<JetStreamResult<int>> RunAsync(HashSet<string> kept, DateTimeOffset olderThan, CancellationToken cancel)
    {
        var opened = context.OpenOrdered(stream, new OrderedOptions { FilterSubject = prefix + ">", Deliver = DeliverPolicy.LastPerSubject, HeadersOnly = true, TellsEnd = true });
        if (!opened.IsOk)
        {
            return opened.Error;
        }

        var purged = 0;
        await using var chunks = opened.Value;
        while (true)
        {
            var read = await chunks.ReadAsync(cancel).ConfigureAwait(false);
            if (!read.IsOk)
            {
                return read.Error;
            }

            using var chunk = read.Value;
            if (chunk.IsNone)
            {
                return purged;
            }

            var subject = Encoding.UTF8.GetString(chunk.Subject.Span);
            if (chunk.Metadata.At < olderThan && !kept.Contains(subject[prefix.Length..]))
            {
                var gone = await context.PurgeStreamAsync(stream, subject, cancel: cancel).ConfigureAwait(false);
                purged += gone.IsOk ? 1 : 0;
            }
        }
    }
}
