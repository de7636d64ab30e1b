namespace Jesus.Inference.Engine.KvCache;

/// <summary>Which named beginnings the pool still remembers, those read last first: small enough to be told to every peer. The engine's thread's.</summary>
internal sealed class WarmPrefixes(KvBlockPool pool)
{
    /// <summary>As many as a box says of one model in its status.</summary>
    public const int NamesMax = 32;

    private readonly List<(ulong Digest, BlockKey Key)> _names = new(NamesMax + 1);
    private ulong[] _told = [];
    private (long Notes, long Evictions) _toldAt;
    private long _notes;

    /// <summary>A beginning was read.</summary>
    /// <param name="key">Of its last full block; none where it has no full one.</param>
    public void Note(ulong digest, in BlockKey key)
    {
        if (key.IsNone)
        {
            return;
        }

        for (var i = _names.Count - 1; i >= 0; i--)
        {
            if (_names[i].Digest == digest)
            {
                _names.RemoveAt(i);
            }
        }

        _names.Insert(0, (digest, key));
        if (_names.Count > NamesMax)
        {
            _names.RemoveAt(NamesMax);
        }

        _notes++;
    }

    /// <summary>Digests of what is still at hand. The same memory as before while nothing changed.</summary>
    public ReadOnlyMemory<ulong> Tell()
    {
        if (_toldAt == (_notes, pool.Evictions))
        {
            return _told;
        }

        _toldAt = (_notes, pool.Evictions);
        Span<ulong> now = stackalloc ulong[NamesMax];
        var count = 0;
        foreach (var (digest, key) in _names)
        {
            if (pool.Remembers(key))
            {
                now[count++] = digest;
            }
        }

        _told = now[..count].SequenceEqual(_told) ? _told : now[..count].ToArray();
        return _told;
    }
}
