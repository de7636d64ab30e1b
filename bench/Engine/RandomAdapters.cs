using System.Runtime.InteropServices;
using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Lora;

namespace Jesus.Bench.Engine;

/// <summary>A model's graph with LoRA adapters of one rank beside every matrix, F16 of random bits: speeds are those of trained ones.</summary>
internal sealed class RandomAdapters : IDisposable
{
    /// <summary>Adapters in memory, which streams take in turn.</summary>
    public const int Count = 4;

    private static readonly string[] Names = ["attn_q", "attn_k", "attn_v", "attn_qkv", "attn_output", "ffn_gate", "ffn_up", "ffn_down"];
    private readonly List<GgufFile> _files = [];

    /// <param name="rank">0: no adapter.</param>
    public RandomAdapters(GgufFile file, int rank)
    {
        Model = ArchitectureReaders.Read(file);
        for (var i = 0; i < Count && rank > 0; i++)
        {
            _files.Add(GgufFile.Open(new Bytes(Write(file, rank, i).ToArray()), $"adapter {i}"));
        }

        var plain = Model;
        Model = plain with { Adapters = [.. _files.Select(adapter => LoraReader.Read(adapter, plain, "base"))] };
    }

    public ModelGraph Model { get; }

    public void Dispose() => _files.ForEach(file => file.Dispose());

    private static GgufWriter Write(GgufFile model, int rank, int seed)
    {
        var writer = new GgufWriter()
            .Add("general.type", "adapter")
            .Add("general.architecture", model.Metadata.RequireString("general.architecture"))
            .Add("adapter.type", "lora")
            .Add("adapter.lora.alpha", (float)rank);
        var random = new Random(seed);
        foreach (var tensor in model.Tensors.Where(tensor => Array.Exists(Names, name => tensor.Name.EndsWith($".{name}.weight", StringComparison.Ordinal))))
        {
            _ = writer.AddTensor($"{tensor.Name}.lora_a", GgufTensorType.F16, [tensor.Columns, rank], Values(random, tensor.Columns * rank))
                .AddTensor($"{tensor.Name}.lora_b", GgufTensorType.F16, [rank, tensor.Rows], Values(random, tensor.Rows * rank));
        }

        return writer;
    }

    private static byte[] Values(Random random, long count)
    {
        var values = new Half[count];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (Half)((random.NextSingle() - 0.5f) / 64);
        }

        return MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
    }

    private sealed class Bytes(byte[] bytes) : IByteSource
    {
        public long Length => bytes.Length;

        public int Read(long offset, Span<byte> destination)
        {
            var count = (int)Math.Min(destination.Length, bytes.Length - offset);
            bytes.AsSpan((int)offset, count).CopyTo(destination);
            return count;
        }

        public void Dispose()
        {
            // Memory alone.
        }
    }
}
