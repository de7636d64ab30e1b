namespace Jesus.Appliance.Cache;

/// <summary>
/// The answers of one route, least recently used last, in bounded memory. Thread-safe. It decides nothing: time comes as an argument, and what may be looked up
/// by whom is in the key.
/// </summary>
/// <param name="bytesMax">Memory of all answers together; what was used longest ago goes first.</param>
/// <param name="ttlMs">Milliseconds for which an answer may be given again.</param>
public sealed class AnswerCache(long bytesMax, long ttlMs)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<CacheKey, LinkedListNode<Entry>> _byKey = [];
    private readonly LinkedList<Entry> _byUse = [];

    public long Bytes { get; private set; }

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _byKey.Count;
            }
        }
    }

    public CachedAnswer? Find(in CacheKey key, long nowMs)
    {
        lock (_gate)
        {
            if (!_byKey.TryGetValue(key, out var node))
            {
                return null;
            }

            if (node.Value.UntilMs <= nowMs)
            {
                Remove(node);
                return null;
            }

            _byUse.Remove(node);
            _byUse.AddFirst(node);
            return node.Value.Answer;
        }
    }

    /// <summary>Keeps an answer in place of an older one to the same question. One that alone is longer than the bound is not kept.</summary>
    public void Store(in CacheKey key, CachedAnswer answer, long nowMs)
    {
        if (answer.Bytes > bytesMax)
        {
            return;
        }

        lock (_gate)
        {
            if (_byKey.TryGetValue(key, out var older))
            {
                Remove(older);
            }

            while (_byUse.Last is { } last && (Bytes + answer.Bytes > bytesMax || last.Value.UntilMs <= nowMs))
            {
                Remove(last);
            }

            _byKey[key] = _byUse.AddFirst(new Entry(key, answer, nowMs + ttlMs));
            Bytes += answer.Bytes;
        }
    }

    private void Remove(LinkedListNode<Entry> node)
    {
        _byKey.Remove(node.Value.Key);
        _byUse.Remove(node);
        Bytes -= node.Value.Answer.Bytes;
    }

    private readonly record struct Entry(CacheKey Key, CachedAnswer Answer, long UntilMs);
}
