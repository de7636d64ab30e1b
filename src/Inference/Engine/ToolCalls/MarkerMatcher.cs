namespace Jesus.Inference.Engine.ToolCalls;

/// <summary>Looks for markers spelled in plain text: what could still become one is held back.</summary>
internal sealed class MarkerMatcher
{
    private readonly List<byte[]> _markers = [];

    /// <summary>No marker is longer.</summary>
    private readonly byte[] _held = new byte[32];
    private int _count;

    /// <summary>What is held back.</summary>
    public ReadOnlySpan<byte> Held => _held.AsSpan(0, _count);

    public void Begin()
    {
        _markers.Clear();
        _count = 0;
    }

    public void Add(ReadOnlySpan<byte> marker)
    {
        if (!marker.IsEmpty)
        {
            _markers.Add(marker.ToArray());
        }
    }

    /// <summary>Takes a byte; then <see cref="TryRelease"/> until it says no.</summary>
    public void Take(byte value) => _held[_count++] = value;

    /// <summary>A byte that can no longer be part of a marker.</summary>
    public bool TryRelease(out byte value)
    {
        value = _held[0];
        if (_count == 0 || IsBeginning())
        {
            return false;
        }

        Drop(1);
        return true;
    }

    /// <summary>The marker that is complete, or -1; it is no longer held then.</summary>
    public int Complete()
    {
        for (var i = 0; i < _markers.Count; i++)
        {
            if (Held.SequenceEqual(_markers[i]))
            {
                _count = 0;
                return i;
            }
        }

        return -1;
    }

    /// <summary>Lets go of a byte whatever it could become.</summary>
    public bool TryFlush(out byte value)
    {
        value = _held[0];
        if (_count == 0)
        {
            return false;
        }

        Drop(1);
        return true;
    }

    private bool IsBeginning()
    {
        foreach (var marker in _markers)
        {
            if (marker.AsSpan().StartsWith(Held))
            {
                return true;
            }
        }

        return false;
    }

    private void Drop(int bytes)
    {
        _held.AsSpan(bytes, _count - bytes).CopyTo(_held);
        _count -= bytes;
    }
}
