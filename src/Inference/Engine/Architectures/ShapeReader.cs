using Jesus.Inference.Engine.Embeddings;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Architectures;

/// <summary>
/// The numbers that files of every architecture state, each under the architecture's own prefix (keys: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).
/// Limits are those of the kernels' ABI.
/// </summary>
internal sealed class ShapeReader(GgufFile file, string architecture)
{
    private const int LayersMax = 512;
    private const int WidthMax = 131_072;
    private const int HeadsMax = 1_024;
    private const int HeadDimMax = 512;
    private const int VocabularyMax = 4_194_304;
    private const int ContextMax = 16_777_216;
    private const int ExpertsMax = 1_024;
    private const int ExpertsUsedMax = 64;
    private const int TokenTypesMax = 1_024;

    /// <summary>Query heads that may share one KV head.</summary>
    private const int GroupMax = 64;

    public GgufFile File => file;
    public GgufMetadata Metadata => file.Metadata;

    /// <summary>The key as this architecture's files write it.</summary>
    public string Key(string name) => $"{architecture}.{name}";

    /// <summary>What all have: sizes, RMS norm, full causal attention without rotation, a SwiGLU network. The caller changes what differs.</summary>
    public ModelShape Read()
    {
        var width = Count("embedding_length", 1, WidthMax);
        var heads = Count("attention.head_count", 1, HeadsMax);
        var kvHeads = Metadata.Contains(Key("attention.head_count_kv")) ? Count("attention.head_count_kv", 1, heads) : heads;
        if (heads % kvHeads != 0 || heads / kvHeads > GroupMax)
        {
            throw Error("attention.head_count_kv", $"is {kvHeads}; {heads} heads need a divisor of at least {Math.Max(1, heads / GroupMax)}.");
        }

        return new ModelShape
        {
            Architecture = architecture,
            Layers = Count("block_count", 1, LayersMax),
            Width = width,
            Heads = heads,
            KvHeads = kvHeads,
            HeadDim = HeadDim(width, heads),
            Ffn = 0,
            Vocabulary = Vocabulary(),
            Context = Count("context_length", 1, ContextMax),
            NormEpsilon = Epsilon(Metadata.Contains(Key("attention.layer_norm_epsilon")) ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon"),
        };
    }

    /// <summary>Rows of the gate and up matrices.</summary>
    public int Ffn() => Count("feed_forward_length", 1, WidthMax);

    public bool HasExperts => Metadata.OptionalInt(Key("expert_count"), 0) > 0;

    /// <summary>A shape whose layers choose among experts.</summary>
    /// <param name="ffnKey">Where the file states the rows of one expert; <c>feed_forward_length</c> serves when it is not there.</param>
    public ModelShape WithExperts(ModelShape shape, ExpertGating gating, string ffnKey = "expert_feed_forward_length")
    {
        var experts = Count("expert_count", 1, ExpertsMax);
        return shape with
        {
            Experts = experts,
            ExpertsUsed = Count("expert_used_count", 1, Math.Min(experts, ExpertsUsedMax)),
            ExpertFfn = Metadata.Contains(Key(ffnKey)) ? Count(ffnKey, 1, WidthMax) : Ffn(),
            Gating = gating,
            ExpertScale = Positive("expert_weights_scale", 0) is > 0 and var scale ? scale : 1,
        };
    }

    /// <summary>Rows of the shared expert; 0 when the file states none.</summary>
    public int SharedFfn() => Metadata.Contains(Key("expert_shared_feed_forward_length")) ? Count("expert_shared_feed_forward_length", 0, WidthMax) : 0;

    /// <summary>Rows of the token-type embedding; 0 without one.</summary>
    public int TokenTypes()
    {
        if (!file.TryGetTensor("token_types.weight", out var types))
        {
            return 0;
        }

        return types.Rows <= TokenTypesMax ? (int)types.Rows : throw Wrong(types, $"has {types.Rows} types; at most {TokenTypesMax} are computed.");
    }

    /// <summary>The file's pooling; what it does not say stays <paramref name="fallback"/>. A head makes a score of whatever the file says of vectors.</summary>
    public Pooling Pooling(Pooling fallback)
    {
        if (RankHead.IsIn(file))
        {
            return Architectures.Pooling.Rank;
        }

        var pooling = Metadata.OptionalInt(Key("pooling_type"), (int)fallback);
        return Enum.IsDefined((Pooling)pooling) ? (Pooling)pooling : throw Error("pooling_type", $"is {pooling}; 0 to 4 are known.");
    }

    /// <summary>Positions that layers with a window see; 0 when the file states none.</summary>
    public int Window() => Metadata.Contains(Key("attention.sliding_window")) ? Count("attention.sliding_window", 0, int.MaxValue) : 0;

    /// <summary>
    /// Which layers see only their window: as the file lists them, or all but the last of each <c>n</c> (<c>sliding_window_pattern</c>, one number).
    /// </summary>
    public bool[] WindowLayers(int layers, int pattern)
    {
        const string Name = "attention.sliding_window_pattern";
        if (Metadata.TryGet(Key(Name), out var value) && value.TryGetBools(out var listed))
        {
            return listed.Length >= layers ? listed[..layers] : throw Error(Name, $"lists {listed.Length} layers of {layers}.");
        }

        var every = Metadata.Contains(Key(Name)) ? Count(Name, 0, int.MaxValue) : pattern;
        return [.. Enumerable.Range(0, layers).Select(layer => every == 0 || layer % every < every - 1)];
    }

    /// <summary>A finite number that is not negative.</summary>
    public float Positive(string name, float fallback)
    {
        var value = Metadata.OptionalFloat(Key(name), fallback);
        return value >= 0 && float.IsFinite(value) ? value : throw Error(name, $"is {value}; a number that is not negative is needed.");
    }

    /// <summary>An integer, or an array of integers that are all the same: some files state for every layer what all layers share.</summary>
    public int Count(string name, int min, int max)
    {
        var value = Metadata.TryGet(Key(name), out var stated) && stated.TryGetInts(out var each) && each.Length > 0
            ? Same(name, each)
            : Metadata.RequireInt(Key(name));
        return value >= min && value <= max ? value : throw Error(name, $"is {value}; {min} to {max} is allowed.");
    }

    public GgufException Error(string name, string problem) => Metadata.Error(Key(name), problem);

    private int Same(string name, int[] each) =>
        Array.TrueForAll(each, value => value == each[0]) ? each[0] : throw Error(name, "differs between layers; that is not implemented.");

    private int HeadDim(int width, int heads)
    {
        var stated = Metadata.Contains(Key("attention.key_length"));
        if (!stated && width % heads != 0)
        {
            throw Error("attention.head_count", $"is {heads}, which does not divide the width of {width}.");
        }

        var dim = stated ? Metadata.RequireInt(Key("attention.key_length")) : width / heads;
        if (dim is < 2 or > HeadDimMax || dim % 2 != 0)
        {
            throw Error("attention.key_length", $"gives heads of {dim} dimensions; even numbers from 2 to {HeadDimMax} are computed.");
        }

        return Metadata.OptionalInt(Key("attention.value_length"), dim) == dim
            ? dim
            : throw Error("attention.value_length", $"differs from the key length of {dim}; that is not implemented.");
    }

    private int Vocabulary()
    {
        const string Name = "token_embd.weight";
        if (!file.TryGetTensor(Name, out var embedding))
        {
            throw new GgufException(file.Name, 0, Name, $"this tensor is missing; a {architecture} model needs it.");
        }

        return embedding.Dimensions.Count == 2 && embedding.Rows is >= 1 and <= VocabularyMax
            ? (int)embedding.Rows
            : throw Wrong(embedding, $"must be [width, vocabulary] with at most {VocabularyMax} tokens.");
    }

    private float Epsilon(string name)
    {
        var epsilon = Metadata.RequireFloat(Key(name));
        return epsilon is >= 0 and < 1 ? epsilon : throw Error(name, $"is {epsilon}; a number from 0 to 1 is needed.");
    }

    private GgufException Wrong(GgufTensorInfo tensor, string problem) => new(file.Name, tensor.FileOffset, tensor.Name, problem);
}
