using System.Buffers;

namespace Jesus.Inference.Engine.Batching;

/// <summary>Growing bytes that keep their storage when cleared.</summary>
internal sealed class ByteBuffer : IBufferWriter<byte>
{
    private byte[] _bytes = new byte[256];

    public int Count { get; private set; }
    public ReadOnlySpan<byte> Span => _bytes.AsSpan(0, Count);
    public ReadOnlyMemory<byte> Memory => _bytes.AsMemory(0, Count);

    public void Clear() => Count = 0;

    public void Advance(int count) => Count += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsMemory(Count);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsSpan(Count);
    }

    public void Add(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(GetSpan(bytes.Length));
        Count += bytes.Length;
    }

    /// <summary>Drops bytes at the front.</summary>
    public void RemoveFirst(int count)
    {
        _bytes.AsSpan(count, Count - count).CopyTo(_bytes);
        Count -= count;
    }

    private void Reserve(int more)
    {
        if (_bytes.Length - Count < Math.Max(1, more))
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Count + more));
        }
    }
}
