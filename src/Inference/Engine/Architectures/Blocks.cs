namespace Jesus.Inference.Engine.Architectures;

/// <summary>The parts that architectures share, each as the tensors that files name for it.</summary>
internal static class Blocks
{
    /// <summary>Token embedding, last norm, and the output matrix where it is not the embedding's.</summary>
    public static void Ends(TensorReader tensors)
    {
        var shape = tensors.Shape;
        tensors.Matrix(WeightSlot.TokenEmbedding, 0, "token_embd.weight", shape.Vocabulary, shape.Width);
        tensors.Vector(WeightSlot.OutputNorm, 0, "output_norm.weight", shape.Width);
        if (tensors.Has("output.weight"))
        {
            tensors.Matrix(WeightSlot.Output, 0, "output.weight", shape.Vocabulary, shape.Width);
        }
    }

    public static void Norm(TensorReader tensors, WeightSlot slot, int layer, string name) =>
        tensors.Vector(slot, layer, $"blk.{layer}.{name}.weight", tensors.Shape.Width);

    /// <summary>A norm with its bias (LayerNorm).</summary>
    public static void Norm(TensorReader tensors, WeightSlot slot, WeightSlot bias, int layer, string name)
    {
        Norm(tensors, slot, layer, name);
        tensors.Vector(bias, layer, $"blk.{layer}.{name}.bias", tensors.Shape.Width);
    }

    /// <summary>Query, key and value, apart or as one tensor, and the output; biases where the file has them.</summary>
    public static void Attention(TensorReader tensors, int layer)
    {
        var shape = tensors.Shape;
        var (queries, keys) = ((long)shape.Heads * shape.HeadDim, (long)shape.KvHeads * shape.HeadDim);
        if (tensors.Has($"blk.{layer}.attn_qkv.weight"))
        {
            tensors.Fused(layer, $"blk.{layer}.attn_qkv.weight", shape.Width, (WeightSlot.Query, queries), (WeightSlot.Key, keys), (WeightSlot.Value, keys));
            tensors.OptionalFusedVector(layer, $"blk.{layer}.attn_qkv.bias", (WeightSlot.QueryBias, queries), (WeightSlot.KeyBias, keys), (WeightSlot.ValueBias, keys));
        }
        else
        {
            tensors.Matrix(WeightSlot.Query, layer, $"blk.{layer}.attn_q.weight", queries, shape.Width);
            tensors.Matrix(WeightSlot.Key, layer, $"blk.{layer}.attn_k.weight", keys, shape.Width);
            tensors.Matrix(WeightSlot.Value, layer, $"blk.{layer}.attn_v.weight", keys, shape.Width);
            tensors.OptionalVector(WeightSlot.QueryBias, layer, $"blk.{layer}.attn_q.bias", queries);
            tensors.OptionalVector(WeightSlot.KeyBias, layer, $"blk.{layer}.attn_k.bias", keys);
            tensors.OptionalVector(WeightSlot.ValueBias, layer, $"blk.{layer}.attn_v.bias", keys);
        }

        tensors.Matrix(WeightSlot.AttentionOutput, layer, $"blk.{layer}.attn_output.weight", shape.Width, queries);
        tensors.OptionalVector(WeightSlot.AttentionOutputBias, layer, $"blk.{layer}.attn_output.bias", shape.Width);
    }

    /// <summary>Norms over each head of queries and keys (qwen3, gemma3).</summary>
    public static void HeadNorms(TensorReader tensors, int layer)
    {
        tensors.Vector(WeightSlot.QueryNorm, layer, $"blk.{layer}.attn_q_norm.weight", tensors.Shape.HeadDim);
        tensors.Vector(WeightSlot.KeyNorm, layer, $"blk.{layer}.attn_k_norm.weight", tensors.Shape.HeadDim);
    }

    /// <summary>Gate, up and down; biases where the file has them.</summary>
    public static void FeedForward(TensorReader tensors, int layer)
    {
        var shape = tensors.Shape;
        tensors.Matrix(WeightSlot.Gate, layer, $"blk.{layer}.ffn_gate.weight", shape.Ffn, shape.Width);
        tensors.OptionalVector(WeightSlot.GateBias, layer, $"blk.{layer}.ffn_gate.bias", shape.Ffn);
        UpAndDown(tensors, layer);
    }

    /// <summary>The same without a gate.</summary>
    public static void UpAndDown(TensorReader tensors, int layer)
    {
        var shape = tensors.Shape;
        tensors.Matrix(WeightSlot.Up, layer, $"blk.{layer}.ffn_up.weight", shape.Ffn, shape.Width);
        tensors.Matrix(WeightSlot.Down, layer, $"blk.{layer}.ffn_down.weight", shape.Width, shape.Ffn);
        tensors.OptionalVector(WeightSlot.UpBias, layer, $"blk.{layer}.ffn_up.bias", shape.Ffn);
        tensors.OptionalVector(WeightSlot.DownBias, layer, $"blk.{layer}.ffn_down.bias", shape.Width);
    }

    /// <summary>Router and experts.</summary>
    public static void Experts(TensorReader tensors, int layer)
    {
        var shape = tensors.Shape;
        tensors.Matrix(WeightSlot.Router, layer, $"blk.{layer}.ffn_gate_inp.weight", shape.Experts, shape.Width);
        tensors.Experts(WeightSlot.ExpertGate, layer, "ffn_gate", shape.ExpertFfn, shape.Width);
        tensors.Experts(WeightSlot.ExpertUp, layer, "ffn_up", shape.ExpertFfn, shape.Width);
        tensors.Experts(WeightSlot.ExpertDown, layer, "ffn_down", shape.Width, shape.ExpertFfn);
    }

    /// <summary>The expert that computes every token.</summary>
    public static void SharedExpert(TensorReader tensors, int layer)
    {
        var shape = tensors.Shape;
        tensors.Matrix(WeightSlot.SharedGate, layer, $"blk.{layer}.ffn_gate_shexp.weight", shape.SharedExpertFfn, shape.Width);
        tensors.Matrix(WeightSlot.SharedUp, layer, $"blk.{layer}.ffn_up_shexp.weight", shape.SharedExpertFfn, shape.Width);
        tensors.Matrix(WeightSlot.SharedDown, layer, $"blk.{layer}.ffn_down_shexp.weight", shape.Width, shape.SharedExpertFfn);
    }

    /// <summary>The same window in all layers, or none.</summary>
    public static IReadOnlyList<LayerShape> Windows(int layers, int window) => window == 0 ? [] : [.. Enumerable.Repeat(new LayerShape(window, 0), layers)];

    /// <summary>Layers that see a window and layers that see all.</summary>
    /// <param name="windowRope">Table by which those with a window rotate.</param>
    public static IReadOnlyList<LayerShape> Windows(bool[] windowed, int window, int windowRope) =>
        [.. windowed.Select(local => local ? new LayerShape(window, windowRope) : LayerShape.Default)];
}
