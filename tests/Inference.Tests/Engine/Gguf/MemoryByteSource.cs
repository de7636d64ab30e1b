using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Tests.Engine.Gguf;

/// <summary>An array as a file; fails the test when a read begins or ends outside it.</summary>
internal sealed class MemoryByteSource(byte[] bytes) : IByteSource
{
    public long Length => bytes.Length;
    public bool Disposed { get; private set; }

    /// <summary>When set, reads from here on return nothing, as if the file had been cut after it was opened.</summary>
    public long CutAt { get; set; } = long.MaxValue;

    public int Read(long offset, Span<byte> destination)
    {
        Assert.True(offset >= 0 && offset + destination.Length <= bytes.Length, $"read of {destination.Length} bytes at {offset} of {bytes.Length}");
        var count = (int)Math.Max(0, Math.Min(destination.Length, CutAt - offset));
        bytes.AsSpan((int)offset, count).CopyTo(destination);
        return count;
    }

    public void Dispose() => Disposed = true;
}
