using Jesus.Transport.Nats.JetStream;

namespace Jesus.Transport.Nats.KeyValue;

/// <summary>What <see cref="KeyValueBucket.Watch"/> tells. One reader at a time.</summary>
public sealed class KeyValueWatch : IAsyncDisposable
{
    private readonly OrderedConsumer _reader;
    private readonly string _prefix;

    internal KeyValueWatch(OrderedConsumer reader, string prefix)
    {
        _reader = reader;
        _prefix = prefix;
    }

    /// <summary>How often the server's side had to be made anew.</summary>
    public long Recreated => _reader.Recreated;

    /// <summary>The next revision, or the end of the initial data; an error ends the watch, but for <see cref="JetStreamFault.Cancelled"/>.</summary>
    public async ValueTask<JetStreamResult<KeyValueUpdate>> ReadAsync(CancellationToken cancel = default)
    {
        var read = await _reader.ReadAsync(cancel).ConfigureAwait(false);
        if (!read.IsOk)
        {
            return read.Error;
        }

        using var message = read.Value;
        return new KeyValueUpdate(message.IsNone ? null : KeyValueEntry.Of(_prefix, message));
    }

    public ValueTask DisposeAsync() => _reader.DisposeAsync();

    /// <summary>Everything up to the end of the initial data that is wanted.</summary>
    internal async ValueTask<JetStreamResult<IReadOnlyList<KeyValueEntry>>> ReadInitialAsync(Func<KeyValueEntry, bool> wanted, CancellationToken cancel)
    {
        var entries = new List<KeyValueEntry>();
        while (true)
        {
            var read = await ReadAsync(cancel).ConfigureAwait(false);
            if (!read.IsOk)
            {
                return read.Error;
            }

            if (read.Value.Entry is not { } entry)
            {
                return new JetStreamResult<IReadOnlyList<KeyValueEntry>>(entries);
            }

            if (wanted(entry))
            {
                entries.Add(entry);
            }
        }
    }
}
