using Jesus.Transport.Nats.JetStream;

namespace Jesus.Transport.Nats.KeyValue;

/// <summary>
/// Keys and values in a stream (ADR-8 of nats-architecture-and-design): a key is a subject, its value the subject's last message. Thread-safe. Each write carries an id,
/// so that it is sent again after a lost answer without being stored twice.
/// </summary>
public sealed class KeyValueBucket
{
    private readonly JetStreamContext _context;
    private readonly string _stream;
    private readonly string _prefix;
    private readonly bool _isReplicated;

    private KeyValueBucket(JetStreamContext context, string bucket, StreamInfo info)
    {
        _context = context;
        _isReplicated = info.Config.Replicas > 1;
        Bucket = bucket;
        _stream = KeyValueConfig.StreamOf(bucket);
        _prefix = KeyValueConfig.PrefixOf(bucket);
    }

    public string Bucket { get; }

    /// <summary>Creates a bucket; one that exists with the same configuration is as good.</summary>
    public static async ValueTask<JetStreamResult<KeyValueBucket>> CreateAsync(JetStreamContext context, KeyValueConfig config, CancellationToken cancel = default)
    {
        var wrong = config.Check();
        var made = wrong.IsNone ? await context.CreateStreamAsync(config.ToStream(), cancel).ConfigureAwait(false) : wrong;
        return made.IsOk ? new KeyValueBucket(context, config.Bucket, made.Value) : made.Error;
    }

    /// <summary>A bucket that exists already.</summary>
    public static async ValueTask<JetStreamResult<KeyValueBucket>> OpenAsync(JetStreamContext context, string bucket, CancellationToken cancel = default)
    {
        var wrong = JetStreamNames.CheckBucket(bucket);
        var found = wrong.IsNone ? await context.StreamInfoAsync(KeyValueConfig.StreamOf(bucket), cancel).ConfigureAwait(false) : wrong;
        return found.IsOk ? new KeyValueBucket(context, bucket, found.Value) : found.Error;
    }

    /// <summary>Removes a bucket and all that is in it.</summary>
    public static async ValueTask<JetStreamError> DeleteBucketAsync(JetStreamContext context, string bucket, CancellationToken cancel = default)
    {
        var wrong = JetStreamNames.CheckBucket(bucket);
        return wrong.IsNone ? await context.DeleteStreamAsync(KeyValueConfig.StreamOf(bucket), cancel).ConfigureAwait(false) : wrong;
    }

    /// <summary>The stream behind it: sizes, leader, replicas.</summary>
    public ValueTask<JetStreamResult<StreamInfo>> InfoAsync(CancellationToken cancel = default) => _context.StreamInfoAsync(_stream, cancel);

    /// <summary>The value of a key; <see cref="JetStreamFault.NotFound"/> where there is none, or it was deleted.</summary>
    public async ValueTask<JetStreamResult<KeyValueEntry>> GetAsync(string key, CancellationToken cancel = default)
    {
        var last = await LastAsync(key, cancel).ConfigureAwait(false);
        return last.IsOk && last.Value.IsDeleted ? Missing(key) : last;
    }

    /// <summary>One revision of a key, as long as it is kept.</summary>
    public async ValueTask<JetStreamResult<KeyValueEntry>> GetAsync(string key, ulong revision, CancellationToken cancel = default)
    {
        if (JetStreamNames.CheckKey(key) is { IsNone: false } wrong)
        {
            return wrong;
        }

        var found = await _context.GetMessageAsync(_stream, revision, cancel).ConfigureAwait(false);
        if (!found.IsOk)
        {
            return found.Error;
        }

        return found.Value.Subject == _prefix + key ? KeyValueEntry.Of(_prefix, found.Value) : Missing(key);
    }

    /// <summary>Writes a value whatever was there.</summary>
    /// <returns>Its revision.</returns>
    public ValueTask<JetStreamResult<ulong>> PutAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancel = default) =>
        WriteAsync(key, value, "", null, cancel);

    /// <summary>Writes a value where there is none; <see cref="JetStreamFault.Conflict"/> where there is.</summary>
    public async ValueTask<JetStreamResult<ulong>> CreateAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancel = default)
    {
        var first = await WriteAsync(key, value, "", 0, cancel).ConfigureAwait(false);
        if (first.Error.Fault != JetStreamFault.Conflict)
        {
            return first;
        }

        // What stands in the way may be the mark of a deletion.
        var last = await LastAsync(key, cancel).ConfigureAwait(false);
        return last.IsOk && last.Value.IsDeleted ? await WriteAsync(key, value, "", last.Value.Revision, cancel).ConfigureAwait(false) : first;
    }

    /// <summary>
    /// Compare and set: writes where the key's last revision is still this; else <see cref="JetStreamFault.Conflict"/>. <see cref="JetStreamFault.TimedOut"/>, as
    /// everywhere: it may have been written, and may have been replaced since.
    /// </summary>
    public ValueTask<JetStreamResult<ulong>> UpdateAsync(string key, ReadOnlyMemory<byte> value, ulong revision, CancellationToken cancel = default) =>
        WriteAsync(key, value, "", revision, cancel);

    /// <summary>Marks a key as deleted; its history stays.</summary>
    /// <param name="revision">Only where the key's last revision is still this.</param>
    public async ValueTask<JetStreamError> DeleteAsync(string key, ulong? revision = null, CancellationToken cancel = default) =>
        (await WriteAsync(key, default, KeyValueWrite.Delete, revision, cancel).ConfigureAwait(false)).Error;

    /// <summary>Deletes a key with its history; only a mark stays.</summary>
    public async ValueTask<JetStreamError> PurgeAsync(string key, ulong? revision = null, CancellationToken cancel = default) =>
        (await WriteAsync(key, default, KeyValueWrite.Purge, revision, cancel).ConfigureAwait(false)).Error;

    /// <summary>The revisions of a key that are kept, oldest first, deletions included; none of a key that never was.</summary>
    public async ValueTask<JetStreamResult<IReadOnlyList<KeyValueEntry>>> HistoryAsync(string key, CancellationToken cancel = default)
    {
        var opened = JetStreamNames.CheckKey(key) is { IsNone: false } wrong ? wrong : OpenWatch(key, DeliverPolicy.All, false);
        if (!opened.IsOk)
        {
            return opened.Error;
        }

        await using var watch = opened.Value;
        return await watch.ReadInitialAsync(static _ => true, cancel).ConfigureAwait(false);
    }

    /// <summary>The keys that have a value, of a pattern or all.</summary>
    public async ValueTask<JetStreamResult<IReadOnlyList<string>>> KeysAsync(string pattern = ">", CancellationToken cancel = default)
    {
        var opened = OpenWatch(pattern, DeliverPolicy.LastPerSubject, headersOnly: true);
        if (!opened.IsOk)
        {
            return opened.Error;
        }

        await using var watch = opened.Value;
        var entries = await watch.ReadInitialAsync(static entry => !entry.IsDeleted, cancel).ConfigureAwait(false);
        if (!entries.IsOk)
        {
            return entries.Error;
        }

        var keys = new List<string>(entries.Value.Count);
        foreach (var entry in entries.Value)
        {
            keys.Add(entry.Key);
        }

        return new JetStreamResult<IReadOnlyList<string>>(keys);
    }

    /// <summary>
    /// Tells the last revision of each key of a pattern, then once the end of that, then each change. Goes on over restarts and lost connections;
    /// after one it may tell revisions that a quicker watcher would have seen replaced.
    /// </summary>
    /// <param name="changesOnly">Only what is written from now on; the end of the initial data is told at once.</param>
    public JetStreamResult<KeyValueWatch> Watch(string pattern = ">", bool changesOnly = false) =>
        OpenWatch(pattern, changesOnly ? DeliverPolicy.New : DeliverPolicy.LastPerSubject, headersOnly: false);

    private JetStreamResult<KeyValueWatch> OpenWatch(string pattern, DeliverPolicy deliver, bool headersOnly)
    {
        if (JetStreamNames.CheckPattern(pattern) is { IsNone: false } wrong)
        {
            return wrong;
        }

        var options = new OrderedOptions { FilterSubject = _prefix + pattern, Deliver = deliver, HeadersOnly = headersOnly, TellsEnd = true };
        var opened = _context.OpenOrdered(_stream, options);
        return opened.IsOk ? new KeyValueWatch(opened.Value, _prefix) : opened.Error;
    }

    /// <summary>The last revision, a deletion's mark too.</summary>
    private async ValueTask<JetStreamResult<KeyValueEntry>> LastAsync(string key, CancellationToken cancel)
    {
        if (JetStreamNames.CheckKey(key) is { IsNone: false } wrong)
        {
            return wrong;
        }

        var found = await _context.GetLastMessageAsync(_stream, _prefix + key, cancel).ConfigureAwait(false);
        return found.IsOk ? KeyValueEntry.Of(_prefix, found.Value)
            : found.Error.Code == JetStreamErrors.MessageNotFound ? Missing(key)
            : found.Error;
    }

    private async ValueTask<JetStreamResult<ulong>> WriteAsync(string key, ReadOnlyMemory<byte> value, string operation, ulong? revision, CancellationToken cancel)
    {
        if (JetStreamNames.CheckKey(key) is { IsNone: false } wrong)
        {
            return wrong;
        }

        return await new KeyValueWrite(_context, _stream, _prefix + key, value, operation).RunAsync(revision, _isReplicated, cancel).ConfigureAwait(false);
    }

    private JetStreamError Missing(string key) => new(JetStreamFault.NotFound, $"bucket '{Bucket}' has no key '{key}'");
}
