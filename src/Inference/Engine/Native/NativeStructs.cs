using System.Runtime.InteropServices;

namespace Jesus.Inference.Engine.Native;

/// <summary>jn_shape.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeShape
{
    public int Layers;
    public int Width;
    public int Heads;
    public int KvHeads;
    public int HeadDim;
    public int Ffn;
    public int Vocab;
    public int Context;
    public int RopeStyle;
    public int RopeCount;
    public int NormKind;
    public int Activation;
    public int Experts;
    public int ExpertsUsed;
    public int ExpertFfn;
    public int SharedFfn;
    public int Gating;
    public int Causal;
    public int TokenTypes;
    public float NormEpsilon;
    public float AttentionScale;
    public float AttentionSoftCap;
    public float LogitSoftCap;
    public float EmbeddingScale;
    public float ResidualScale;
    public float LogitScale;
    public float ActivationAlpha;
    public float ActivationLimit;
    public float ExpertScale;
}

/// <summary>jn_layer.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeLayer
{
    public int Window;
    public int Rope;
}

/// <summary>jn_rope.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeRope
{
    public double* Frequencies;
    public double AttentionFactor;
    public int Pairs;
    public int Reserved;
}

/// <summary>jn_tensor.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeTensor
{
    public int Slot;
    public int Layer;
    public int Type;
    public int Expert;
    public long Rows;
    public long Cols;
}

/// <summary>jn_low_rank.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeLowRank
{
    public int Adapter;
    public int Slot;
    public int Layer;
    public int Rank;
    public int DownType;
    public int UpType;
    public float Scale;
    public int Reserved;
}

/// <summary>jn_batch.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeBatch
{
    public int Rows;
    public int Sequences;
    public int* Tokens;
    public int* Positions;
    public int* RowSequences;
    public int* Blocks;
    public int* BlockStarts;
    public int LogitRowCount;
    public int HiddenRowCount;
    public int* LogitRows;
    public float* Logits;
    public long LogitsStride;
    public int* HiddenRows;
    public float* Hidden;
    public int* TokenTypes;
    public int* RowAdapters;
}

/// <summary>jn_probe_result.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeProbe
{
    public double ReadGbPerSecond;
    public double Int8Tops;
    public double Fp32Tflops;
    public double Bf16Tflops;
}
