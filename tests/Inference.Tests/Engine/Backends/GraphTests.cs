using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.KvCache;

namespace Jesus.Inference.Tests.Engine.Backends;

/// <summary>Every feature of the graph: the kernels against the definition, and that a sequence's numbers are its own.</summary>
public sealed class GraphTests
{
    private const int Length = 75;

    public static TheoryData<string> Features => [.. GraphSamples.Features.Select(feature => feature.Name)];

    /// <summary>
    /// In F32 the differences are rounding. With Q8_0 weights an activation within rounding of a tie may fall to the other side (1 part in 254 of its
    /// largest neighbour), which these small models carry into whole per cents.
    /// </summary>
    [Theory]
    [MemberData(nameof(Features))]
    public void The_kernels_give_the_numbers_of_the_reference(string feature)
    {
        foreach (var (type, tolerance) in new[] { (GgufTensorType.F32, 1e-4), (GgufTensorType.Q8_0, 0.04) })
        {
            var (file, model) = GraphSamples.Make(feature, type);
            using var open = file;
            using var native = Native(file, model);
            using var reference = new ReferenceBackend(file, model, BackendRuns.KvBlocks, roundActivations: true);
            var expected = Run(reference, [new(0, Length), new(1, 7)]);
            var actual = Run(native, [new(0, Length), new(1, 7)]);
            for (var i = 0; i < expected.Length; i++)
            {
                Assert.InRange(BackendRuns.Difference(expected[i], actual[i]), 0, tolerance);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Features))]
    public void Every_instruction_set_and_number_of_threads_gives_the_same_bits(string feature)
    {
        foreach (var type in new[] { GgufTensorType.F32, GgufTensorType.Q8_0 })
        {
            var (file, model) = GraphSamples.Make(feature, type);
            using var open = file;
            using var generic = Native(file, model, 1, Isa.Generic);
            var expected = Run(generic, [new(0, Length), new(1, 7)]);
            foreach (var isa in new[] { Isa.Generic, Isa.Avx2, Isa.Avx512 }.Where(NativeBackend.IsAvailable))
            {
                using var native = Native(file, model, 3, isa);
                Assert.Equal(expected, Run(native, [new(0, Length), new(1, 7)]));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Features))]
    public void A_sequence_alone_among_others_and_in_chunks_gives_the_same_bits(string feature)
    {
        foreach (var type in new[] { GgufTensorType.F32, GgufTensorType.Q8_0 })
        {
            var (file, model) = GraphSamples.Make(feature, type);
            using var open = file;
            using var native = Native(file, model);
            var alone = Run(native, [new(2, Length)]);
            var among = Run(native, [new(0, 13), new(1, 40), new(2, Length), new(3, 3)]);
            Assert.Equal(alone, among[53..(53 + Length)]);
            if (model.Shape.IsCausal)
            {
                Assert.Equal(alone, RunInChunks(native, 2, [1, 30, 17, 1, 1, 25]));
            }
        }
    }

    /// <summary>A key or value within rounding of a tie may fall to the other side.</summary>
    [Theory]
    [InlineData(KvElementType.F32, 1e-4)]
    [InlineData(KvElementType.F16, 1e-3)]
    [InlineData(KvElementType.Q8_0, 1e-2)]
    public void Every_type_of_keys_and_values_is_that_of_the_reference_and_has_the_same_bits_everywhere(KvElementType kv, double tolerance)
    {
        var (file, model) = GraphSamples.Make("plain", GgufTensorType.F32, headDim: 32);
        using var open = file;
        using var native = Native(file, model, kv: kv);
        using var generic = Native(file, model, 1, Isa.Generic, kv);
        using var reference = new ReferenceBackend(file, model, BackendRuns.KvBlocks, kvType: kv);
        var (expected, actual) = (Run(reference, [new(0, Length)]), Run(native, [new(0, Length)]));
        for (var i = 0; i < Length; i++)
        {
            Assert.InRange(BackendRuns.Difference(expected[i], actual[i]), 0, tolerance);
        }

        Assert.Equal(actual, Run(generic, [new(0, Length)]));
        Assert.Equal(actual, RunInChunks(native, 0, [1, 30, 17, 1, 1, 25]));
        Assert.Equal(KvBudget.BlockBytes(model.Shape, kv), native.Info.KvBlockBytes);
    }

    [Fact]
    public void Keys_and_values_of_8_bits_are_refused_where_heads_do_not_fit_them()
    {
        var (file, model) = GraphSamples.Make("plain", GgufTensorType.F32);
        using var open = file;
        var error = Assert.Throws<BackendException>(() => Native(file, model, kv: KvElementType.Q8_0));
        Assert.Contains("heads have 16", error.Message, StringComparison.Ordinal);
        Assert.Contains("Use F16", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Hidden_states_are_those_of_the_reference()
    {
        foreach (var feature in new[] { "plain", "bert", "nomic-bert" })
        {
            var (file, model) = GraphSamples.Make(feature, GgufTensorType.F32);
            using var open = file;
            using var native = Native(file, model);
            using var reference = new ReferenceBackend(file, model, BackendRuns.KvBlocks);
            var (expected, actual) = (HiddenStates(reference), HiddenStates(native));
            for (var i = 0; i < expected.Length; i++)
            {
                Assert.InRange(BackendRuns.Difference(expected[i], actual[i]), 0, 1e-4);
            }
        }
    }

    [Fact]
    public void Token_types_change_what_an_encoder_gives_and_agree_with_the_reference()
    {
        var (file, model) = GraphSamples.Make("bert", GgufTensorType.F32);
        using var open = file;
        using var native = Native(file, model);
        using var reference = new ReferenceBackend(file, model, BackendRuns.KvBlocks);
        var (expected, actual) = (HiddenStates(reference, secondType: 1), HiddenStates(native, secondType: 1));
        Assert.InRange(BackendRuns.Difference(expected[0], actual[0]), 0, 1e-4);
        Assert.True(BackendRuns.Difference(HiddenStates(native)[0], actual[0]) > 1e-3);
    }

    [Fact]
    public void An_encoder_refuses_a_text_that_does_not_begin_at_0()
    {
        var (file, model) = GraphSamples.Make("bert", GgufTensorType.F32);
        using var open = file;
        using var native = Native(file, model);
        var batch = new ForwardBatch(4, 4, GraphSamples.Vocabulary);
        batch.BeginSequence([]);
        _ = batch.Add(1, 3, wantsLogits: false);
        _ = Assert.Throws<BackendException>(() => native.Forward(batch));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Where_numbers_end_is_found(int layer)
    {
        foreach (var feature in new[] { "plain", "experts", "norms after attention and network" })
        {
            var (file, model) = GraphSamples.Make(feature, GgufTensorType.F32);
            using var open = file;
            var broken = Break(file, model, layer < 0 ? WeightSlot.TokenEmbedding : WeightSlot.AttentionNorm, Math.Max(0, layer));
            using var native = Native(broken, model with { Tensors = [.. model.Tensors.Select(tensor => tensor with { Info = Info(broken, tensor.Info.Name) })] });
            var batch = Batch(native, [new(0, 5), new(1, 40)]);
            native.Forward(batch);
            Assert.True(float.IsNaN(batch.Logits(4)[0]));
            Assert.Equal(layer, native.FindNotFinite(batch, 1));
        }
    }

    [Fact]
    public void Where_all_are_numbers_nothing_is_found()
    {
        var (file, model) = GraphSamples.Make("plain", GgufTensorType.F32);
        using var open = file;
        using var native = Native(file, model);
        Assert.Null(native.FindNotFinite(Batch(native, [new(0, 5)]), 0));
    }

    private readonly record struct Text(int Sequence, int Length);

    private static NativeBackend Native(GgufFile file, ModelGraph model, int threads = 2, Isa isa = Isa.Auto, KvElementType kv = KvElementType.F32)
    {
        Assert.SkipWhen(NativeBackend.WhyUnavailable is not null, NativeBackend.WhyUnavailable ?? "");
        return NativeBackend.Load(file, model, new BackendOptions { Threads = threads, BatchRowsMax = 256, KvBlocks = BackendRuns.KvBlocks, KvType = kv, Isa = isa });
    }

    /// <summary>Logits (hidden states of encoders) of every row, each sequence in blocks of its own that stand in no order.</summary>
    private static float[][] Run(IBackend backend, Text[] texts)
    {
        var batch = Batch(backend, texts);
        backend.Forward(batch);
        return Rows(backend, batch);
    }

    private static float[][] Rows(IBackend backend, ForwardBatch batch) =>
        Enumerable.Range(0, batch.Rows).Select(i => (backend.Shape.IsCausal ? batch.Logits(i) : batch.Hidden(i)).ToArray()).ToArray();

    private static ForwardBatch Batch(IBackend backend, Text[] texts)
    {
        var batch = NewBatch(backend);
        foreach (var text in texts)
        {
            AddRows(backend, batch, text.Sequence, 0, text.Length);
        }

        return batch;
    }

    private static ForwardBatch NewBatch(IBackend backend) => new(256, 256, GraphSamples.Vocabulary, 256, backend.Shape.Width);

    private static void AddRows(IBackend backend, ForwardBatch batch, int sequence, int first, int count)
    {
        batch.BeginSequence(backend.Shape.IsCausal ? Enumerable.Range(0, 10).Select(i => (sequence * 10 + i * 7) % 10 + sequence * 10).ToArray() : []);
        for (var position = first; position < first + count; position++)
        {
            _ = batch.Add((position * 37 + sequence * 11 + 5) % GraphSamples.Vocabulary, position, wantsLogits: backend.Shape.IsCausal);
            if (!backend.Shape.IsCausal)
            {
                _ = batch.WantHidden();
            }
        }
    }

    private static float[][] RunInChunks(NativeBackend backend, int sequence, int[] chunks)
    {
        var rows = new List<float[]>();
        foreach (var chunk in chunks)
        {
            var batch = NewBatch(backend);
            AddRows(backend, batch, sequence, rows.Count, chunk);
            backend.Forward(batch);
            rows.AddRange(Rows(backend, batch));
        }

        return [.. rows];
    }

    private static float[][] HiddenStates(IBackend backend, int secondType = 0)
    {
        var batch = NewBatch(backend);
        batch.BeginSequence([3, 4]);
        for (var position = 0; position < 20; position++)
        {
            _ = batch.Add(position * 3 + 1, position, wantsLogits: false);
            if (position >= 10)
            {
                batch.SetTokenType(secondType);
            }

            if (position % 3 == 0)
            {
                _ = batch.WantHidden();
            }
        }

        backend.Forward(batch);
        return Enumerable.Range(0, batch.HiddenRows).Select(i => batch.Hidden(i).ToArray()).ToArray();
    }

    /// <summary>The file with one value of a tensor replaced by what is no number: of an embedding, the first row that sequence 1 uses.</summary>
    private static GgufFile Break(GgufFile file, ModelGraph model, WeightSlot slot, int layer)
    {
        var writer = new GgufWriter().Add("general.architecture", "sample");
        foreach (var tensor in model.Tensors)
        {
            var bytes = new byte[tensor.Info.ByteLength];
            file.ReadTensor(tensor.Info, 0, bytes);
            if (tensor.Slot == slot && tensor.Layer == layer)
            {
                bytes.AsSpan(slot == WeightSlot.TokenEmbedding ? (int)tensor.RowBytes * 5 : 0).Fill(0xff);
            }

            _ = writer.AddTensor(tensor.Info.Name, tensor.Info.Type, [.. tensor.Info.Dimensions], bytes);
        }

        return LlamaSamples.Open(writer);
    }

    private static GgufTensorInfo Info(GgufFile file, string name)
    {
        Assert.True(file.TryGetTensor(name, out var info));
        return info;
    }
}
