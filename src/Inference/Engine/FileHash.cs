using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine;

/// <summary>SHA-256 of a whole source, by positional reads.</summary>
public static class FileHash
{
    /// <summary>Large enough that the hash, not the reads, sets the pace.</summary>
    private const int ChunkBytes = 1 << 20;

    /// <summary>64 hexadecimal digits; of a model in several files, of all parts one behind the other.</summary>
    public static string OfFile(string path)
    {
        using var source = ModelSource.Open(path);
        return Convert.ToHexStringLower(Of(source));
    }

    /// <summary>Of several files, one behind the other.</summary>
    public static string OfFiles(string[] paths)
    {
        using var source = ModelSource.Of(paths);
        return Convert.ToHexStringLower(Of(source));
    }

    /// <summary>32 bytes.</summary>
    public static byte[] Of(IByteSource source)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var chunk = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        for (long offset = 0; offset < source.Length;)
        {
            var read = source.Read(offset, chunk.AsSpan(0, (int)Math.Min(ChunkBytes, source.Length - offset)));
            if (read == 0)
            {
                break;
            }

            hash.AppendData(chunk, 0, read);
            offset += read;
        }

        ArrayPool<byte>.Shared.Return(chunk);
        return hash.GetHashAndReset();
    }

    /// <summary>The first 8 bytes, as <see cref="Contract.NumericsProfile"/> has them.</summary>
    public static ulong Prefix(ReadOnlySpan<byte> hash) => BinaryPrimitives.ReadUInt64BigEndian(hash);
}
