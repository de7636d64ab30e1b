namespace Jesus.Inference.Engine.Gguf;

/// <summary>What a model file may claim. A claim past a limit is an error before anything is allocated for it.</summary>
public static class GgufLimits
{
    /// <summary>Published files hold 20 to 60 keys; split ones some hundreds.</summary>
    public const int MetadataCount = 16_384;

    /// <summary>The largest published models have about 2,000 tensors (a 94-layer mixture of experts: 1,131).</summary>
    public const int TensorCount = 65_536;

    /// <summary>The format's own limit of a key, in bytes.</summary>
    public const int KeyBytes = 65_535;

    /// <summary>The format's own limit of a tensor's name, in bytes.</summary>
    public const int TensorNameBytes = 64;

    /// <summary>A chat template of 64 KB is the longest seen; a megabyte leaves room for embedded notices.</summary>
    public const int StringBytes = 1 << 20;

    /// <summary>Elements of one array: the largest vocabulary has 262,144 tokens, its merges about twice that.</summary>
    public const int ArrayCount = 1 << 22;

    /// <summary>Everything before the tensor data: a vocabulary of 262,144 with merges takes about 16 MB.</summary>
    public const long HeaderBytes = 256L << 20;

    /// <summary>The format's own limit.</summary>
    public const int Dimensions = 4;

    /// <summary>Elements of one tensor: 2^40, some hundred times the largest published.</summary>
    public const long TensorElements = 1L << 40;

    /// <summary>Bytes of alignment; writers use 32, a page is 4,096.</summary>
    public const int AlignmentMin = 8;
    public const int AlignmentMax = 65_536;

    /// <summary>Where the file does not say.</summary>
    public const int AlignmentDefault = 32;
}
