namespace Jesus.Inference.Engine.Gguf;

/// <summary>Element types of tensors, numbered as in the file (<c>ggml_type</c>). Knowing a type's size does not mean that a kernel for it exists.</summary>
#pragma warning disable CA1707 // The names of the format's own documents.
public enum GgufTensorType : uint
{
    F32 = 0,
    F16 = 1,
    Q4_0 = 2,
    Q4_1 = 3,
    Q5_0 = 6,
    Q5_1 = 7,
    Q8_0 = 8,
    Q8_1 = 9,
    Q2_K = 10,
    Q3_K = 11,
    Q4_K = 12,
    Q5_K = 13,
    Q6_K = 14,
    Q8_K = 15,
    IQ2_XXS = 16,
    IQ2_XS = 17,
    IQ3_XXS = 18,
    IQ1_S = 19,
    IQ4_NL = 20,
    IQ3_S = 21,
    IQ2_S = 22,
    IQ4_XS = 23,
    I8 = 24,
    I16 = 25,
    I32 = 26,
    I64 = 27,
    F64 = 28,
    IQ1_M = 29,
    BF16 = 30,
    TQ1_0 = 34,
    TQ2_0 = 35,
    MXFP4 = 39,
}
#pragma warning restore CA1707

/// <summary>How a tensor type lies in the file: <paramref name="Elements"/> values in <paramref name="Bytes"/> bytes.</summary>
public readonly record struct GgufBlock(int Elements, int Bytes)
{
    /// <summary>The block of a type; <c>default</c> for a type that this reader does not know.</summary>
    public static GgufBlock Of(GgufTensorType type) => type switch
    {
        GgufTensorType.F32 or GgufTensorType.I32 => new(1, 4),
        GgufTensorType.F16 or GgufTensorType.BF16 or GgufTensorType.I16 => new(1, 2),
        GgufTensorType.F64 or GgufTensorType.I64 => new(1, 8),
        GgufTensorType.I8 => new(1, 1),
        GgufTensorType.Q4_0 or GgufTensorType.IQ4_NL => new(32, 18),
        GgufTensorType.Q4_1 => new(32, 20),
        GgufTensorType.Q5_0 => new(32, 22),
        GgufTensorType.Q5_1 => new(32, 24),
        GgufTensorType.Q8_0 => new(32, 34),
        GgufTensorType.Q8_1 => new(32, 36),
        GgufTensorType.MXFP4 => new(32, 17),
        GgufTensorType.Q2_K => new(256, 84),
        GgufTensorType.Q3_K or GgufTensorType.IQ3_S => new(256, 110),
        GgufTensorType.Q4_K => new(256, 144),
        GgufTensorType.Q5_K => new(256, 176),
        GgufTensorType.Q6_K => new(256, 210),
        GgufTensorType.Q8_K => new(256, 292),
        GgufTensorType.IQ2_XXS => new(256, 66),
        GgufTensorType.IQ2_XS => new(256, 74),
        GgufTensorType.IQ3_XXS => new(256, 98),
        GgufTensorType.IQ1_S => new(256, 50),
        GgufTensorType.IQ2_S => new(256, 82),
        GgufTensorType.IQ4_XS => new(256, 136),
        GgufTensorType.IQ1_M => new(256, 56),
        GgufTensorType.TQ1_0 => new(256, 54),
        GgufTensorType.TQ2_0 => new(256, 66),
        _ => default,
    };
}
