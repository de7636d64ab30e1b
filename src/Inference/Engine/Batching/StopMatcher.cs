using Jesus.Transport.Buffers;

namespace Jesus.Inference.Engine.Batching;

/// <summary>
/// Looks for stop strings in text that arrives in pieces: what could still become one is held back, the rest let through. The stop string itself
/// is never let through. Reused by <see cref="Begin"/>.
/// </summary>
internal sealed class StopMatcher
{
    private readonly List<byte[]> _stops = [];
    private readonly ByteBuffer _held = new();
    private int _stopCount;
    private int _met;

    /// <summary>A stop string was found; nothing more comes out.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>The stop string that was found; empty before.</summary>
    public ReadOnlySpan<byte> Met => IsStopped ? _stops[_met] : default;

    public void Begin(IReadOnlyList<Utf8Slice> stops)
    {
        _held.Clear();
        IsStopped = false;
        _stopCount = 0;
        for (var i = 0; i < stops.Count; i++)
        {
            if (!stops[i].IsEmpty)
            {
                Keep(stops[i].Span);
            }
        }
    }

    /// <summary>Adds text and lets through what can no longer be part of a stop string.</summary>
    public void Feed(ReadOnlySpan<byte> text, ByteBuffer output)
    {
        if (IsStopped)
        {
            return;
        }

        if (_stopCount == 0)
        {
            output.Add(text);
            return;
        }

        _held.Add(text);
        var end = Find(_held.Span);
        IsStopped = end >= 0;
        var release = IsStopped ? end : _held.Count - HeldTail(_held.Span);
        output.Add(_held.Span[..release]);
        _held.RemoveFirst(release);
    }

    /// <summary>No more text can follow: lets through what was held back.</summary>
    public void Flush(ByteBuffer output)
    {
        if (!IsStopped)
        {
            output.Add(_held.Span);
        }

        _held.Clear();
    }

    /// <summary>Stops are kept as arrays that are used again: a request that repeats another's stops allocates nothing.</summary>
    private void Keep(ReadOnlySpan<byte> stop)
    {
        if (_stopCount == _stops.Count)
        {
            _stops.Add(stop.ToArray());
        }
        else if (!_stops[_stopCount].AsSpan().SequenceEqual(stop))
        {
            _stops[_stopCount] = stop.ToArray();
        }

        _stopCount++;
    }

    /// <summary>Where the earliest stop string begins, or -1.</summary>
    private int Find(ReadOnlySpan<byte> text)
    {
        var first = -1;
        for (var i = 0; i < _stopCount; i++)
        {
            var at = text.IndexOf(_stops[i]);
            if (at >= 0 && (first < 0 || at < first))
            {
                (first, _met) = (at, i);
            }
        }

        return first;
    }

    /// <summary>Length of the longest end of the text that begins some stop string.</summary>
    private int HeldTail(ReadOnlySpan<byte> text)
    {
        var longest = 0;
        for (var i = 0; i < _stopCount; i++)
        {
            ReadOnlySpan<byte> stop = _stops[i];
            for (var length = Math.Min(stop.Length - 1, text.Length); length > longest; length--)
            {
                if (stop[..length].SequenceEqual(text[^length..]))
                {
                    longest = length;
                }
            }
        }

        return longest;
    }
}
