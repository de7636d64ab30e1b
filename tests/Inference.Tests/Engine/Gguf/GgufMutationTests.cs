using System.Buffers.Binary;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Tests.Engine.Gguf;

public sealed class GgufMutationTests(ITestOutputHelper output)
{
    private const int Files = 10_000;

    /// <summary>
    /// Bytes allocated for a file of n bytes: 16 n + 256 KB. The fixed part is the read window and the tables; the factor is the
    /// densest claim (a metadata entry of 14 bytes costs a dictionary slot and a string of some 150 bytes).
    /// </summary>
    private static long AllocationLimit(int length) => (16L * length) + (256 << 10);

    [Fact]
    public void Ten_thousand_mutated_files_are_read_or_refused_without_a_crash_or_a_read_outside()
    {
        var seed = Environment.GetEnvironmentVariable("JESUS_SEED") is { } given ? int.Parse(given, System.Globalization.CultureInfo.InvariantCulture) : Random.Shared.Next();
        output.WriteLine($"seed {seed}; replay with JESUS_SEED={seed}");
        var random = new Random(seed);
        var original = GgufSamples.Sample();
        var refused = 0;
        for (var i = 0; i < Files; i++)
        {
            var bytes = Mutate(original, random);
            refused += Survives(bytes, $"seed {seed}, file {i}") ? 0 : 1;
        }

        output.WriteLine($"{refused} of {Files} refused");
        Assert.InRange(refused, Files / 10, Files);
    }

    private static bool Survives(byte[] bytes, string which)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            using var file = GgufFile.Open(new MemoryByteSource(bytes), "mutated.gguf");
            ReadEverything(file);
            return true;
        }
        catch (GgufException error)
        {
            Assert.Equal("mutated.gguf", error.File);
            Assert.InRange(error.Offset, 0, bytes.Length);
            return false;
        }
        catch (Exception error) when (error is not Xunit.Sdk.XunitException)
        {
            Assert.Fail($"{which}: {error}");
            return false;
        }
        finally
        {
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated <= AllocationLimit(bytes.Length), $"{which}: {allocated} bytes allocated for a file of {bytes.Length}");
        }
    }

    private static void ReadEverything(GgufFile file)
    {
        Span<byte> chunk = stackalloc byte[64];
        foreach (var tensor in file.Tensors)
        {
            for (long offset = 0; offset < tensor.ByteLength; offset += chunk.Length)
            {
                file.ReadTensor(tensor, offset, chunk[..(int)Math.Min(chunk.Length, tensor.ByteLength - offset)]);
            }
        }
    }

    private static byte[] Mutate(byte[] original, Random random)
    {
        var bytes = (byte[])original.Clone();
        var edits = random.Next(1, 6);
        for (var i = 0; i < edits; i++)
        {
            bytes = MutateOnce(bytes, random);
        }

        return bytes;
    }

    private static byte[] MutateOnce(byte[] bytes, Random random)
    {
        var at = random.Next(Math.Max(1, bytes.Length - 8));
        switch (random.Next(6))
        {
            case 0 when bytes.Length > 8:
                bytes[at] = (byte)random.Next(256);
                return bytes;
            case 1 when bytes.Length > 8:
                bytes[at] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 2 when bytes.Length > 8:
                BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(at), Extreme(random));
                return bytes;
            case 3:
                return bytes[..random.Next(bytes.Length + 1)];
            case 4:
                return [.. bytes[..at], .. bytes.AsSpan(random.Next(bytes.Length)), .. bytes[at..]];
            default:
                var length = Math.Min(random.Next(32), bytes.Length - at);
                return [.. bytes[..at], .. bytes[(at + Math.Max(0, length))..]];
        }
    }

    private static ulong Extreme(Random random) => random.Next(8) switch
    {
        0 => 0,
        1 => ulong.MaxValue,
        2 => long.MaxValue,
        3 => 1UL << 63,
        4 => 1UL << random.Next(64),
        5 => (1UL << random.Next(64)) - 1,
        6 => uint.MaxValue,
        _ => (ulong)random.Next(4096),
    };
}
