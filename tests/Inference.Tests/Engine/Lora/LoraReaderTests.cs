using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Lora;
using Jesus.Inference.Tests.Engine.Architectures;
using Jesus.Inference.Tests.Engine.Backends;
using Jesus.Inference.Tests.Engine.Gguf;

namespace Jesus.Inference.Tests.Engine.Lora;

/// <summary>An adapter's file against its base: what it adapts, and every refusal.</summary>
public sealed class LoraReaderTests(ITestOutputHelper output)
{
    private const string Query = "blk.0.attn_q.weight";

    [Fact]
    public void Every_matrix_is_found_with_rank_scale_and_place()
    {
        using var model = LlamaSamples.File(GgufTensorType.F32, tied: false);
        using var adapter = LoraSamples.Open(model, rank: 6, seed: 1);
        var graph = LoraSamples.With(model, adapter).Adapters[0];
        Assert.Equal(1 + LlamaSamples.Layers * 7, graph.Parts.Count);
        Assert.All(graph.Parts, part => Assert.Equal((6, 0.3f), (part.Rank, MathF.Round(part.Scale, 6))));
        var key = graph.Parts.Single(part => part is { Slot: WeightSlot.Key, Layer: 1 });
        Assert.Equal((64L, 32L, 0L), (key.Columns, key.Rows, key.FirstRow));
        Assert.True(graph.Bytes >= graph.Parts.Sum(part => (part.Columns + part.Rows) * 6 * sizeof(float)));
    }

    [Fact]
    public void A_fused_tensor_gives_each_slot_its_rows()
    {
        using var model = ArchitectureSamples.Of("phi3-long").Open();
        using var adapter = LoraSamples.Open(model, rank: 4, seed: 1, only: name => name == "blk.1.attn_qkv.weight");
        var parts = LoraSamples.With(model, adapter).Adapters[0].Parts;
        Assert.Equal(
            [(WeightSlot.Query, 0L, 64L), (WeightSlot.Key, 64L, 32L), (WeightSlot.Value, 96L, 32L)],
            parts.Select(part => (part.Slot, part.FirstRow, part.Rows)));
    }

    [Fact]
    public void A_file_that_is_no_adapter_or_another_bases_is_refused_by_its_key()
    {
        AssertRefused(new GgufWriter().Add("general.type", "model"), "general.type", "this is no adapter");
        AssertRefused(new GgufWriter().Add("general.architecture", "llama"), "general.type", "missing");
        AssertRefused(new GgufWriter().Add("general.type", "adapter").Add("adapter.type", "ia3"), "adapter.type", "not \"lora\"");
        AssertRefused(LoraSamples.Metadata("qwen2"), "general.architecture", "is \"qwen2\", not \"llama\": its base is another model than base");
        AssertRefused(LoraSamples.Metadata().Add("adapter.alora.invocation_tokens", [1, 2]), "adapter.alora.invocation_tokens", "begin to act");
        AssertRefused(LoraSamples.Metadata(), "tensors", "there are none");
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(0f)]
    [InlineData(-4f)]
    public void An_alpha_that_is_no_positive_number_is_refused(float alpha) =>
        AssertRefused(LoraSamples.Metadata(alpha: alpha).AddPair(Query, 64, 64, 4), "adapter.lora.alpha", "a finite number above 0 is needed");

    [Fact]
    public void Tensors_that_do_not_fit_the_base_are_refused_with_the_shapes()
    {
        AssertRefused(LoraSamples.Metadata().AddPair(Query, 32, 64, 4), Query + ".lora_a", "is [32, 4], and", "which is [64, 64]", "[64, rank] and [rank, 64] are needed");
        AssertRefused(LoraSamples.Metadata().AddPair("blk.0.attn_k.weight", 64, 64, 4), "blk.0.attn_k.weight.lora_a", "is [4, 64]", "which is [64, 32]");
        AssertRefused(LoraSamples.Metadata().AddTensor(Query + ".lora_a", GgufTensorType.F32, [64, 4], new byte[1024])
            .AddTensor(Query + ".lora_b", GgufTensorType.F32, [8, 64], new byte[2048]), Query + ".lora_a", "is [64, 4]", "is [8, 64]");
        AssertRefused(LoraSamples.Metadata().AddPair("blk.7.attn_q.weight", 64, 64, 4), "blk.7.attn_q.weight.lora_a", "which base does not have");
        AssertRefused(LoraSamples.Metadata().AddPair(Query, 64, 64, LoraGraph.RankMax + 1), Query + ".lora_a", "has rank 257; 1 to 256");
    }

    [Fact]
    public void Half_of_a_pair_and_tensors_of_no_use_are_refused_by_name()
    {
        AssertRefused(LoraSamples.Metadata().AddTensor(Query + ".lora_a", GgufTensorType.F32, [64, 4], new byte[1024]), Query + ".lora_a", $"has no {Query}.lora_b");
        AssertRefused(LoraSamples.Metadata().AddTensor(Query + ".lora_b", GgufTensorType.F32, [4, 64], new byte[1024]), Query + ".lora_b", $"has no {Query}.lora_a");
        AssertRefused(LoraSamples.Metadata().AddTensor("blk.0.attn_norm.weight", GgufTensorType.F32, [64], new byte[256]), "blk.0.attn_norm.weight", "nothing else of an adapter");
        AssertRefused(LoraSamples.Metadata().AddPair("token_embd.weight", 64, 90, 4), "token_embd.weight.lora_a", "(TokenEmbedding)", "Merge this one");
        AssertRefused(LoraSamples.Metadata().AddTensor(Query + ".lora_a", GgufTensorType.I8, [64, 4], new byte[256])
            .AddTensor(Query + ".lora_b", GgufTensorType.F32, [4, 64], new byte[1024]), Query + ".lora_a", "has type I8");
    }

    [Fact]
    public void Experts_are_refused_by_name()
    {
        using var model = ArchitectureSamples.Of("qwen3moe").Open();
        var tensor = model.Tensors.First(tensor => tensor.Name.EndsWith("ffn_gate_exps.weight", StringComparison.Ordinal));
        using var adapter = LlamaSamples.Open(LoraSamples.Metadata("qwen3moe").AddPair(tensor.Name, tensor.Columns, 32, 4));
        Assert.Contains("(ExpertGate)", Assert.Throws<GgufException>(() => LoraSamples.With(model, adapter)).Problem, StringComparison.Ordinal);
    }

    /// <summary>Cut or damaged anywhere, reading ends in an adapter or in words.</summary>
    [Fact]
    public void Files_cut_short_or_damaged_are_refused_in_words()
    {
        var random = new Random(TestSeed.Next(output));
        using var model = LlamaSamples.File(GgufTensorType.F32, tied: false);
        var whole = LoraSamples.Write(model, 4, 1).ToArray();
        for (var i = 0; i < 300; i++)
        {
            var bytes = i % 2 == 0 ? whole[..random.Next(whole.Length)] : (byte[])whole.Clone();
            for (var edit = i % 2 == 0 ? 0 : random.Next(1, 4); edit > 0; edit--)
            {
                bytes[random.Next(24, 1_500)] = (byte)random.Next(256);
            }

            try
            {
                using var file = GgufFile.Open(new MemoryByteSource(bytes), "adapter.gguf");
                Assert.NotEmpty(LoraSamples.With(model, file).Adapters[0].Parts);
                Assert.False(i % 2 == 0 && bytes.Length < whole.Length - 64, "a file cut short was read");
            }
            catch (GgufException error)
            {
                Assert.Equal("adapter.gguf", error.File);
            }
        }
    }

    private static void AssertRefused(GgufWriter adapter, string field, params string[] words)
    {
        using var model = LlamaSamples.File(GgufTensorType.F32);
        using var file = LlamaSamples.Open(adapter);
        var error = Assert.Throws<GgufException>(() => LoraSamples.With(model, file));
        Assert.Equal(field, error.Field);
        Assert.All(words, word => Assert.Contains(word, error.Problem, StringComparison.Ordinal));
    }
}
