using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using Jesus.Transport.Nats.JetStream;

namespace Jesus.Transport.Nats.ObjectStore;

/// <summary>
/// Sends a stream's bytes as chunks. One is under way while the next is read, never two: each names its predecessor's sequence, so that no lost answer, repeat or
/// reconnect can change their order.
/// </summary>
internal sealed class ChunkUpload(JetStreamContext context, NatsSubject subject, string stream, string id)
{
    private ulong _lastSequence;

    public long Size { get; private set; }
    public int Chunks { get; private set; }
    public ReadOnlyMemory<byte> Digest { get; private set; }

    public async ValueTask<JetStreamError> SendAllAsync(Stream source, CancellationToken cancel)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var filling = ArrayPool<byte>.Shared.Rent(ObjectBucket.ChunkBytes);
        var sending = ArrayPool<byte>.Shared.Rent(ObjectBucket.ChunkBytes);
        var underWay = Task.FromResult(default(JetStreamError));
        try
        {
            while (true)
            {
                var length = await source
                    .ReadAtLeastAsync(filling.AsMemory(0, ObjectBucket.ChunkBytes), ObjectBucket.ChunkBytes, throwOnEndOfStream: false, cancel).ConfigureAwait(false);
                hash.AppendData(filling, 0, length);
                if (await underWay.ConfigureAwait(false) is { IsNone: false } error)
                {
                    return error;
                }

                if (length == 0)
                {
                    Digest = hash.GetHashAndReset();
                    return default;
                }

                (filling, sending) = (sending, filling);
                underWay = SendAsync(sending.AsMemory(0, length), cancel);
            }
        }
        finally
        {
            // The source or the caller gave up: the buffer is in use until the answer has come or been given up.
            _ = await underWay.ConfigureAwait(false);
            ArrayPool<byte>.Shared.Return(filling);
            ArrayPool<byte>.Shared.Return(sending);
        }
    }

    private async Task<JetStreamError> SendAsync(ReadOnlyMemory<byte> chunk, CancellationToken cancel)
    {
        Chunks++;
        Size += chunk.Length;
        var publish = new JetStreamPublish
        {
            ExpectedStream = stream,
            ExpectedLastSubjectSequence = _lastSequence,
            MessageId = string.Create(CultureInfo.InvariantCulture, $"{id}-{Chunks}"),
        };
        var stored = await context.PublishAsync(subject, chunk, publish, cancel).ConfigureAwait(false);
        _lastSequence = stored.IsOk ? stored.Value.Sequence : 0;
        return stored.Error;
    }
}
