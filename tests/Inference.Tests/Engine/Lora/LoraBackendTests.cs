using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.KvCache;
using Jesus.Inference.Tests.Engine.Architectures;
using Jesus.Inference.Tests.Engine.Backends;
using Jesus.Tests.Memory;

namespace Jesus.Inference.Tests.Engine.Lora;

/// <summary>What adapters compute: on the reference and the kernels, against weights with the adapter merged in, and in batches of everything.</summary>
public sealed class LoraBackendTests(ITestOutputHelper output)
{
    /// <summary>All that write text; an encoder's passes have no adapters.</summary>
    public static TheoryData<string> Names => [.. ArchitectureSamples.Names.Where(name => !name.Contains("bert", StringComparison.Ordinal))];

    public static TheoryData<GgufTensorType> Types => [GgufTensorType.F32, GgufTensorType.F16, GgufTensorType.BF16, GgufTensorType.Q8_0];

    /// <summary>Fused tensors (phi3) and layers with experts (attention alone is adapted) among them.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void An_adapter_gives_the_logits_of_weights_that_it_is_merged_into(string name)
    {
        var sample = ArchitectureSamples.Of(name);
        using var model = sample.Open();
        using var adapter = LoraSamples.Open(model, rank: 8, seed: 3);
        using var merged = sample.Open(tensor => LoraSamples.Merge(adapter, tensor.Name, tensor.Values(name)));
        using var expected = new ReferenceBackend(merged, BackendRuns.KvBlocks);
        using var reference = new ReferenceBackend(model, LoraSamples.With(model, adapter), BackendRuns.KvBlocks);
        using var native = BackendRuns.Native(model, LoraSamples.With(model, adapter));
        var logits = BackendRuns.AllLogits(expected, ArchitectureSamples.Tokens);
        AssertClose(logits, BackendRuns.AllLogits(reference, ArchitectureSamples.Tokens, adapter: 1), 1e-4);
        AssertClose(logits, BackendRuns.AllLogits(native, ArchitectureSamples.Tokens, adapter: 1), 1e-4);
        Assert.True(BackendRuns.Difference(logits[^1], BackendRuns.AllLogits(native, ArchitectureSamples.Tokens)[^1]) > 1e-3, "the adapter changes nothing");
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void The_kernels_give_the_reference_logits_with_adapters_of_every_type(GgufTensorType type)
    {
        using var model = LlamaSamples.File(GgufTensorType.Q8_0, tied: false);
        using var adapter = LoraSamples.Open(model, rank: 32, seed: 9, type);
        var graph = LoraSamples.With(model, adapter);
        using var native = BackendRuns.Native(model, graph);
        using var reference = new ReferenceBackend(model, graph, BackendRuns.KvBlocks, roundActivations: true);
        var tokens = BackendRuns.Tokens(30, LlamaSamples.Vocabulary);
        AssertClose(BackendRuns.AllLogits(reference, tokens, adapter: 1), BackendRuns.AllLogits(native, tokens, adapter: 1), 8e-3);
        Assert.InRange(native.Info.AdapterBytes, 1, graph.Adapters[0].Bytes * 2);
    }

    [Theory]
    [InlineData(Isa.Generic)]
    [InlineData(Isa.Avx2)]
    [InlineData(Isa.Avx512)]
    public void Every_instruction_set_gives_the_same_bits(Isa isa)
    {
        Assert.SkipUnless(NativeBackend.IsAvailable(isa), NativeBackend.WhyUnavailable ?? $"this CPU has no {isa}");
        using var model = LlamaSamples.File(GgufTensorType.Q8_0, tied: false);
        using var adapter = LoraSamples.Open(model, rank: 7, seed: 2, GgufTensorType.F16);
        using var expected = BackendRuns.Native(model, LoraSamples.With(model, adapter), threads: 1, Isa.Generic);
        using var actual = BackendRuns.Native(model, LoraSamples.With(model, adapter), threads: 3, isa);
        var tokens = BackendRuns.Tokens(50, LlamaSamples.Vocabulary);
        Assert.Equal(BackendRuns.AllLogits(expected, tokens, 1), BackendRuns.AllLogits(actual, tokens, 1));
    }

    /// <summary>Prompts and single tokens of the base and three adapters in one pass: each row's logits are, to the bit, those of its sequence alone on one thread.</summary>
    [Fact]
    public void Hundreds_of_rows_of_any_adapters_have_what_each_has_alone()
    {
        var random = new Random(TestSeed.Next(output));
        using var model = LlamaSamples.File(GgufTensorType.Q8_0, tied: false);
        using var first = LoraSamples.Open(model, 16, 1, GgufTensorType.F16);
        using var second = LoraSamples.Open(model, 5, 50);
        using var third = LoraSamples.Open(model, 24, 90, GgufTensorType.BF16, name => name.Contains("ffn", StringComparison.Ordinal));
        var graph = LoraSamples.With(model, first, second, third);
        using var alone = BackendRuns.Native(model, graph, threads: 1);
        using var together = BackendRuns.Native(model, graph, threads: 2);
        for (var round = 0; round < 12; round++)
        {
            var sequences = Enumerable.Range(0, 10)
                .Select(i => (Tokens: Tokens(random, random.Next(1, 60)), Adapter: random.Next(4), Ahead: random.Next(2) == 0))
                .ToArray();
            var expected = sequences.Select(sequence => BackendRuns.AllLogits(alone, sequence.Tokens, sequence.Adapter)).ToArray();
            AssertSame(expected, sequences, together);
        }
    }

    [Fact]
    public void An_adapter_whose_weights_are_no_numbers_harms_its_own_rows_alone()
    {
        using var model = LlamaSamples.File(GgufTensorType.Q8_0, tied: false);
        using var bad = LlamaSamples.Open(LoraSamples.Metadata()
            .AddTensor("blk.1.ffn_down.weight.lora_a", GgufTensorType.F32, [LlamaSamples.Ffn, 4], NoNumbers(LlamaSamples.Ffn * 4))
            .AddTensor("blk.1.ffn_down.weight.lora_b", GgufTensorType.F32, [4, LlamaSamples.Width], NoNumbers(LlamaSamples.Width * 4)));
        using var backend = BackendRuns.Native(model, LoraSamples.With(model, bad));
        var tokens = BackendRuns.Tokens(9, LlamaSamples.Vocabulary);
        var expected = BackendRuns.AllLogits(backend, tokens);
        var pool = new KvBlockPool(BackendRuns.KvBlocks);
        using var mine = new BlockTable(pool);
        using var other = new BlockTable(pool);
        Assert.True(mine.TryReserve(9) && other.TryReserve(9));
        var batch = new ForwardBatch(18, 18, LlamaSamples.Vocabulary);
        Add(batch, other, tokens, 0, 9, adapter: 1);
        Add(batch, mine, tokens, 0, 9, adapter: 0);
        backend.Forward(batch);
        Assert.All(Enumerable.Range(0, 9), i => Assert.Equal(expected[i], batch.Logits(9 + i).ToArray()));
        Assert.False(float.IsFinite(batch.Logits(0)[0]));
        Assert.Equal(1, backend.FindNotFinite(batch, 0));
    }

    [Fact]
    public void A_pass_of_several_adapters_allocates_nothing()
    {
        using var model = LlamaSamples.File(GgufTensorType.Q8_0);
        using var first = LoraSamples.Open(model, 16, 1);
        using var second = LoraSamples.Open(model, 8, 2);
        using var backend = BackendRuns.Native(model, LoraSamples.With(model, first, second));
        var pool = new KvBlockPool(BackendRuns.KvBlocks);
        using var table = new BlockTable(pool);
        using var other = new BlockTable(pool);
        Assert.True(table.TryReserve(8) && other.TryReserve(8));
        var tokens = BackendRuns.Tokens(8, LlamaSamples.Vocabulary);
        var batch = new ForwardBatch(16, 16, LlamaSamples.Vocabulary);
        Assert.Equal(0, Allocation.LeastOf(() =>
        {
            batch.Clear();
            Add(batch, table, tokens, 0, 8, adapter: 1);
            Add(batch, other, tokens, 0, 8, adapter: 2);
            backend.Forward(batch);
        }));
    }

    private static void AssertSame(float[][][] expected, (int[] Tokens, int Adapter, bool Ahead)[] sequences, NativeBackend backend)
    {
        var pool = new KvBlockPool(BackendRuns.KvBlocks);
        var tables = sequences.Select(_ => new BlockTable(pool)).ToArray();
        var batch = new ForwardBatch(512, 512, LlamaSamples.Vocabulary);
        for (var i = 0; i < sequences.Length; i++)
        {
            Assert.True(tables[i].TryReserve(sequences[i].Tokens.Length));
            if (sequences[i] is { Ahead: true, Tokens.Length: > 1 } ahead)
            {
                batch.Clear();
                Add(batch, tables[i], ahead.Tokens, 0, ahead.Tokens.Length - 1, ahead.Adapter);
                backend.Forward(batch);
            }
        }

        batch.Clear();
        var wanted = new List<float[]>();
        for (var i = 0; i < sequences.Length; i++)
        {
            var (tokens, adapter, ahead) = sequences[i];
            var start = ahead ? tokens.Length - 1 : 0;
            Add(batch, tables[i], tokens, start, tokens.Length - start, adapter);
            wanted.AddRange(expected[i][start..]);
        }

        backend.Forward(batch);
        Array.ForEach(tables, table => table.Dispose());
        for (var row = 0; row < wanted.Count; row++)
        {
            Assert.Equal(wanted[row], batch.Logits(row).ToArray());
        }
    }

    private static void Add(ForwardBatch batch, BlockTable table, int[] tokens, int start, int count, int adapter)
    {
        batch.BeginSequence(table.Blocks);
        for (var i = start; i < start + count; i++)
        {
            _ = batch.Add(tokens[i], i, wantsLogits: true, adapter);
        }
    }

    private static byte[] NoNumbers(int count) => LlamaSamples.Encode([.. Enumerable.Repeat(float.NaN, count)], GgufTensorType.F32);

    private static int[] Tokens(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(LlamaSamples.Vocabulary))];

    private static void AssertClose(float[][] expected, float[][] actual, double tolerance)
    {
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.InRange(BackendRuns.Difference(expected[i], actual[i]), 0, tolerance);
        }
    }
}
