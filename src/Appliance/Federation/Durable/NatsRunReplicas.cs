using System.Text;
using Jesus.Transport.Nats;
using Jesus.Transport.Nats.JetStream;
using Jesus.Transport.Nats.KeyValue;
using Jesus.Transport.Nats.ObjectStore;

namespace Jesus.Appliance.Federation.Durable;

/// <summary>
/// What a cluster keeps of its runs, in JetStream. Bucket <c>jesus_C_runs</c>: the record under RUN, parts of its log under <c>RUN.p.EPOCH.PART</c>, orders under
/// <c>RUN.o.ORDER</c>. Object bucket <c>jesus_C_artifacts</c>: payloads by their SHA-256. Work queue <c>jesus_C_submits</c> over <c>jesus.C.run.submit.*</c> with
/// one consumer, <c>takers</c>, that every box pulls from.
/// </summary>
internal sealed class NatsRunReplicas : IRunReplicas
{
    private const string Consumer = "takers";

    /// <summary>A message comes again after so long without an answer: a box that died while it took one.</summary>
    private static readonly TimeSpan AckWait = TimeSpan.FromSeconds(30);

    /// <summary>For how long a box waits for a submission before it looks again whether it has room.</summary>
    private static readonly TimeSpan TakeWait = TimeSpan.FromSeconds(5);

    /// <summary>For how long a submission's id is remembered: longer than anybody sends one again.</summary>
    private static readonly TimeSpan DuplicateWindow = TimeSpan.FromMinutes(2);

    /// <summary>Parts read one by one; more are read as a stream.</summary>
    private const int SinglesMax = 4;

    private readonly JetStreamContext _context;
    private readonly DurableOptions _options;
    private readonly TimeProvider _time;
    private readonly string _cluster;
    private readonly string _queue;
    private readonly NatsSubject _submit;
    private KeyValueBucket? _runs;
    private ObjectBucket? _blobs;

    public NatsRunReplicas(NatsConnection connection, string cluster, string self, DurableOptions options, TimeProvider time)
    {
        // The keeper tries again by itself and must know soon that something did not come through.
        _context = new JetStreamContext(connection, time, new JetStreamOptions { AnswerWithin = TimeSpan.FromSeconds(2), Patience = TimeSpan.FromSeconds(2) });
        (_options, _time, _cluster, _queue) = (options, time, cluster, $"jesus_{cluster}_submits");
        _submit = NatsSubject.Parse($"jesus.{cluster}.run.submit.{self}");
    }

    public async ValueTask<ReplicaAnswer<bool>> OpenAsync(CancellationToken cancel)
    {
        var runs = await RunsAsync(cancel);
        if (!runs.IsOk)
        {
            return Not<bool>(runs.Error);
        }

        var blobs = await BlobsAsync(cancel);
        var queue = blobs.IsOk ? await QueueAsync(cancel) : blobs.Error;
        if (!queue.IsNone)
        {
            return Not<bool>(queue);
        }

        (_runs, _blobs) = (runs.Value, blobs.Value);
        return ReplicaAnswer<bool>.Of(true);
    }

    public async ValueTask<ReplicaAnswer<ulong>> WriteAsync(string runId, ReadOnlyMemory<byte> record, ulong expected, CancellationToken cancel)
    {
        if (_runs is not { } runs)
        {
            return NotOpen<ulong>();
        }

        return Answer(expected == 0 ? await runs.CreateAsync(runId, record, cancel) : await runs.UpdateAsync(runId, record, expected, cancel));
    }

    public async ValueTask<ReplicaAnswer<StoredRecord>> ReadAsync(string runId, CancellationToken cancel)
    {
        if (_runs is not { } runs)
        {
            return NotOpen<StoredRecord>();
        }

        var found = await runs.GetAsync(runId, cancel);
        return found.IsOk ? ReplicaAnswer<StoredRecord>.Of(new StoredRecord(found.Value.Value, found.Value.Revision)) : Not<StoredRecord>(found.Error);
    }

    public async ValueTask<ReplicaAnswer<bool>> PutPartAsync(string runId, long epoch, int part, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        if (_runs is not { } runs)
        {
            return NotOpen<bool>();
        }

        var key = PartKey(runId, epoch, part);
        var put = await runs.CreateAsync(key, bytes, cancel);
        if (put.Error.Fault != JetStreamFault.Conflict)
        {
            return put.IsOk ? ReplicaAnswer<bool>.Of(true) : Not<bool>(put.Error);
        }

        var there = await runs.GetAsync(key, cancel);
        return !there.IsOk ? Not<bool>(there.Error)
            : there.Value.Value.Span.SequenceEqual(bytes.Span) ? ReplicaAnswer<bool>.Of(true)
            : ReplicaAnswer<bool>.Not(ReplicaStatus.Conflict, $"the part {key} is there already, with other events");
    }

    public async ValueTask<ReplicaAnswer<IReadOnlyList<ReadOnlyMemory<byte>>>> ReadPartsAsync(string runId, IReadOnlyList<TermParts> parts, int skip, CancellationToken cancel)
    {
        if (_runs is not { } runs)
        {
            return NotOpen<IReadOnlyList<ReadOnlyMemory<byte>>>();
        }

        string[] keys = [.. parts.SelectMany(term => Enumerable.Range(0, term.Count).Select(part => PartKey(runId, term.Epoch, part))).Skip(skip)];
        return keys.Length <= SinglesMax ? await ReadEachAsync(runs, keys, cancel) : await ReadStreamAsync(runs, runId, keys, cancel);
    }

    public async ValueTask<ReplicaAnswer<bool>> PutBlobAsync(string sha256, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        if (_blobs is not { } blobs)
        {
            return NotOpen<bool>();
        }

        // What is there and will stay for long enough is not sent again; an object that grows old is.
        var found = await blobs.InfoAsync(sha256, cancel);
        if (found.IsOk && found.Value.ModifiedAt > _time.GetUtcNow() - (_options.BlobsKept / 2))
        {
            return ReplicaAnswer<bool>.Of(true);
        }

        using var source = new MemoryStream(bytes.ToArray(), writable: false);
        var put = await blobs.PutAsync(sha256, source, cancel: cancel);
        return put.IsOk ? ReplicaAnswer<bool>.Of(true) : Not<bool>(put.Error);
    }

    public async ValueTask<ReplicaAnswer<byte[]>> ReadBlobAsync(string sha256, CancellationToken cancel)
    {
        if (_blobs is not { } blobs)
        {
            return NotOpen<byte[]>();
        }

        using var bytes = new MemoryStream();
        var got = await blobs.GetAsync(sha256, bytes, cancel);
        return got.IsOk ? ReplicaAnswer<byte[]>.Of(bytes.ToArray()) : Not<byte[]>(got.Error);
    }

    public ValueTask<ReplicaAnswer<bool>> OrderAsync(string runId, string orderId, ReadOnlyMemory<byte> order, CancellationToken cancel) =>
        PutAsync($"{runId}.o.{orderId}", order, cancel);

    public async ValueTask DropOrderAsync(string runId, string orderId, CancellationToken cancel)
    {
        if (_runs is { } runs)
        {
            _ = await runs.PurgeAsync($"{runId}.o.{orderId}", cancel: cancel);
        }
    }

    public async ValueTask<string> WatchAsync(Action<ReplicaSight> saw, Action sawAll, CancellationToken cancel)
    {
        if (_runs is not { } runs)
        {
            return "the bucket of runs is not open";
        }

        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var records = WatchAsync(runs, "*", saw, sawAll, both.Token).AsTask();
        var orders = WatchAsync(runs, "*.o.*", saw, static () => { }, both.Token).AsTask();
        var first = await Task.WhenAny(records, orders);
        await both.CancelAsync();
        _ = await Task.WhenAll(records, orders);
        return await first;
    }

    public async ValueTask<ReplicaAnswer<bool>> SubmitAsync(string runId, ReadOnlyMemory<byte> body, CancellationToken cancel)
    {
        var stored = await _context.PublishAsync(_submit, body, new JetStreamPublish { MessageId = runId, ExpectedStream = _queue }, cancel);
        return stored.IsOk ? ReplicaAnswer<bool>.Of(true) : Not<bool>(stored.Error);
    }

    public async ValueTask<ReplicaAnswer<IRunOffer>> TakeAsync(CancellationToken cancel)
    {
        var read = await _context.NextAsync(_queue, Consumer, TakeWait, cancel);
        return read.IsOk ? ReplicaAnswer<IRunOffer>.Of(new Offer(read.Value)) : Not<IRunOffer>(read.Error);
    }

    public async ValueTask ForgetAsync(string runId, CancellationToken cancel)
    {
        var stream = $"KV_jesus_{_cluster}_runs";
        _ = await _context.PurgeStreamAsync(stream, $"$KV.jesus_{_cluster}_runs.{runId}.>", cancel: cancel);
        _ = await _context.PurgeStreamAsync(stream, $"$KV.jesus_{_cluster}_runs.{runId}", cancel: cancel);
    }

    private static string PartKey(string runId, long epoch, int part) => $"{runId}.p.{epoch}.{part}";

    private async ValueTask<JetStreamResult<KeyValueBucket>> RunsAsync(CancellationToken cancel)
    {
        var name = $"jesus_{_cluster}_runs";
        var found = await KeyValueBucket.OpenAsync(_context, name, cancel);
        return found.Error.Fault == JetStreamFault.NotFound
            ? await KeyValueBucket.CreateAsync(_context, new KeyValueConfig { Bucket = name, Description = "Jesus: who owns which run", Replicas = _options.Replicas }, cancel)
            : found;
    }

    private async ValueTask<JetStreamResult<ObjectBucket>> BlobsAsync(CancellationToken cancel)
    {
        var name = $"jesus_{_cluster}_artifacts";
        var config = new ObjectConfig { Bucket = name, Description = "Jesus: payloads of runs", Ttl = _options.BlobsKept, Replicas = _options.Replicas };
        var found = await ObjectBucket.OpenAsync(_context, name, cancel);
        return found.Error.Fault == JetStreamFault.NotFound ? await ObjectBucket.CreateAsync(_context, config, cancel) : found;
    }

    private async ValueTask<JetStreamError> QueueAsync(CancellationToken cancel)
    {
        var found = await _context.StreamInfoAsync(_queue, cancel);
        if (found.Error.Fault == JetStreamFault.NotFound)
        {
            found = await _context.CreateStreamAsync(
                new StreamConfig
                {
                    Name = _queue,
                    Subjects = [$"jesus.{_cluster}.run.submit.*"],
                    Description = "Jesus: runs that any box may take",
                    Retention = StreamRetention.WorkQueue,
                    Discard = StreamDiscard.New,
                    MaxMessages = _options.QueueMax,
                    Replicas = _options.Replicas,
                    DuplicateWindow = DuplicateWindow,
                },
                cancel);
        }

        if (!found.IsOk)
        {
            return found.Error;
        }

        var takers = await _context.ConsumerInfoAsync(_queue, Consumer, cancel);
        return takers.Error.Fault == JetStreamFault.NotFound
            ? (await _context.CreateConsumerAsync(_queue, new ConsumerConfig { Name = Consumer, AckWait = AckWait }, cancel)).Error
            : takers.Error;
    }

    private async ValueTask<ReplicaAnswer<bool>> PutAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancel)
    {
        if (_runs is not { } runs)
        {
            return NotOpen<bool>();
        }

        var put = await runs.PutAsync(key, value, cancel);
        return put.IsOk ? ReplicaAnswer<bool>.Of(true) : Not<bool>(put.Error);
    }

    private static async ValueTask<ReplicaAnswer<IReadOnlyList<ReadOnlyMemory<byte>>>> ReadEachAsync(KeyValueBucket runs, string[] keys, CancellationToken cancel)
    {
        var parts = new List<ReadOnlyMemory<byte>>(keys.Length);
        foreach (var key in keys)
        {
            var found = await runs.GetAsync(key, cancel);
            if (!found.IsOk)
            {
                return Not<IReadOnlyList<ReadOnlyMemory<byte>>>(found.Error);
            }

            parts.Add(found.Value.Value);
        }

        return ReplicaAnswer<IReadOnlyList<ReadOnlyMemory<byte>>>.Of(parts);
    }

    private static async ValueTask<ReplicaAnswer<IReadOnlyList<ReadOnlyMemory<byte>>>> ReadStreamAsync(KeyValueBucket runs, string runId, string[] keys, CancellationToken cancel)
    {
        var byKey = keys.ToDictionary(key => key, _ => (ReadOnlyMemory<byte>?)null);
        var error = await ReadAllAsync(runs, $"{runId}.p.>", entry => Keep(byKey, entry), cancel);
        if (!error.IsNone)
        {
            return Not<IReadOnlyList<ReadOnlyMemory<byte>>>(error);
        }

        return Array.Find(keys, key => byKey[key] is null) is { } missing
            ? ReplicaAnswer<IReadOnlyList<ReadOnlyMemory<byte>>>.Not(ReplicaStatus.Missing, $"the part {missing} of the run's log is not there")
            : ReplicaAnswer<IReadOnlyList<ReadOnlyMemory<byte>>>.Of([.. keys.Select(key => byKey[key]!.Value)]);
    }

    /// <summary>A part that no record counts is none.</summary>
    private static void Keep(Dictionary<string, ReadOnlyMemory<byte>?> byKey, KeyValueEntry entry)
    {
        if (byKey.ContainsKey(entry.Key))
        {
            byKey[entry.Key] = entry.Value;
        }
    }

    private static async ValueTask<JetStreamError> ReadAllAsync(KeyValueBucket runs, string pattern, Action<KeyValueEntry> saw, CancellationToken cancel)
    {
        var opened = runs.Watch(pattern);
        if (!opened.IsOk)
        {
            return opened.Error;
        }

        await using var watch = opened.Value;
        while (true)
        {
            var read = await watch.ReadAsync(cancel);
            if (!read.IsOk || read.Value.Entry is not { } entry)
            {
                return read.Error;
            }

            saw(entry);
        }
    }

    private static async ValueTask<string> WatchAsync(KeyValueBucket runs, string pattern, Action<ReplicaSight> saw, Action sawAll, CancellationToken cancel)
    {
        var opened = runs.Watch(pattern);
        if (!opened.IsOk)
        {
            return opened.Error.Text;
        }

        await using var watch = opened.Value;
        while (true)
        {
            var read = await watch.ReadAsync(cancel);
            if (!read.IsOk)
            {
                return read.Error.Text;
            }

            if (read.Value.Entry is not { } entry)
            {
                sawAll();
            }
            else if (!entry.IsDeleted)
            {
                var tokens = entry.Key.Split('.');
                saw(new ReplicaSight(tokens[0], tokens.Length == 3 ? tokens[2] : "", entry.Value, entry.Revision));
            }
        }
    }

    private static ReplicaAnswer<T> Answer<T>(JetStreamResult<T> result) => result.IsOk ? ReplicaAnswer<T>.Of(result.Value) : Not<T>(result.Error);

    private static ReplicaAnswer<T> NotOpen<T>() => ReplicaAnswer<T>.Not(ReplicaStatus.Refused, "where runs are kept has not been reached yet");

    private static ReplicaAnswer<T> Not<T>(JetStreamError error) => ReplicaAnswer<T>.Not(
        error.Fault switch
        {
            JetStreamFault.Conflict => ReplicaStatus.Conflict,
            JetStreamFault.NotFound => ReplicaStatus.Missing,
            JetStreamFault.TimedOut or JetStreamFault.Disconnected or JetStreamFault.Unavailable or JetStreamFault.Cancelled or JetStreamFault.NoResponders =>
                ReplicaStatus.Unknown,
            _ => ReplicaStatus.Refused,
        },
        error.Text);

    private sealed class Offer(JetStreamMessage message) : IRunOffer
    {
        public ReadOnlyMemory<byte> Body => message.Payload;

        /// <summary>The last token of <c>jesus.C.run.submit.Q</c>: the server lets a box publish there only under its own name.</summary>
        public string Origin { get; } = Encoding.UTF8.GetString(message.Subject.Span[(message.Subject.Span.LastIndexOf((byte)'.') + 1)..]);

        public int Offered => message.Metadata.Delivered;

        public async ValueTask AcceptAsync() => _ = await message.AckAsync();

        public async ValueTask DeclineAsync(TimeSpan delay) => _ = await message.NakAsync(delay);

        public ValueTask DisposeAsync()
        {
            message.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
