namespace Jesus.Inference.Engine.Constraints;

/// <summary>Grammars by what they were built from, the latest used kept: requests mostly repeat a few schemas. Thread safe.</summary>
internal sealed class GrammarCache
{
    private readonly Lock _gate = new();
    private readonly List<(byte[] Key, CachedGrammar Grammar)> _entries = [];

    public CachedGrammar? Find(ReadOnlySpan<byte> key)
    {
        lock (_gate)
        {
            for (var i = 0; i < _entries.Count; i++)
            {
                if (key.SequenceEqual(_entries[i].Key))
                {
                    var entry = _entries[i];
                    _entries.RemoveAt(i);
                    _entries.Add(entry);
                    return entry.Grammar;
                }
            }
        }

        return null;
    }

    public void Add(ReadOnlySpan<byte> key, CachedGrammar grammar)
    {
        lock (_gate)
        {
            if (_entries.Count >= ConstraintLimits.GrammarsKeptMax)
            {
                _entries.RemoveAt(0);
            }

            _entries.Add((key.ToArray(), grammar));
        }
    }
}
