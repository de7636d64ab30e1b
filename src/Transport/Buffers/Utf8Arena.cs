using System.Buffers;
using System.Text;

namespace Jesus.Transport.Buffers;

/// <summary>
/// Text storage of one call: slices are handed out from pooled chunks that never move, so a slice stays valid until <see cref="Reset"/>.
/// One owner, one thread at a time. The first chunk is kept over resets, so a steady state allocates nothing.
/// </summary>
public sealed class Utf8Arena : IDisposable
{
    /// <summary>A usual request is 2 KB and its answer 1 KB; with tool schemas 16 KB holds all but the largest in one chunk.</summary>
    public const int ChunkBytes = 16 * 1024;

    private readonly List<byte[]> _full = [];
    private byte[] _chunk = ArrayPool<byte>.Shared.Rent(ChunkBytes);
    private int _used;

    /// <summary>Room for <paramref name="length"/> bytes that belong to the arena until <see cref="Reset"/>.</summary>
    public Memory<byte> Allocate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (length > _chunk.Length - _used)
        {
            StartChunk(length);
        }

        var memory = _chunk.AsMemory(_used, length);
        _used += length;
        return memory;
    }

    public Utf8Slice Copy(ReadOnlySpan<byte> utf8)
    {
        if (utf8.IsEmpty)
        {
            return default;
        }

        var memory = Allocate(utf8.Length);
        utf8.CopyTo(memory.Span);
        return new Utf8Slice(memory);
    }

    public Utf8Slice Copy(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty)
        {
            return default;
        }

        var memory = Allocate(Encoding.UTF8.GetByteCount(text));
        Encoding.UTF8.GetBytes(text, memory.Span);
        return new Utf8Slice(memory);
    }

    /// <summary>Ends every slice handed out so far.</summary>
    public void Reset()
    {
        foreach (var chunk in _full)
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }

        _full.Clear();
        _used = 0;
    }

    public void Dispose()
    {
        Reset();
        ArrayPool<byte>.Shared.Return(_chunk);
        _chunk = [];
    }

    private void StartChunk(int length)
    {
        _full.Add(_chunk);
        _chunk = ArrayPool<byte>.Shared.Rent(Math.Max(length, ChunkBytes));
        _used = 0;
    }
}
