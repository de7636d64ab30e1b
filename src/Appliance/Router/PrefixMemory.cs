namespace Jesus.Appliance.Router;

/// <summary>
/// Beginnings of the conversations that a candidate served lately, the latest first: what it may still hold in its cache, told to other boxes so that a conversation
/// comes back to where it was. Thread-safe.
/// </summary>
public sealed class PrefixMemory
{
    /// <summary>A box's cache of keys and values rarely holds more conversations than this, and a status stays short.</summary>
    public const int Kept = 64;

    private readonly Lock _gate = new();
    private readonly ulong[] _hashes = new ulong[Kept];
    private int _count;
    private ulong[]? _copy;

    public void Note(ulong prefix)
    {
        lock (_gate)
        {
            var place = _hashes.AsSpan(0, _count).IndexOf(prefix);
            if (place == 0)
            {
                return;
            }

            if (place < 0)
            {
                place = _count < Kept ? _count++ : Kept - 1;
            }

            _hashes.AsSpan(0, place).CopyTo(_hashes.AsSpan(1));
            _hashes[0] = prefix;
            _copy = null;
        }
    }

    /// <summary>The hashes as they are now; the same array while nothing new comes.</summary>
    public ReadOnlyMemory<ulong> Current
    {
        get
        {
            lock (_gate)
            {
                return _copy ??= _hashes[.._count];
            }
        }
    }
}
