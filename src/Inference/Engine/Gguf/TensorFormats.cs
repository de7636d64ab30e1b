namespace Jesus.Inference.Engine.Gguf;

/// <summary>Which tensor types the engine computes with: those that the kernels multiply and <see cref="Dequantize"/> reads.</summary>
public static class TensorFormats
{
    private static readonly GgufTensorType[] ComputedTypes =
    [
        GgufTensorType.F32, GgufTensorType.F16, GgufTensorType.BF16, GgufTensorType.Q8_0,
        GgufTensorType.Q4_0, GgufTensorType.Q4_1, GgufTensorType.Q5_0, GgufTensorType.Q5_1,
        GgufTensorType.Q2_K, GgufTensorType.Q3_K, GgufTensorType.Q4_K, GgufTensorType.Q5_K, GgufTensorType.Q6_K,
        GgufTensorType.IQ4_NL, GgufTensorType.IQ4_XS, GgufTensorType.MXFP4,
    ];

    /// <summary>All computed types, in the order in which an error lists them.</summary>
    public static IReadOnlyList<GgufTensorType> Computed => ComputedTypes;

    /// <summary>Their names, for an error: <c>F32, F16, BF16, ...</c>.</summary>
    public static string ComputedNames => string.Join(", ", ComputedTypes);

    /// <summary>Whether a matrix of this type can be a weight. Vectors (norms, biases) are F32 only.</summary>
    public static bool IsComputed(GgufTensorType type) => Array.IndexOf(ComputedTypes, type) >= 0;
}
