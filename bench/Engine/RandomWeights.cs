using System.Buffers.Binary;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Bench.Engine;

/// <summary>Matrices of random blocks in one format, or in the mixture that goes by the name of Q4_K_M.</summary>
internal sealed class RandomWeights(GgufWriter writer, string format, int layers)
{
    /// <summary>What <c>--formats</c> takes: the types' names in small letters, and the mixture.</summary>
    public static IReadOnlyList<string> Formats { get; } =
        [.. TensorFormats.Computed.Select(type => type.ToString().ToLowerInvariant()), Mixture];

    /// <summary>Q4_K, but Q6_K for the output and, in half of the layers, for values and for what leads out of the feed-forward part.</summary>
    private const string Mixture = "q4_k_m";

    /// <summary>Blocks of noise that are repeated through a file: made once, megabytes copied.</summary>
    private const int NoiseBytes = 1 << 20;

    private readonly Dictionary<GgufTensorType, byte[]> _noise = [];

    /// <param name="name">The tensor's name.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="columns">Columns of a row, whole blocks.</param>
    /// <param name="favoured">The layer, of a tensor that the mixture favours; -1 for the others.</param>
    public void Matrix(string name, int rows, int columns, int favoured = -1)
    {
        var type = TypeOf(name, favoured);
        var block = GgufBlock.Of(type);
        var noise = Noise(type, block);
        _ = writer.AddTensor(name, type, [columns, rows], stream =>
        {
            for (var left = (long)rows * columns / block.Elements * block.Bytes; left > 0; left -= noise.Length)
            {
                stream.Write(noise.AsSpan(0, (int)Math.Min(left, noise.Length)));
            }
        });
    }

    private GgufTensorType TypeOf(string name, int favoured)
    {
        if (format != Mixture)
        {
            return Enum.Parse<GgufTensorType>(format, ignoreCase: true);
        }

        var more = favoured >= 0 && (favoured < layers / 8 || favoured >= 7 * layers / 8 || (favoured - layers / 8) % 3 == 2);
        return more || name == "output.weight" ? GgufTensorType.Q6_K : GgufTensorType.Q4_K;
    }

    /// <summary>Random codes (splitmix64), and scales that keep activations near their size.</summary>
    private byte[] Noise(GgufTensorType type, GgufBlock block)
    {
        if (_noise.TryGetValue(type, out var known))
        {
            return known;
        }

        var noise = new byte[NoiseBytes / block.Bytes * block.Bytes];
        ulong state = 1;
        for (var at = 0; at < noise.Length; at += block.Bytes)
        {
            for (var i = 0; i < block.Bytes; i++)
            {
                state += 0x9e3779b97f4a7c15;
                var z = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
                noise[at + i] = (byte)(z >> 56);
            }

            Scale(type, noise.AsSpan(at, block.Bytes));
        }

        return _noise[type] = noise;
    }

    private static void Scale(GgufTensorType type, Span<byte> block)
    {
        const float Typical = 0.02f;
        switch (type)
        {
            case GgufTensorType.F32: BinaryPrimitives.WriteSingleLittleEndian(block, (block[0] - 127.5f) / 74 * Typical); break;
            case GgufTensorType.F16: BinaryPrimitives.WriteHalfLittleEndian(block, (Half)((block[0] - 127.5f) / 74 * Typical)); break;
            case GgufTensorType.BF16:
                BinaryPrimitives.WriteUInt16LittleEndian(block, (ushort)(BitConverter.SingleToUInt32Bits((block[0] - 127.5f) / 74 * Typical) >> 16));
                break;
            case GgufTensorType.MXFP4: block[0] = 120; break;
            case GgufTensorType.Q4_1 or GgufTensorType.Q5_1: Halves(block, 0, Typical / 8, 2, -Typical); break;
            case GgufTensorType.Q4_K or GgufTensorType.Q5_K: Halves(block, 0, Typical / 250, 2, Typical / 32); break;
            case GgufTensorType.Q2_K: Halves(block, 80, Typical / 8, 82, Typical / 8); break;
            case GgufTensorType.Q3_K: Halves(block, 108, Typical / 40, 108, Typical / 40); break;
            case GgufTensorType.Q6_K: Halves(block, 208, Typical / 1300, 208, Typical / 1300); break;
            case GgufTensorType.IQ4_XS: Halves(block, 0, Typical / 1200, 0, Typical / 1200); break;
            case GgufTensorType.Q8_0 or GgufTensorType.IQ4_NL: Halves(block, 0, Typical / 70, 0, Typical / 70); break;
            default: Halves(block, 0, Typical / 5, 0, Typical / 5); break;
        }
    }

    private static void Halves(Span<byte> block, int first, float a, int second, float b)
    {
        BinaryPrimitives.WriteHalfLittleEndian(block[first..], (Half)a);
        BinaryPrimitives.WriteHalfLittleEndian(block[second..], (Half)b);
    }
}
