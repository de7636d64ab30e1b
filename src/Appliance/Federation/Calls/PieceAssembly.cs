using Jesus.Appliance.Federation.Messages;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Federation.Calls;

/// <summary>A request that comes in pieces, in their order: NATS keeps the order of one sender.</summary>
internal sealed class PieceAssembly(ulong stream, int count, long beganMs) : IDisposable
{
    private readonly PooledBuffer _bytes = new(64 * 1024);
    private int _next;

    public ulong Stream => stream;
    public long BeganMs => beganMs;
    public int Length => _bytes.Length;
    public bool IsWhole => _next == count;
    public ReadOnlyMemory<byte> Bytes => _bytes.Memory;

    /// <summary>False: it is not the next one, or the whole would be too long.</summary>
    public bool TryAdd(InferRequest piece, int bytesMax)
    {
        if (piece.ChunkCount != count || piece.ChunkIndex != _next || piece.Piece.Length == 0 || _bytes.Length + (long)piece.Piece.Length > bytesMax)
        {
            return false;
        }

        _bytes.Write(piece.Piece.Span);
        _next++;
        return true;
    }

    public void Dispose() => _bytes.Dispose();
}
