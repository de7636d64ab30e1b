using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.KvCache;
using Jesus.Inference.Tests.Engine.Gguf;

namespace Jesus.Inference.Tests.Engine.Backends;

public sealed class NativeBackendTests
{
    /// <summary>
    /// Differences are rounding; with Q8_0 and BF16 weights an activation that lies within rounding of a tie may also fall to the other side (1 part in 254 or 256 of
    /// one value).
    /// </summary>
    [Theory]
    [InlineData(GgufTensorType.F32, 1e-5)]
    [InlineData(GgufTensorType.F16, 1e-5)]
    [InlineData(GgufTensorType.BF16, 4e-3)]
    [InlineData(GgufTensorType.Q8_0, 2e-3)]
    public void Logits_are_those_of_the_reference(GgufTensorType type, double tolerance)
    {
        foreach (var tied in new[] { true, false })
        {
            using var file = LlamaSamples.File(type, tied);
            using var native = BackendRuns.Native(file);
            using var reference = new ReferenceBackend(file, BackendRuns.KvBlocks, roundActivations: true);
            var tokens = BackendRuns.Tokens(40, LlamaSamples.Vocabulary);
            var (expected, actual) = (BackendRuns.AllLogits(reference, tokens), BackendRuns.AllLogits(native, tokens));
            for (var i = 0; i < tokens.Length; i++)
            {
                Assert.InRange(BackendRuns.Difference(expected[i], actual[i]), 0, tolerance);
            }
        }
    }

    [Fact]
    public void Rope_factors_and_linear_scaling_are_those_of_the_reference()
    {
        var factors = Enumerable.Range(1, 8).Select(i => (float)i).ToArray();
        var writer = LlamaSamples.Metadata().Add("llama.rope.freq_base", 500_000f).Add("llama.rope.scaling.type", "linear").Add("llama.rope.scaling.factor", 2f);
        var bytes = new byte[32];
        Buffer.BlockCopy(factors, 0, bytes, 0, 32);
        using var file = LlamaSamples.Open(LlamaSamples.AddTensors(writer, GgufTensorType.F32).AddTensor("rope_freqs.weight", GgufTensorType.F32, [8], bytes));
        using var native = BackendRuns.Native(file);
        using var reference = new ReferenceBackend(file, BackendRuns.KvBlocks);
        var tokens = BackendRuns.Tokens(30, LlamaSamples.Vocabulary);
        Assert.InRange(BackendRuns.Difference(BackendRuns.AllLogits(reference, tokens)[^1], BackendRuns.AllLogits(native, tokens)[^1]), 0, 1e-5);
    }

    [Theory]
    [InlineData(Isa.Generic)]
    [InlineData(Isa.Avx2)]
    [InlineData(Isa.Avx512)]
    public void Every_instruction_set_gives_the_same_bits(Isa isa)
    {
        Assert.SkipUnless(NativeBackend.IsAvailable(isa), NativeBackend.WhyUnavailable ?? $"this CPU has no {isa}");
        using var file = LlamaSamples.File(GgufTensorType.Q8_0);
        using var expected = BackendRuns.Native(file, threads: 1, Isa.Generic, KvElementType.F16);
        using var actual = BackendRuns.Native(file, threads: 3, isa, KvElementType.F16);
        var tokens = BackendRuns.Tokens(50, LlamaSamples.Vocabulary);
        Assert.Equal(BackendRuns.AllLogits(expected, tokens), BackendRuns.AllLogits(actual, tokens));
        Assert.Equal(expected.Info.Numerics, actual.Info.Numerics);
    }

    [Fact]
    public void Decoding_token_by_token_beside_another_sequence_gives_the_bits_of_one_pass()
    {
        using var file = LlamaSamples.File(GgufTensorType.Q8_0);
        using var backend = BackendRuns.Native(file);
        var tokens = BackendRuns.Tokens(20, LlamaSamples.Vocabulary);
        var expected = BackendRuns.AllLogits(backend, tokens);

        var pool = new KvBlockPool(BackendRuns.KvBlocks);
        using var mine = new BlockTable(pool);
        using var other = new BlockTable(pool);
        var batch = new ForwardBatch(8, 1, LlamaSamples.Vocabulary);
        for (var i = 0; i < tokens.Length; i++)
        {
            Assert.True(other.TryReserve(i + 1) && mine.TryReserve(i + 1));
            batch.Clear();
            batch.BeginSequence(other.Blocks);
            _ = batch.Add(tokens[^(i + 1)], i, wantsLogits: false);
            batch.BeginSequence(mine.Blocks);
            var index = batch.Add(tokens[i], i, wantsLogits: true);
            backend.Forward(batch);
            Assert.Equal(expected[i], batch.Logits(index).ToArray());
        }
    }

    [Fact]
    public void A_batch_that_breaks_a_rule_is_an_error_in_words()
    {
        using var file = LlamaSamples.File(GgufTensorType.F32);
        using var backend = BackendRuns.Native(file);
        var batch = new ForwardBatch(4, 4, LlamaSamples.Vocabulary);
        batch.BeginSequence([0]);
        _ = batch.Add(LlamaSamples.Vocabulary, 0, wantsLogits: true);
        var error = Assert.Throws<BackendException>(() => backend.Forward(batch));
        Assert.Contains("a forward pass of 1 rows in 1 sequences: bad argument", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_cut_short_while_it_loads_is_an_error_that_names_the_tensor()
    {
        Assert.SkipWhen(NativeBackend.WhyUnavailable is not null, NativeBackend.WhyUnavailable ?? "");
        var bytes = LlamaSamples.AddTensors(LlamaSamples.Metadata(), GgufTensorType.F32).ToArray();
        using var source = new MemoryByteSource(bytes);
        using var file = GgufFile.Open(source, "cut.gguf");
        source.CutAt = bytes.Length - 1000;
        var error = Assert.Throws<GgufException>(() => NativeBackend.Load(file, new BackendOptions { KvBlocks = 1 }));
        Assert.Contains("became shorter", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_backend_says_about_itself_is_what_was_asked_for()
    {
        using var file = LlamaSamples.File(GgufTensorType.Q8_0);
        using var backend = BackendRuns.Native(file, threads: 2, Isa.Generic, KvElementType.F16);
        Assert.Equal("generic", backend.Info.Isa);
        Assert.Equal(2, backend.Info.Threads);
        Assert.Equal(BackendRuns.KvBlocks, backend.Info.KvBlocks);
        Assert.Equal(KvBudget.BlockBytes(backend.Shape, KvElementType.F16), backend.Info.KvBlockBytes);
        Assert.InRange(backend.Info.WeightBytes, 1, file.Length * 2);
    }
}
