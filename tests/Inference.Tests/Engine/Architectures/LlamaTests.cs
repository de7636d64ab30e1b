using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Tests.Engine.Backends;

namespace Jesus.Inference.Tests.Engine.Architectures;

public sealed class LlamaTests
{
    [Fact]
    public void The_shape_is_what_the_metadata_says()
    {
        using var file = LlamaSamples.File(GgufTensorType.Q8_0, tied: false);
        var llama = Llama.Read(file);
        Assert.Equal(LlamaSamples.Layers, llama.Shape.Layers);
        Assert.Equal(LlamaSamples.KvHeads, llama.Shape.KvHeads);
        Assert.Equal(16, llama.Shape.HeadDim);
        Assert.Equal(LlamaSamples.Vocabulary, llama.Shape.Vocabulary);
        Assert.Equal(8, llama.Shape.Ropes[0].Frequencies.Length);
        Assert.Equal(1, llama.Shape.Ropes[0].Frequencies[0]);
        Assert.Equal(Math.Pow(10_000, -2.0 / 16), llama.Shape.Ropes[0].Frequencies[1]);
        Assert.Equal(3 + 9 * LlamaSamples.Layers, llama.Tensors.Count);
    }

    [Theory]
    [InlineData("token_embd.weight")]
    [InlineData("output_norm.weight")]
    [InlineData("blk.1.ffn_down.weight")]
    public void A_missing_tensor_is_named(string name)
    {
        using var file = LlamaSamples.Open(LlamaSamples.AddTensors(LlamaSamples.Metadata(), GgufTensorType.F32, without: name));
        var error = Assert.Throws<GgufException>(() => Llama.Read(file));
        Assert.Equal(name, error.Field);
        Assert.Contains("missing", error.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tensor_of_the_wrong_shape_is_named_with_both_shapes()
    {
        var writer = LlamaSamples.AddTensors(LlamaSamples.Metadata(), GgufTensorType.F32, without: "blk.0.attn_k.weight")
            .AddTensor("blk.0.attn_k.weight", GgufTensorType.F32, [64, 64], new byte[64 * 64 * 4]);
        using var file = LlamaSamples.Open(writer);
        var error = Assert.Throws<GgufException>(() => Llama.Read(file));
        Assert.Equal("blk.0.attn_k.weight", error.Field);
        Assert.Contains("[64, 64]", error.Problem, StringComparison.Ordinal);
        Assert.Contains("[64, 32]", error.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tensor_type_without_a_kernel_is_refused_with_the_types_that_have_one()
    {
        var writer = LlamaSamples.AddTensors(LlamaSamples.Metadata(), GgufTensorType.F32, without: "blk.0.attn_k.weight")
            .AddTensor("blk.0.attn_k.weight", GgufTensorType.Q8_1, [64, 32], new byte[64 * 32 / 32 * 36]);
        using var file = LlamaSamples.Open(writer);
        var error = Assert.Throws<GgufException>(() => Llama.Read(file));
        Assert.Contains("Q8_1", error.Problem, StringComparison.Ordinal);
        Assert.Contains("Q8_0", error.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tensor_that_the_graph_would_skip_is_refused()
    {
        var writer = LlamaSamples.AddTensors(LlamaSamples.Metadata(), GgufTensorType.F32).AddTensor("blk.0.attn_q_norm.weight", GgufTensorType.F32, [16], new byte[64]);
        using var file = LlamaSamples.Open(writer);
        Assert.Equal("blk.0.attn_q_norm.weight", Assert.Throws<GgufException>(() => Llama.Read(file)).Field);
    }

    [Fact]
    public void Metadata_that_cannot_be_is_refused_by_key()
    {
        AssertRefused("llama.attention.head_count_kv", Change("llama.attention.head_count_kv", writer => writer.Add("llama.attention.head_count_kv", 3u)));
        AssertRefused("llama.block_count", Change("llama.block_count", writer => writer.Add("llama.block_count", 0u)));
        AssertRefused("llama.rope.scaling.type", Change("", writer => writer.Add("llama.rope.scaling.type", "spiral")));
        AssertRefused("llama.rope.dimension_count", Change("", writer => writer.Add("llama.rope.dimension_count", 17u)));
        AssertRefused("llama.expert_used_count", Change("", writer => writer.Add("llama.expert_count", 8u).Add("llama.expert_used_count", 9u)));
        AssertRefused("llama.rope.scaling.factor", Change("", writer => writer.Add("llama.rope.scaling.factor", float.NaN)));
        AssertRefused("llama.rope.scaling.original_context_length", Change("", writer => writer.Add("llama.rope.scaling.type", "yarn")
            .Add("llama.rope.scaling.factor", 4f).Add("llama.rope.scaling.original_context_length", 0u)));
        AssertRefused("llama.context_length", Change("llama.context_length", writer => writer));
    }

    [Fact]
    public void An_unknown_architecture_is_refused_with_those_known()
    {
        using var file = LlamaSamples.Open(LlamaSamples.AddTensors(new GgufWriter().Add("general.architecture", "mamba"), GgufTensorType.F32));
        var error = Assert.Throws<GgufException>(() => ArchitectureReaders.Read(file));
        Assert.Equal("general.architecture", error.Field);
        Assert.Contains("mamba", error.Problem, StringComparison.Ordinal);
        Assert.All(ArchitectureReaders.Names, name => Assert.Contains(name, error.Problem, StringComparison.Ordinal));
    }

    private static void AssertRefused(string key, GgufWriter writer)
    {
        using var file = LlamaSamples.Open(LlamaSamples.AddTensors(writer, GgufTensorType.F32));
        Assert.Equal(key, Assert.Throws<GgufException>(() => Llama.Read(file)).Field);
    }

    /// <summary>The sample's metadata without one key, then changed.</summary>
    private static GgufWriter Change(string without, Func<GgufWriter, GgufWriter> change)
    {
        var writer = new GgufWriter();
        foreach (var (key, value) in Counts.Where(pair => pair.Key != without))
        {
            _ = writer.Add(key, (uint)value);
        }

        _ = writer.Add("llama.attention.layer_norm_rms_epsilon", 1e-5f);
        return change(without == "general.architecture" ? writer : writer.Add("general.architecture", "llama"));
    }

    private static readonly Dictionary<string, int> Counts = new()
    {
        ["llama.block_count"] = LlamaSamples.Layers,
        ["llama.embedding_length"] = LlamaSamples.Width,
        ["llama.feed_forward_length"] = LlamaSamples.Ffn,
        ["llama.attention.head_count"] = LlamaSamples.Heads,
        ["llama.attention.head_count_kv"] = LlamaSamples.KvHeads,
        ["llama.context_length"] = LlamaSamples.Context,
    };
}
