using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Tests.Engine.Backends;
using Jesus.Inference.Tests.Engine.Gguf;

namespace Jesus.Inference.Tests.Engine.Architectures;

/// <summary>Every architecture against an implementation of its own: make-golden.py, written from papers and model cards.</summary>
public sealed class ArchitectureTests(ITestOutputHelper output)
{
    private const int MutatedFiles = 200;

    /// <summary>The reference is slow with weights of many formats.</summary>
    private const int QuantisedTokens = 8;

    public static TheoryData<string> Names => [.. ArchitectureSamples.Names];

    [Fact]
    public void Every_architecture_has_a_model_here()
    {
        var covered = ArchitectureSamples.Names.Select(name => Shape(ArchitectureSamples.Of(name)).Architecture).ToHashSet();
        Assert.Superset(ArchitectureReaders.Names.ToHashSet(), covered);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_reference_gives_the_golden_logits(string name)
    {
        var sample = ArchitectureSamples.Of(name);
        using var file = sample.Open();
        using var reference = new ReferenceBackend(file, BackendRuns.KvBlocks);
        AssertGolden(sample, reference, 1e-4);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_kernels_give_the_golden_logits(string name)
    {
        var sample = ArchitectureSamples.Of(name);
        using var file = sample.Open();
        using var native = BackendRuns.Native(file);
        AssertGolden(sample, native, 1e-4);
    }

    public static TheoryData<GgufTensorType> Formats => [.. RandomBlocks.Types];

    /// <summary>
    /// Every architecture in every format of 32-value blocks, one in those of 256. The reference rounds activations as the kernels do, so what differs is an
    /// activation within rounding of a tie, carried through layers: some per cents of the largest logit in such small models.
    /// </summary>
    [Theory]
    [MemberData(nameof(Formats))]
    public void The_kernels_give_the_reference_logits_in_every_format(GgufTensorType type)
    {
        var isWide = GgufBlock.Of(type).Elements > 32;
        foreach (var name in isWide ? ["llama-3"] : ArchitectureSamples.Names)
        {
            using var file = ArchitectureSamples.Of(name).OpenQuantised(type);
            using var native = BackendRuns.Native(file);
            using var reference = new ReferenceBackend(file, BackendRuns.KvBlocks, roundActivations: true);
            var (expected, actual) = (Run(reference, QuantisedTokens), Run(native, QuantisedTokens));
            var worst = expected.Zip(actual, BackendRuns.Difference).Max();
            output.WriteLine($"{type} {name}: {worst:E1}");
            Assert.True(worst <= 0.06, $"{type} {name}: {worst}");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_missing_tensor_is_named(string name)
    {
        var sample = ArchitectureSamples.Of(name);
        foreach (var tensor in sample.Tensors.Where(tensor => !IsOptional(tensor.Name)))
        {
            using var file = LlamaSamples.Open(sample.WriteBlank(tensor.Name));
            var error = Assert.Throws<GgufException>(() => ArchitectureReaders.Read(file));
            Assert.Contains("missing", error.Problem, StringComparison.Ordinal);
            Assert.Equal(LookedForLast(tensor.Name), error.Field);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_tensor_of_another_shape_is_named_with_both_shapes(string name)
    {
        var sample = ArchitectureSamples.Of(name);
        foreach (var tensor in sample.Tensors.Where(tensor => tensor.Name is not ("token_embd.weight" or "token_types.weight")))
        {
            var writer = sample.WriteBlank(tensor.Name);
            var wrong = (long[])[tensor.Dimensions[0] + 32, .. tensor.Dimensions[1..]];
            _ = writer.AddTensor(tensor.Name, GgufTensorType.F32, wrong, new byte[wrong.Aggregate(4L, (a, b) => a * b)]);
            using var file = LlamaSamples.Open(writer);
            Assert.Equal(tensor.Name, Assert.Throws<GgufException>(() => ArchitectureReaders.Read(file)).Field);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_tensor_of_no_use_is_refused_by_name(string name)
    {
        foreach (var stranger in new[] { "blk.0.attn_scale.weight", "cls.norm.weight", "blk.9.attn_norm.weight" })
        {
            using var file = LlamaSamples.Open(ArchitectureSamples.Of(name).WriteBlank().AddTensor(stranger, GgufTensorType.F32, [64], new byte[256]));
            var error = Assert.Throws<GgufException>(() => ArchitectureReaders.Read(file));
            Assert.Equal(stranger, error.Field);
            Assert.Contains("no tensor of the", error.Problem, StringComparison.Ordinal);
        }
    }

    /// <summary>Whatever a header says, reading ends in a graph or in words.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Mutated_headers_are_read_or_refused(string name)
    {
        var seed = Environment.GetEnvironmentVariable("JESUS_SEED") is { } given ? int.Parse(given, System.Globalization.CultureInfo.InvariantCulture) : Random.Shared.Next();
        output.WriteLine($"seed {seed}; replay with JESUS_SEED={seed}");
        var random = new Random(seed);
        var bytes = ArchitectureSamples.Of(name).WriteBlank().ToArray();
        using var whole = GgufFile.Open(new MemoryByteSource(bytes), "whole.gguf");
        for (var i = 0; i < MutatedFiles; i++)
        {
            var mutated = (byte[])bytes.Clone();
            for (var edit = random.Next(1, 4); edit > 0; edit--)
            {
                mutated[random.Next(24, (int)whole.DataOffset)] = (byte)random.Next(256);
            }

            try
            {
                using var file = GgufFile.Open(new MemoryByteSource(mutated), "mutated.gguf");
                var model = ArchitectureReaders.Read(file);
                Assert.Equal(model.Shape.Layers, model.Shape.LayerShapes.Count is > 0 and var count ? count : model.Shape.Layers);
            }
            catch (GgufException error)
            {
                Assert.Equal("mutated.gguf", error.File);
            }
        }
    }

    private static ModelShape Shape(ArchitectureSamples sample)
    {
        using var file = sample.Open();
        return ArchitectureReaders.Read(file).Shape;
    }

    /// <summary>Fused tensors and experts come in two spellings; where neither is there, the error names the common one.</summary>
    private static string LookedForLast(string tensor) =>
        tensor.Replace("attn_qkv", "attn_q", StringComparison.Ordinal).Replace("_gate.0.", "_gate_exps.", StringComparison.Ordinal)
            .Replace("_up.0.", "_up_exps.", StringComparison.Ordinal).Replace("_down.0.", "_down_exps.", StringComparison.Ordinal);

    /// <summary>Without these the file is another model, but a whole one.</summary>
    private static bool IsOptional(string tensor) =>
        tensor is "output.weight" or "token_types.weight" || tensor.StartsWith("rope_", StringComparison.Ordinal)
            || (tensor.EndsWith(".bias", StringComparison.Ordinal) && !tensor.Contains("norm", StringComparison.Ordinal)
                && !tensor.Contains("_exps", StringComparison.Ordinal) && !tensor.Contains("gate_inp", StringComparison.Ordinal));

    private static void AssertGolden(ArchitectureSamples sample, IBackend backend, double tolerance)
    {
        var all = Run(backend, ArchitectureSamples.Tokens.Length);
        var actual = ArchitectureSamples.Positions.Select(position => all[position]).ToArray();
        for (var i = 0; i < actual.Length; i++)
        {
            Assert.InRange(BackendRuns.Difference(sample.Golden[i], actual[i]), 0, tolerance);
        }
    }

    /// <summary>Logits, or hidden states of encoders, of every position.</summary>
    private static float[][] Run(IBackend backend, int count)
    {
        var tokens = ArchitectureSamples.Tokens[..count];
        if (backend.Shape.IsCausal)
        {
            return BackendRuns.AllLogits(backend, tokens);
        }

        var batch = new ForwardBatch(tokens.Length, 1, backend.Shape.Vocabulary, tokens.Length, backend.Shape.Width);
        batch.BeginSequence([]);
        for (var i = 0; i < tokens.Length; i++)
        {
            _ = batch.Add(tokens[i], i, wantsLogits: false);
            _ = batch.WantHidden();
        }

        backend.Forward(batch);
        return [.. Enumerable.Range(0, count).Select(position => batch.Hidden(position).ToArray())];
    }
}
