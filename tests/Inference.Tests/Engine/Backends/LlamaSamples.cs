using System.Buffers.Binary;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Tests.Engine.Gguf;

namespace Jesus.Inference.Tests.Engine.Backends;

/// <summary>Small llama files with random weights, always the same ones for a seed.</summary>
internal static class LlamaSamples
{
    public const int Vocabulary = 90;
    public const int Width = 64;
    public const int Heads = 4;
    public const int KvHeads = 2;
    public const int Ffn = 96;
    public const int Layers = 2;
    public const int Context = 128;

    private const int HeadDim = Width / Heads;

    public static GgufWriter Metadata(GgufWriter? into = null) => (into ?? new GgufWriter())
        .Add("general.architecture", "llama")
        .Add("llama.block_count", Layers)
        .Add("llama.embedding_length", Width)
        .Add("llama.feed_forward_length", Ffn)
        .Add("llama.attention.head_count", Heads)
        .Add("llama.attention.head_count_kv", KvHeads)
        .Add("llama.attention.layer_norm_rms_epsilon", 1e-5f)
        .Add("llama.context_length", Context);

    public static GgufWriter Add(this GgufWriter writer, string key, int value) => writer.Add(key, (uint)value);

    public static GgufFile File(GgufTensorType type, bool tied = true, ulong seed = 1) => Open(AddTensors(Metadata(), type, tied, seed));

    public static GgufFile Open(GgufWriter writer) => GgufFile.Open(new MemoryByteSource(writer.ToArray()), "sample.gguf");

    public static GgufWriter AddTensors(GgufWriter writer, GgufTensorType type, bool tied = true, ulong seed = 1, string? without = null, int vocabulary = Vocabulary)
    {
        foreach (var (name, rows, columns) in Tensors(tied, vocabulary).Where(tensor => tensor.Name != without))
        {
            var norm = rows == 0;
            var values = Values(Math.Max(1, rows) * columns, norm ? 1 : 0, seed++);
            var data = Encode(values, norm ? GgufTensorType.F32 : type);
            _ = writer.AddTensor(name, norm ? GgufTensorType.F32 : type, norm ? [columns] : [columns, rows], data);
        }

        return writer;
    }

    private static IEnumerable<(string Name, int Rows, int Columns)> Tensors(bool tied, int vocabulary)
    {
        yield return ("token_embd.weight", vocabulary, Width);
        yield return ("output_norm.weight", 0, Width);
        if (!tied)
        {
            yield return ("output.weight", vocabulary, Width);
        }

        for (var layer = 0; layer < Layers; layer++)
        {
            yield return ($"blk.{layer}.attn_norm.weight", 0, Width);
            yield return ($"blk.{layer}.attn_q.weight", Width, Width);
            yield return ($"blk.{layer}.attn_k.weight", KvHeads * HeadDim, Width);
            yield return ($"blk.{layer}.attn_v.weight", KvHeads * HeadDim, Width);
            yield return ($"blk.{layer}.attn_output.weight", Width, Width);
            yield return ($"blk.{layer}.ffn_norm.weight", 0, Width);
            yield return ($"blk.{layer}.ffn_gate.weight", Ffn, Width);
            yield return ($"blk.{layer}.ffn_up.weight", Ffn, Width);
            yield return ($"blk.{layer}.ffn_down.weight", Width, Ffn);
        }
    }

    /// <summary>Uniform around <paramref name="centre"/>, by splitmix64.</summary>
    public static float[] Values(int count, float centre, ulong seed)
    {
        var values = new float[count];
        for (var i = 0; i < count; i++)
        {
            var z = (seed * 1_000_003 + (ulong)i) * 0x9e3779b97f4a7c15;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
            z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
            values[i] = centre + ((z ^ (z >> 31)) >> 40) / 8388608f * 0.4f - 0.4f;
        }

        return values;
    }

    public static byte[] Encode(float[] values, GgufTensorType type)
    {
        var block = GgufBlock.Of(type);
        var bytes = new byte[values.Length / block.Elements * block.Bytes];
        for (var i = 0; i < values.Length / block.Elements; i++)
        {
            EncodeBlock(values.AsSpan(i * block.Elements, block.Elements), type, bytes.AsSpan(i * block.Bytes, block.Bytes));
        }

        return bytes;
    }

    private static void EncodeBlock(ReadOnlySpan<float> values, GgufTensorType type, Span<byte> bytes)
    {
        switch (type)
        {
            case GgufTensorType.F32:
                BinaryPrimitives.WriteSingleLittleEndian(bytes, values[0]);
                break;
            case GgufTensorType.F16:
                BinaryPrimitives.WriteHalfLittleEndian(bytes, (Half)values[0]);
                break;
            case GgufTensorType.BF16:
                BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)(BitConverter.SingleToInt32Bits(values[0]) >> 16));
                break;
            default:
                EncodeQ8(values, bytes);
                break;
        }
    }

    private static void EncodeQ8(ReadOnlySpan<float> values, Span<byte> bytes)
    {
        var largest = 0f;
        foreach (var value in values)
        {
            largest = Math.Max(largest, Math.Abs(value));
        }

        BinaryPrimitives.WriteHalfLittleEndian(bytes, (Half)(largest / 127));
        for (var i = 0; i < values.Length; i++)
        {
            bytes[2 + i] = (byte)(sbyte)MathF.Round(values[i] / largest * 127);
        }
    }
}
