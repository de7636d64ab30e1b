using System.Globalization;
using System.Security.Cryptography;
using Jesus.Transport.Nats.JetStream;

namespace Jesus.Transport.Nats.ObjectStore;

/// <summary>Copies an object's chunks in their order and checks that they are what its digest says.</summary>
internal static class ChunkDownload
{
    public static async ValueTask<JetStreamError> CopyAsync(OrderedConsumer chunks, ObjectInfo info, Stream destination, CancellationToken cancel)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var left = info.Size;
        while (left > 0)
        {
            var read = await chunks.ReadAsync(cancel).ConfigureAwait(false);
            if (!read.IsOk)
            {
                return read.Error;
            }

            using var chunk = read.Value;
            if (chunk.IsNone || chunk.Payload.Length > left)
            {
                var how = chunk.IsNone ? "lacks" : "has more than";
                return Corrupt(info, string.Create(CultureInfo.InvariantCulture, $"{how} the last {left} of {info.Size} bytes; it was replaced while it was read, or damaged"));
            }

            hash.AppendData(chunk.Payload.Span);
            await destination.WriteAsync(chunk.Payload, cancel).ConfigureAwait(false);
            left -= chunk.Payload.Length;
        }

        return hash.GetHashAndReset().AsSpan().SequenceEqual(info.Digest.Span) ? default : Corrupt(info, "has another SHA-256 than was stored with it");
    }

    private static JetStreamError Corrupt(ObjectInfo info, string how) => new(JetStreamFault.Corrupt, $"object '{info.Name}' of bucket '{info.Bucket}' {how}");
}
