using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Architectures;

/// <summary>Reads <see cref="ModelShape"/> from metadata. Limits are those of the kernels' ABI.</summary>
internal static class LlamaHyperparameters
{
    private const int LayersMax = 512;
    private const int WidthMax = 131_072;
    private const int HeadsMax = 1_024;
    private const int HeadDimMax = 512;
    private const int VocabularyMax = 4_194_304;
    private const int ContextMax = 16_777_216;

    /// <summary>Query heads that may share one KV head.</summary>
    private const int GroupMax = 64;

    public static ModelShape Read(GgufFile file)
    {
        var metadata = file.Metadata;
        RefuseExperts(metadata);
        var width = Count(metadata, "llama.embedding_length", 1, WidthMax);
        var heads = Count(metadata, "llama.attention.head_count", 1, HeadsMax);
        var kvHeads = metadata.Contains("llama.attention.head_count_kv") ? Count(metadata, "llama.attention.head_count_kv", 1, heads) : heads;
        if (heads % kvHeads != 0 || heads / kvHeads > GroupMax)
        {
            throw metadata.Error("llama.attention.head_count_kv", $"is {kvHeads}; {heads} heads need a divisor of at least {heads / GroupMax}.");
        }

        var headDim = HeadDim(metadata, width, heads);
        return new ModelShape
        {
            Architecture = Llama.Architecture,
            Layers = Count(metadata, "llama.block_count", 1, LayersMax),
            Width = width,
            Heads = heads,
            KvHeads = kvHeads,
            HeadDim = headDim,
            Ffn = Count(metadata, "llama.feed_forward_length", 1, WidthMax),
            Vocabulary = Vocabulary(file),
            Context = Count(metadata, "llama.context_length", 1, ContextMax),
            NormEpsilon = Epsilon(metadata),
            Ropes = [new RopeTable(LlamaRope.Frequencies(file, headDim))],
        };
    }

    private static void RefuseExperts(GgufMetadata metadata)
    {
        if (metadata.OptionalInt("llama.expert_count", 0) > 0)
        {
            throw metadata.Error("llama.expert_count", "is above 0; mixtures of experts are not implemented.");
        }
    }

    private static int HeadDim(GgufMetadata metadata, int width, int heads)
    {
        if (!metadata.Contains("llama.attention.key_length") && width % heads != 0)
        {
            throw metadata.Error("llama.attention.head_count", $"is {heads}, which does not divide the width of {width}.");
        }

        var dim = metadata.OptionalInt("llama.attention.key_length", width / heads);
        if (dim is < 2 or > HeadDimMax || dim % 2 != 0)
        {
            throw metadata.Error("llama.attention.key_length", $"gives heads of {dim} dimensions; even numbers from 2 to {HeadDimMax} are computed.");
        }

        if (metadata.OptionalInt("llama.attention.value_length", dim) != dim)
        {
            throw metadata.Error("llama.attention.value_length", $"differs from the key length of {dim}; that is not implemented.");
        }

        return dim;
    }

    private static int Vocabulary(GgufFile file)
    {
        var embedding = LlamaTensorReader.Find(file, "token_embd.weight");
        if (embedding.Dimensions.Count != 2 || embedding.Rows is < 1 or > VocabularyMax)
        {
            throw new GgufException(file.Name, embedding.FileOffset, embedding.Name, $"must be [width, vocabulary] with at most {VocabularyMax} tokens.");
        }

        return (int)embedding.Rows;
    }

    private static float Epsilon(GgufMetadata metadata)
    {
        const string Key = "llama.attention.layer_norm_rms_epsilon";
        var epsilon = metadata.RequireFloat(Key);
        return epsilon is >= 0 and < 1 ? epsilon : throw metadata.Error(Key, $"is {epsilon}; a number from 0 to 1 is needed.");
    }

    private static int Count(GgufMetadata metadata, string key, int min, int max)
    {
        var value = metadata.RequireInt(key);
        return value >= min && value <= max ? value : throw metadata.Error(key, $"is {value}; {min} to {max} is allowed.");
    }
}
