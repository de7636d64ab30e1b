using System.Buffers;
using System.Collections.Concurrent;

namespace Jesus.Transport.Nats.Memory;

/// <summary>
/// Bytes of several messages of one subscription, alive while any of them is. The reader that fills it holds <see cref="Bias"/> references and only counts
/// in a plain field how many it gave away, so that an atomic operation is paid once a message: by whoever disposes it.
/// </summary>
internal sealed class NatsChunk
{
    /// <summary>More than a chunk holds messages.</summary>
    public const int Bias = 1 << 30;

    private int _references = Bias;

    private NatsChunk(byte[] bytes, bool single)
    {
        Bytes = bytes;
        IsSingle = single;
    }

    public byte[] Bytes { get; }

    /// <summary>Made for one long message.</summary>
    public bool IsSingle { get; }

    /// <summary>Of a size of the pool.</summary>
    public static NatsChunk Rent(int sizeClass) => NatsChunkPool.Rent(sizeClass) is { } chunk ? chunk : new NatsChunk(new byte[NatsChunkPool.SizeOf(sizeClass)], single: false);

    /// <summary>For one message longer than the pool's chunks.</summary>
    public static NatsChunk RentSingle(int bytes) => new(ArrayPool<byte>.Shared.Rent(bytes), single: true) { _references = 1 };

    /// <summary>A message was disposed.</summary>
    public void Release()
    {
        if (Interlocked.Decrement(ref _references) == 0)
        {
            Recycle();
        }
    }

    /// <summary>All that were given away have been disposed: it can be filled from its start again.</summary>
    public bool IsFree(int given) => Volatile.Read(ref _references) == Bias - given;

    /// <summary>Of a chunk for one message: it was disposed.</summary>
    public bool IsReleased => Volatile.Read(ref _references) <= 0;

    /// <summary>Only where <see cref="IsFree"/>.</summary>
    public void Restart() => Volatile.Write(ref _references, Bias);

    /// <summary>The reader puts no more into it.</summary>
    public void Retire(int given)
    {
        if (Interlocked.Add(ref _references, given - Bias) == 0)
        {
            Recycle();
        }
    }

    private void Recycle()
    {
        if (IsSingle)
        {
            ArrayPool<byte>.Shared.Return(Bytes);
            return;
        }

        _references = Bias;
        NatsChunkPool.Return(this);
    }
}

/// <summary>Chunks between two uses; what is above the limit is left to the garbage collector.</summary>
internal static class NatsChunkPool
{
    /// <summary>Subscriptions begin small and grow with their traffic: thousands that hear little cost little.</summary>
    private static readonly int[] Sizes = [2 * 1024, 16 * 1024, 64 * 1024];

    /// <summary>Kept of each size: 128 of the largest are 8 MiB.</summary>
    private const int KeptMax = 128;

    private static readonly ConcurrentQueue<NatsChunk>[] Kept = [new(), new(), new()];
    private static readonly int[] KeptCount = new int[3];

    public static int LargestClass => Sizes.Length - 1;

    public static int Largest => Sizes[^1];

    public static int SizeOf(int sizeClass) => Sizes[sizeClass];

    public static NatsChunk? Rent(int sizeClass)
    {
        if (!Kept[sizeClass].TryDequeue(out var chunk))
        {
            return null;
        }

        Interlocked.Decrement(ref KeptCount[sizeClass]);
        return chunk;
    }

    public static void Return(NatsChunk chunk)
    {
        var sizeClass = Array.IndexOf(Sizes, chunk.Bytes.Length);
        if (Interlocked.Increment(ref KeptCount[sizeClass]) <= KeptMax)
        {
            Kept[sizeClass].Enqueue(chunk);
            return;
        }

        Interlocked.Decrement(ref KeptCount[sizeClass]);
    }
}
