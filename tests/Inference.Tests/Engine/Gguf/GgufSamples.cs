using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Tests.Engine.Gguf;

/// <summary>Small files with something of everything.</summary>
internal static class GgufSamples
{
    public static GgufWriter Writer() => new GgufWriter()
        .Add("general.architecture", "llama")
        .Add("general.name", "sample")
        .Add("llama.block_count", 2u)
        .Add("llama.rope.freq_base", 10000f)
        .Add("tokenizer.ggml.add_bos_token", true)
        .Add("tokenizer.ggml.tokens", ["<unk>", "<s>", "</s>", "a", "b", ""])
        .Add("tokenizer.ggml.scores", [0f, 0f, 0f, -1f, -2f, -3f])
        .Add("tokenizer.ggml.token_type", [2, 3, 3, 1, 1, 1])
        .AddTensor("token_embd.weight", GgufTensorType.F32, [4, 6], Bytes(4 * 6 * 4, 1))
        .AddTensor("blk.0.attn_q.weight", GgufTensorType.Q8_0, [32, 3], Bytes(34 * 3, 2))
        .AddTensor("output_norm.weight", GgufTensorType.F32, [4], Bytes(16, 3));

    public static byte[] Sample() => Writer().ToArray();

    public static GgufFile Open(byte[] bytes) => GgufFile.Open(new MemoryByteSource(bytes), "sample.gguf");

    public static byte[] Bytes(int length, byte start)
    {
        var bytes = new byte[length];
        for (var i = 0; i < length; i++)
        {
            bytes[i] = (byte)(start + i);
        }

        return bytes;
    }
}
