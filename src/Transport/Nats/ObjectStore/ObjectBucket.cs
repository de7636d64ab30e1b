using System.Security.Cryptography;
using Jesus.Transport.Nats.JetStream;

namespace Jesus.Transport.Nats.ObjectStore;

/// <summary>
/// Objects of any size in a stream (ADR-20): chunks of 128 KiB under an id of their own, then one message that names them. An object is seen from that message on, so
/// one whose upload broke off is never seen; its chunks are purged, by <see cref="SweepAsync"/> where the writer died. Thread-safe.
/// </summary>
public sealed class ObjectBucket
{
    /// <summary>ADR-20's default, which every client reads.</summary>
    public const int ChunkBytes = 128 * 1024;

    /// <summary>Chunks asked for ahead of the reader: 2 MiB hide a round trip and bound what a slow reader holds.</summary>
    private const int ChunksAhead = 16;

    /// <summary>Names are tokens of a subject: base64 makes 680 of so many bytes.</summary>
    private const int NameBytesMax = 512;

    private readonly JetStreamContext _context;
    private readonly string _stream;

    private ObjectBucket(JetStreamContext context, string bucket)
    {
        _context = context;
        Bucket = bucket;
        _stream = ObjectConfig.StreamOf(bucket);
    }

    public string Bucket { get; }

    /// <summary>Creates a bucket; one that exists with the same configuration is as good.</summary>
    public static async ValueTask<JetStreamResult<ObjectBucket>> CreateAsync(JetStreamContext context, ObjectConfig config, CancellationToken cancel = default)
    {
        var wrong = config.Check();
        var made = wrong.IsNone ? await context.CreateStreamAsync(config.ToStream(), cancel).ConfigureAwait(false) : wrong;
        return made.IsOk ? new ObjectBucket(context, config.Bucket) : made.Error;
    }

    /// <summary>A bucket that exists already.</summary>
    public static async ValueTask<JetStreamResult<ObjectBucket>> OpenAsync(JetStreamContext context, string bucket, CancellationToken cancel = default)
    {
        var wrong = JetStreamNames.CheckBucket(bucket);
        var found = wrong.IsNone ? await context.StreamInfoAsync(ObjectConfig.StreamOf(bucket), cancel).ConfigureAwait(false) : wrong;
        return found.IsOk ? new ObjectBucket(context, bucket) : found.Error;
    }

    public ValueTask<JetStreamResult<StreamInfo>> StatusAsync(CancellationToken cancel = default) => _context.StreamInfoAsync(_stream, cancel);

    /// <summary>Stores an object, in place of one of that name. Nothing is seen of it before the whole is there.</summary>
    /// <param name="source">Read from where it stands to its end. What it throws is thrown on, after the chunks are purged.</param>
    public async ValueTask<JetStreamResult<ObjectInfo>> PutAsync(string name, Stream source, string description = "", CancellationToken cancel = default)
    {
        if (CheckName(name) is { IsNone: false } wrong)
        {
            return wrong;
        }

        var before = await MetaAsync(name, cancel).ConfigureAwait(false);
        if (!before.IsOk && before.Error.Fault != JetStreamFault.NotFound)
        {
            return before.Error;
        }

        var id = RandomNumberGenerator.GetHexString(22, lowercase: true);
        var whole = false;
        try
        {
            var upload = new ChunkUpload(_context, NatsSubject.Parse(ChunkSubject(id)), _stream, id);
            var error = await upload.SendAllAsync(source, cancel).ConfigureAwait(false);
            var info = new ObjectInfo
            {
                Name = name,
                Description = description,
                Bucket = Bucket,
                Id = id,
                Size = upload.Size,
                Chunks = upload.Chunks,
                Digest = upload.Digest,
                ModifiedAt = _context.Time.GetUtcNow(),
            };
            var told = error.IsNone ? await TellAsync(info, cancel).ConfigureAwait(false) : error;
            whole = told.IsOk || MayHaveBeenTold(error, told.Error);
            if (told.IsOk && before.IsOk && !before.Value.IsDeleted)
            {
                _ = await _context.PurgeStreamAsync(_stream, ChunkSubject(before.Value.Id), cancel: cancel).ConfigureAwait(false);
            }

            return told.IsOk ? info with { Revision = told.Value } : told.Error;
        }
        finally
        {
            if (!whole)
            {
                _ = await _context.PurgeStreamAsync(_stream, ChunkSubject(id), cancel: CancellationToken.None).ConfigureAwait(false);
            }
        }
    }

    /// <summary>What is known of an object; <see cref="JetStreamFault.NotFound"/> where there is none, or it was deleted.</summary>
    public async ValueTask<JetStreamResult<ObjectInfo>> InfoAsync(string name, CancellationToken cancel = default)
    {
        var meta = await MetaAsync(name, cancel).ConfigureAwait(false);
        return meta.IsOk && meta.Value.IsDeleted ? Missing(name) : meta;
    }

    /// <summary>Writes an object to a stream and checks length and digest.</summary>
    /// <returns><see cref="JetStreamFault.Corrupt"/> when they differ: then what was written must not be used.</returns>
    /// <param name="destination">What it throws is thrown on.</param>
    public async ValueTask<JetStreamResult<ObjectInfo>> GetAsync(string name, Stream destination, CancellationToken cancel = default)
    {
        var found = await InfoAsync(name, cancel).ConfigureAwait(false);
        if (!found.IsOk)
        {
            return found.Error;
        }

        var opened = _context.OpenOrdered(_stream, new OrderedOptions
        {
            FilterSubject = ChunkSubject(found.Value.Id),
            TellsEnd = true,
            Pull = new PullOptions { Batch = ChunksAhead },
        });
        if (!opened.IsOk)
        {
            return opened.Error;
        }

        await using var chunks = opened.Value;
        var error = await ChunkDownload.CopyAsync(chunks, found.Value, destination, cancel).ConfigureAwait(false);
        return error.IsNone ? found : error;
    }

    /// <summary>Marks an object as deleted and removes its chunks.</summary>
    public async ValueTask<JetStreamError> DeleteAsync(string name, CancellationToken cancel = default)
    {
        var found = await InfoAsync(name, cancel).ConfigureAwait(false);
        if (!found.IsOk)
        {
            return found.Error;
        }

        var gone = found.Value with { IsDeleted = true, Size = 0, Chunks = 0, Digest = default, ModifiedAt = _context.Time.GetUtcNow() };
        var told = await TellAsync(gone, cancel).ConfigureAwait(false);
        return told.IsOk ? (await _context.PurgeStreamAsync(_stream, ChunkSubject(found.Value.Id), cancel: cancel).ConfigureAwait(false)).Error : told.Error;
    }

    /// <summary>The objects that there are.</summary>
    public async ValueTask<JetStreamResult<IReadOnlyList<ObjectInfo>>> ListAsync(CancellationToken cancel = default)
    {
        var opened = _context.OpenOrdered(_stream, new OrderedOptions { FilterSubject = MetaPrefix + ">", Deliver = DeliverPolicy.LastPerSubject, TellsEnd = true });
        if (!opened.IsOk)
        {
            return opened.Error;
        }

        await using var metas = opened.Value;
        var objects = new List<ObjectInfo>();
        while (true)
        {
            var read = await metas.ReadAsync(cancel).ConfigureAwait(false);
            if (!read.IsOk)
            {
                return read.Error;
            }

            using var message = read.Value;
            if (message.IsNone)
            {
                return new JetStreamResult<IReadOnlyList<ObjectInfo>>(objects);
            }

            if (ObjectInfo.Read(message.Payload, message.Metadata.StreamSequence) is { IsDeleted: false } info)
            {
                objects.Add(info);
            }
        }
    }

    /// <summary>Purges chunks that belong to no object and were written before <paramref name="olderThan"/>: what a writer that died left behind.</summary>
    /// <returns>How many such uploads there were.</returns>
    public async ValueTask<JetStreamResult<int>> SweepAsync(DateTimeOffset olderThan, CancellationToken cancel = default)
    {
        var listed = await ListAsync(cancel).ConfigureAwait(false);
        if (!listed.IsOk)
        {
            return listed.Error;
        }

        var kept = new HashSet<string>(StringComparer.Ordinal);
        foreach (var info in listed.Value)
        {
            kept.Add(info.Id);
        }

        return await new ChunkSweep(_context, _stream, $"$O.{Bucket}.C.").RunAsync(kept, olderThan, cancel).ConfigureAwait(false);
    }

    private string MetaPrefix => $"$O.{Bucket}.M.";

    private string ChunkSubject(string id) => $"$O.{Bucket}.C.{id}";

    /// <summary>A lost answer to the naming message leaves open whether the object is seen: its chunks must stay.</summary>
    private static bool MayHaveBeenTold(JetStreamError chunks, JetStreamError told) =>
        chunks.IsNone && told.Fault is JetStreamFault.TimedOut or JetStreamFault.Disconnected or JetStreamFault.Cancelled;

    private async ValueTask<JetStreamResult<ulong>> TellAsync(ObjectInfo info, CancellationToken cancel)
    {
        var publish = new JetStreamPublish
        {
            ExpectedStream = _stream,
            MessageId = $"{info.Id}-{(info.IsDeleted ? "gone" : "meta")}",
            Rollup = Rollup.Subject,
        };
        var stored = await _context.PublishAsync(NatsSubject.Parse(MetaPrefix + ObjectInfo.Token(info.Name)), info.Encode(), publish, cancel).ConfigureAwait(false);
        return stored.IsOk ? stored.Value.Sequence : stored.Error;
    }

    private async ValueTask<JetStreamResult<ObjectInfo>> MetaAsync(string name, CancellationToken cancel)
    {
        if (CheckName(name) is { IsNone: false } wrong)
        {
            return wrong;
        }

        var found = await _context.GetLastMessageAsync(_stream, MetaPrefix + ObjectInfo.Token(name), cancel).ConfigureAwait(false);
        if (!found.IsOk)
        {
            return found.Error.Code == JetStreamErrors.MessageNotFound ? Missing(name) : found.Error;
        }

        return ObjectInfo.Read(found.Value.Payload, found.Value.Sequence) is { } info
            ? info
            : new JetStreamError(JetStreamFault.Malformed, $"what bucket '{Bucket}' says of '{name}' is not understood");
    }

    private static JetStreamError CheckName(string name) => name.Length > 0 && System.Text.Encoding.UTF8.GetByteCount(name) <= NameBytesMax
        ? default
        : JetStreamNames.Wrong($"an object's name has 1 to {NameBytesMax} bytes");

    private JetStreamError Missing(string name) => new(JetStreamFault.NotFound, $"bucket '{Bucket}' has no object '{name}'");
}
