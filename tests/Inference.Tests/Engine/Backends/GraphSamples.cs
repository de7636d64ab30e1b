using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Tests.Engine.Backends;

/// <summary>A feature of the graph: how it changes a plain model's shape, and the tensors it brings or does without.</summary>
internal sealed record GraphFeature(string Name, Func<ModelShape, ModelShape> Change, WeightSlot[] With, WeightSlot[] Without)
{
    public override string ToString() => Name;
}

/// <summary>Small random models straight from shapes and slots, no architecture's reader between.</summary>
internal static class GraphSamples
{
    public const int Vocabulary = 90;

    private static readonly WeightSlot[] Plain =
    [
        WeightSlot.TokenEmbedding, WeightSlot.Output, WeightSlot.OutputNorm, WeightSlot.AttentionNorm, WeightSlot.Query, WeightSlot.Key, WeightSlot.Value,
        WeightSlot.AttentionOutput, WeightSlot.FfnNorm, WeightSlot.Gate, WeightSlot.Up, WeightSlot.Down,
    ];

    private static readonly WeightSlot[] Dense = [WeightSlot.Gate, WeightSlot.Up, WeightSlot.Down];

    private static readonly WeightSlot[] Expert = [WeightSlot.Router, WeightSlot.ExpertGate, WeightSlot.ExpertUp, WeightSlot.ExpertDown];

    private static readonly WeightSlot[] Shared = [WeightSlot.SharedGate, WeightSlot.SharedUp, WeightSlot.SharedDown];

    private static readonly WeightSlot[] AttentionBiases = [WeightSlot.QueryBias, WeightSlot.KeyBias, WeightSlot.ValueBias, WeightSlot.AttentionOutputBias];

    private static readonly WeightSlot[] Bert =
    [
        .. AttentionBiases, WeightSlot.UpBias, WeightSlot.DownBias, WeightSlot.PositionEmbedding, WeightSlot.TokenTypeEmbedding, WeightSlot.EmbeddingNorm,
        WeightSlot.EmbeddingNormBias, WeightSlot.AttentionSumNorm, WeightSlot.AttentionSumNormBias, WeightSlot.FfnSumNorm, WeightSlot.FfnSumNormBias,
    ];

    public static readonly GraphFeature[] Features =
    [
        new("plain", shape => shape, [], []),
        new("biases of attention", shape => shape, AttentionBiases, []),
        new("biases of the feed-forward network", shape => shape, [WeightSlot.GateBias, WeightSlot.UpBias, WeightSlot.DownBias], []),
        new("norms of query and key heads", shape => shape, [WeightSlot.QueryNorm, WeightSlot.KeyNorm], []),
        new("norms after attention and network", shape => shape, [WeightSlot.PostAttentionNorm, WeightSlot.PostFfnNorm], []),
        new("halves rotated, two tables, a layer without", shape => shape with
        {
            RopeStyle = RopeStyle.Halves,
            Ropes = [Rope(16, 10_000), Rope(12, 1_000_000, 1.25)],
            LayerShapes = [new(0, 1), new(0, 0), new(0, -1)],
        }, [], []),
        new("no rotation", shape => shape with { Ropes = [], LayerShapes = [new(0, -1), new(0, -1), new(0, -1)] }, [], []),
        new("windows", shape => shape with { LayerShapes = [new(5, 0), new(0, 0), new(16, 0)] }, [], []),
        new("soft caps", shape => shape with { AttentionSoftCap = 2, LogitSoftCap = 3 }, [], []),
        new("sinks", shape => shape, [WeightSlot.Sinks], []),
        new("scales", shape => shape with { EmbeddingScale = 8, ResidualScale = 0.22f, LogitScale = 0.125f, AttentionScale = 0.1f }, [], []),
        new("GeGLU", shape => shape with { Activation = Activation.GeGlu }, [], []),
        new("SwiGLU with a limit", shape => shape with { Activation = Activation.SwiGluLimited, ActivationAlpha = 1.702f, ActivationLimit = 0.5f }, [], []),
        new("experts", Experts, Expert, Dense),
        new("experts, normalised and scaled", shape => Experts(shape) with { Gating = ExpertGating.SoftmaxThenTopNormalised, ExpertScale = 1.5f }, Expert, Dense),
        new("experts with biases, softmax of the chosen", shape => Experts(shape) with { Gating = ExpertGating.TopThenSoftmax, ExpertsUsed = 3 },
            [.. Expert, WeightSlot.RouterBias, WeightSlot.ExpertGateBias, WeightSlot.ExpertUpBias, WeightSlot.ExpertDownBias, WeightSlot.PostFfnNorm], Dense),
        new("a shared expert behind its gate", shape => Experts(shape) with { SharedExpertFfn = 64 }, [.. Expert, .. Shared, WeightSlot.SharedRouter], Dense),
        new("a shared expert as it is", shape => Experts(shape) with { SharedExpertFfn = 128, ResidualScale = 0.5f }, [.. Expert, .. Shared], Dense),
        new("gemma", shape => shape with
        {
            Activation = Activation.GeGlu,
            EmbeddingScale = 8,
            AttentionSoftCap = 50,
            LogitSoftCap = 30,
            LayerShapes = [new(9, 0), new(0, 0), new(9, 0)],
            RopeStyle = RopeStyle.Halves,
        }, [WeightSlot.PostAttentionNorm, WeightSlot.PostFfnNorm, WeightSlot.QueryNorm, WeightSlot.KeyNorm], [WeightSlot.Output]),
        new("bert", shape => shape with { Activation = Activation.Gelu, Norm = NormKind.LayerNorm, IsCausal = false, Ropes = [], LayerShapes = NoRope, TokenTypes = 2 },
            Bert, [WeightSlot.Output, WeightSlot.OutputNorm, WeightSlot.AttentionNorm, WeightSlot.FfnNorm, WeightSlot.Gate]),
        new("nomic-bert", shape => shape with { Norm = NormKind.LayerNorm, IsCausal = false, RopeStyle = RopeStyle.Halves, TokenTypes = 2 },
            [.. Bert[4..].Where(slot => slot is not (WeightSlot.PositionEmbedding or WeightSlot.UpBias or WeightSlot.DownBias))],
            [WeightSlot.Output, WeightSlot.OutputNorm, WeightSlot.AttentionNorm, WeightSlot.FfnNorm]),
    ];

    private static IReadOnlyList<LayerShape> NoRope => [new(0, -1), new(0, -1), new(0, -1)];

    public static GraphFeature Feature(string name) => Features.Single(feature => feature.Name == name);

    public static (GgufFile File, ModelGraph Model) Make(string feature, GgufTensorType type, int headDim = 16) => Make(Feature(feature), type, headDim);

    public static (GgufFile File, ModelGraph Model) Make(GraphFeature feature, GgufTensorType type, int headDim = 16)
    {
        var shape = feature.Change(new ModelShape
        {
            Layers = 3,
            Width = 64,
            Heads = 4,
            KvHeads = 2,
            HeadDim = headDim,
            Ffn = 96,
            Vocabulary = Vocabulary,
            Context = 160,
            NormEpsilon = 1e-5f,
            Ropes = [Rope(headDim, 10_000)],
        });
        var places = Plain.Except(feature.Without).Concat(feature.With).SelectMany(slot => Places(slot, shape)).ToArray();
        var writer = new GgufWriter().Add("general.architecture", "sample");
        ulong seed = 1;
        foreach (var (slot, layer, expert) in places)
        {
            var (rows, columns) = Size(slot, shape);
            var values = LlamaSamples.Values(rows * columns, IsNorm(slot) ? 1 : 0, seed++);
            var tensorType = slot.IsVector() ? GgufTensorType.F32 : type;
            _ = writer.AddTensor($"{slot}.{layer}.{expert}", tensorType, slot.IsVector() ? [columns] : [columns, rows], LlamaSamples.Encode(values, tensorType));
        }

        var file = LlamaSamples.Open(writer);
        var tensors = places.Select(place => Tensor(file, place.Slot, place.Layer, place.Expert)).ToArray();
        return (file, new ModelGraph(shape, tensors));
    }

    private static ModelShape Experts(ModelShape shape) => shape with { Experts = 6, ExpertsUsed = 2, ExpertFfn = 32, Ffn = 0 };

    private static RopeTable Rope(int dims, double @base, double factor = 1) =>
        new(Enumerable.Range(0, dims / 2).Select(i => Math.Pow(@base, -2.0 * i / dims)).ToArray(), factor);

    private static ModelTensor Tensor(GgufFile file, WeightSlot slot, int layer, int expert)
    {
        Assert.True(file.TryGetTensor($"{slot}.{layer}.{expert}", out var info));
        return new ModelTensor(slot, layer, info) with { Expert = expert };
    }

    private static IEnumerable<(WeightSlot Slot, int Layer, int Expert)> Places(WeightSlot slot, ModelShape shape)
    {
        var isExpert = slot is >= WeightSlot.ExpertGate and <= WeightSlot.ExpertDownBias;
        for (var layer = 0; layer < (slot.IsLayer() ? shape.Layers : 1); layer++)
        {
            for (var expert = 0; expert < (isExpert ? shape.Experts : 1); expert++)
            {
                yield return (slot, layer, expert);
            }
        }
    }

    private static bool IsNorm(WeightSlot slot) => slot.ToString().EndsWith("Norm", StringComparison.Ordinal);

    private static (int Rows, int Columns) Size(WeightSlot slot, ModelShape shape)
    {
        var (attention, kv) = (shape.Heads * shape.HeadDim, shape.KvHeads * shape.HeadDim);
        return slot switch
        {
            WeightSlot.TokenEmbedding or WeightSlot.Output => (shape.Vocabulary, shape.Width),
            WeightSlot.PositionEmbedding => (shape.Context, shape.Width),
            WeightSlot.TokenTypeEmbedding => (shape.TokenTypes, shape.Width),
            WeightSlot.Query => (attention, shape.Width),
            WeightSlot.Key or WeightSlot.Value => (kv, shape.Width),
            WeightSlot.AttentionOutput => (shape.Width, attention),
            WeightSlot.Gate or WeightSlot.Up => (shape.Ffn, shape.Width),
            WeightSlot.Down => (shape.Width, shape.Ffn),
            WeightSlot.Router => (shape.Experts, shape.Width),
            WeightSlot.ExpertGate or WeightSlot.ExpertUp => (shape.ExpertFfn, shape.Width),
            WeightSlot.ExpertDown => (shape.Width, shape.ExpertFfn),
            WeightSlot.SharedGate or WeightSlot.SharedUp => (shape.SharedExpertFfn, shape.Width),
            WeightSlot.SharedDown => (shape.Width, shape.SharedExpertFfn),
            WeightSlot.QueryBias => (1, attention),
            WeightSlot.KeyBias or WeightSlot.ValueBias => (1, kv),
            WeightSlot.QueryNorm or WeightSlot.KeyNorm => (1, shape.HeadDim),
            WeightSlot.Sinks => (1, shape.Heads),
            WeightSlot.RouterBias => (1, shape.Experts),
            WeightSlot.GateBias or WeightSlot.UpBias => (1, shape.Ffn),
            WeightSlot.ExpertGateBias or WeightSlot.ExpertUpBias => (1, shape.ExpertFfn),
            _ => (1, shape.Width),
        };
    }
}
