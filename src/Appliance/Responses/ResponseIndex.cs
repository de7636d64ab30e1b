namespace Jesus.Appliance.Responses;

/// <summary>Which responses are kept, in memory; what has to make room when one more comes. Not thread-safe.</summary>
internal sealed class ResponseIndex(ResponseOptions options)
{
    private readonly Dictionary<string, Entry> _byId = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Owned> _byOwner = new(StringComparer.Ordinal);

    /// <summary>Oldest first; what was dropped stays in it until it comes to the front.</summary>
    private readonly Queue<Entry> _all = new();

    public int Count => _byId.Count;

    /// <summary>The artifacts of all that is kept.</summary>
    public IEnumerable<string> Hashes => _byId.Values.Select(entry => entry.Hash);

    public Entry? Find(string id) => _byId.GetValueOrDefault(id);

    /// <summary>Adds a response, or says that one in the background has ended.</summary>
    /// <returns>The artifact that is no longer referred to; null when there is none.</returns>
    public string? Put(in ResponseRecord record)
    {
        var ended = record.Event == ResponseEvent.Kept;
        if (_byId.TryGetValue(record.Id, out var known))
        {
            var former = known.Hash;
            (known.Hash, known.Ended) = (record.Hash, ended);
            return former == record.Hash ? null : former;
        }

        if (!_byOwner.TryGetValue(record.Owner, out var owned))
        {
            _byOwner[record.Owner] = owned = new Owned();
        }

        var entry = new Entry(record.Id, record.Owner, record.CreatedUnixSeconds, record.Background) { Hash = record.Hash, Ended = ended };
        _byId[record.Id] = entry;
        owned.Count++;
        owned.Oldest.Enqueue(entry);
        _all.Enqueue(entry);
        return null;
    }

    public Entry? Remove(string id)
    {
        if (!_byId.Remove(id, out var entry))
        {
            return null;
        }

        entry.Dropped = true;
        var owned = _byOwner[entry.Owner];
        if (--owned.Count == 0)
        {
            _byOwner.Remove(entry.Owner);
        }

        return entry;
    }

    /// <summary>Removes one response that is too old or too many; null when all may stay. Call until it is.</summary>
    /// <param name="owner">Whose own limit is looked at; null for nobody's.</param>
    public Entry? RemoveSurplus(string? owner, long nowUnixSeconds)
    {
        if (Oldest(_all) is { } oldest && (_byId.Count > options.KeptMax || IsExpired(oldest, nowUnixSeconds)))
        {
            return Remove(oldest.Id);
        }

        return owner is not null && _byOwner.TryGetValue(owner, out var owned) && owned.Count > options.KeptPerPrincipalMax && Oldest(owned.Oldest) is { } own
            ? Remove(own.Id) : null;
    }

    public bool IsExpired(Entry entry, long nowUnixSeconds) => entry.CreatedUnixSeconds + (options.RetentionDays * 86_400L) <= nowUnixSeconds;

    private static Entry? Oldest(Queue<Entry> queue)
    {
        while (queue.TryPeek(out var entry))
        {
            if (!entry.Dropped)
            {
                return entry;
            }

            queue.Dequeue();
        }

        return null;
    }

    public sealed class Entry(string id, string owner, long createdUnixSeconds, bool background)
    {
        public string Id => id;
        public string Owner => owner;
        public long CreatedUnixSeconds => createdUnixSeconds;
        public bool Background => background;
        public string Hash { get; set; } = "";
        public bool Ended { get; set; }
        public bool Dropped { get; set; }
    }

    private sealed class Owned
    {
        public int Count { get; set; }
        public Queue<Entry> Oldest { get; } = new();
    }
}
