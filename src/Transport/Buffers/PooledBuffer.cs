using System.Buffers;

namespace Jesus.Transport.Buffers;

/// <summary>
/// A growing run of bytes from the array pool. One owner. Kept over <see cref="Reset"/>, so that a steady state allocates nothing; memory handed out is
/// valid until the next write or reset.
/// </summary>
public sealed class PooledBuffer : IBufferWriter<byte>, IDisposable
{
    private byte[] _bytes;
    private int _length;

    public PooledBuffer(int capacity = 1024) => _bytes = ArrayPool<byte>.Shared.Rent(capacity);

    public int Length => _length;
    public ReadOnlySpan<byte> Span => _bytes.AsSpan(0, _length);
    public ReadOnlyMemory<byte> Memory => _bytes.AsMemory(0, _length);

    public void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(GetSpan(bytes.Length));
        _length += bytes.Length;
    }

    public void Write(byte value)
    {
        GetSpan(1)[0] = value;
        _length++;
    }

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)(_bytes.Length - _length));
        _length += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsMemory(_length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsSpan(_length);
    }

    /// <summary>
    /// Room after the end whose first <paramref name="kept"/> bytes, written but not advanced over, stay as they are, with <paramref name="sizeHint"/> more behind them.
    /// </summary>
    internal Span<byte> GetSpan(int sizeHint, int kept)
    {
        _length += kept;
        Reserve(sizeHint);
        _length -= kept;
        return _bytes.AsSpan(_length);
    }

    /// <summary>Drops bytes from the end.</summary>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)_length);
        _length = length;
    }

    public void Reset() => _length = 0;

    /// <summary>Empties it, and gives back storage that an unusual content made it grow to.</summary>
    public void ResetAndShrink(int capacityMax)
    {
        _length = 0;
        if (_bytes.Length > capacityMax)
        {
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = ArrayPool<byte>.Shared.Rent(Math.Min(1024, capacityMax));
        }
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
        _length = 0;
    }

    private void Reserve(int size)
    {
        if (_bytes.Length - _length >= Math.Max(1, size))
        {
            return;
        }

        var grown = ArrayPool<byte>.Shared.Rent(Math.Max(_bytes.Length * 2, _length + Math.Max(256, size)));
        Span.CopyTo(grown);
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = grown;
    }
}
