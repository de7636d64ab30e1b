using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Native;

namespace Jesus.Inference.Engine.Backends;

/// <summary>Tells the kernels what a <see cref="ModelGraph"/> is, in their ABI's words.</summary>
internal static unsafe class NativeGraph
{
    /// <summary>jn_model_create; the status is the caller's to check.</summary>
    public static int Create(ModelGraph graph, Isa isa, nint* model)
    {
        var shape = ShapeOf(graph.Shape);
        var layers = Enumerable.Range(0, graph.Shape.Layers).Select(i => LayerOf(graph.Shape.Layer(i))).ToArray();
        var tensors = graph.Tensors.Select(TensorOf).ToArray();
        var ropes = new NativeRope[graph.Shape.Ropes.Count];
        var frequencies = graph.Shape.Ropes.SelectMany(rope => rope.Frequencies).ToArray();
        fixed (double* first = frequencies)
        fixed (NativeLayer* layerList = layers)
        fixed (NativeRope* ropeList = ropes)
        fixed (NativeTensor* tensorList = tensors)
        {
            var next = first;
            for (var i = 0; i < ropes.Length; i++)
            {
                var rope = graph.Shape.Ropes[i];
                ropes[i] = new NativeRope { Frequencies = next, AttentionFactor = rope.AttentionFactor, Pairs = rope.Frequencies.Length };
                next += rope.Frequencies.Length;
            }

            return NativeMethods.ModelCreate(&shape, layerList, ropeList, tensorList, tensors.Length, (int)isa, model);
        }
    }

    private static NativeLayer LayerOf(LayerShape layer) => new() { Window = layer.Window, Rope = layer.Rope };

    private static NativeTensor TensorOf(ModelTensor tensor) => new()
    {
        Slot = (int)tensor.Slot,
        Layer = tensor.Layer,
        Type = (int)tensor.Info.Type,
        Expert = tensor.Expert,
        Rows = tensor.Rows,
        Cols = tensor.Columns,
    };

    private static NativeShape ShapeOf(ModelShape shape) => new()
    {
        Layers = shape.Layers,
        Width = shape.Width,
        Heads = shape.Heads,
        KvHeads = shape.KvHeads,
        HeadDim = shape.HeadDim,
        Ffn = shape.Ffn,
        Vocab = shape.Vocabulary,
        Context = shape.Context,
        RopeStyle = (int)shape.RopeStyle,
        RopeCount = shape.Ropes.Count,
        NormKind = (int)shape.Norm,
        Activation = (int)shape.Activation,
        Experts = shape.Experts,
        ExpertsUsed = shape.ExpertsUsed,
        ExpertFfn = shape.ExpertFfn,
        SharedFfn = shape.SharedExpertFfn,
        Gating = (int)shape.Gating,
        Causal = shape.IsCausal ? 1 : 0,
        TokenTypes = shape.TokenTypes,
        NormEpsilon = shape.NormEpsilon,
        AttentionScale = shape.AttentionScale,
        AttentionSoftCap = shape.AttentionSoftCap,
        LogitSoftCap = shape.LogitSoftCap,
        EmbeddingScale = shape.EmbeddingScale,
        ResidualScale = shape.ResidualScale,
        LogitScale = shape.LogitScale,
        ActivationAlpha = shape.ActivationAlpha,
        ActivationLimit = shape.ActivationLimit,
        ExpertScale = shape.ExpertScale,
    };
}
