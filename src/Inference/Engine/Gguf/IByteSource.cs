namespace Jesus.Inference.Engine.Gguf;

/// <summary>Bytes read by position: a file in the product, an array or a hostile one in tests. Never mapped, so a file cut short is an error, not a signal.</summary>
public interface IByteSource : IDisposable
{
    /// <summary>Bytes, as of opening.</summary>
    long Length { get; }

    /// <summary>Fills <paramref name="destination"/> from <paramref name="offset"/>; fewer bytes only where the source ends.</summary>
    int Read(long offset, Span<byte> destination);
}
