using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Batching;
using Jesus.Inference.Engine.Batching.Speculation;
using Jesus.Inference.Engine.Embeddings;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.KvCache;

namespace Jesus.Inference.Engine.Hosting;

/// <summary>What a model wants of the memory, in bytes, known from its file's head before anything is allocated.</summary>
/// <param name="Weights">In the kernels' layout, those of adapters included.</param>
/// <param name="Work">Of the largest batch, logits and the vocabulary's tables.</param>
/// <param name="KvLeast">A KV cache below which the model is of no use: it is refused.</param>
/// <param name="KvFair">One whole context: idle models give way for it.</param>
/// <param name="KvMost">As many contexts as there are sequences, or the option's cap: taken where nobody else has to give way for it.</param>
public readonly record struct MemoryNeed(long Weights, long Work, long KvLeast, long KvFair, long KvMost)
{
    /// <summary>Positions that must fit at least: less is no use for a conversation.</summary>
    public const int PositionsMin = 512;

    /// <summary>Working memory of even a small model: its vocabulary's tables and its engine's buffers.</summary>
    private const long WorkLeast = 64L << 20;

    /// <summary>The vocabulary's strings, tables and the trie that constraints walk.</summary>
    private const long BytesPerToken = 160;

    /// <summary>What drawing a token keeps for each of the vocabulary.</summary>
    private const int BytesToDraw = 16;

    /// <summary>Coded formats are up to 3.6 % longer in memory than in the file (native/README.md).</summary>
    private const int CodedShare = 25;

    /// <summary>How many adapters the weights include; for the words of a refusal.</summary>
    public int Adapters { get; init; }

    /// <summary>The weights include those of a model that guesses ahead; for the same words.</summary>
    public bool HasDraft { get; init; }

    public long Least => Weights + Work + KvLeast;
    public long Fair => Weights + Work + KvFair;
    public long Most => Weights + Work + KvMost;

    /// <summary>Of a file with its graph; encoders have rows of a pass in place of a KV cache.</summary>
    public static MemoryNeed Of(GgufFile file, ModelGraph model, ModelHostOptions options)
    {
        var shape = model.Shape;
        var weights = file.Tensors.Sum(InMemory) + model.Adapters.Sum(adapter => adapter.Bytes);
        var work = WorkOf(shape, options.Batch);
        if (!shape.IsCausal)
        {
            // Rows of a pass instead of blocks: the fewest count as working memory, more where they fit.
            var rows = EmbeddingLimits.EncoderRows(shape, long.MaxValue);
            var fewest = Math.Min(rows, EmbeddingLimits.EncoderRowsMin);
            var more = (rows - fewest) * EmbeddingLimits.RowBytes(shape);
            return new MemoryNeed(weights, fewest * EmbeddingLimits.RowBytes(shape), 0, more, more);
        }

        var block = KvBudget.BlockBytes(shape, options.KvType);
        var least = block * KvBlockPool.BlocksFor(Math.Min(PositionsMin, shape.Context));
        var context = block * KvBlockPool.BlocksFor(shape.Context);
        var most = Math.Max(least, Math.Min(options.KvBytesMax, context * options.Batch.SequencesMax));
        return new MemoryNeed(weights, work, least, Math.Clamp(context, least, most), most) { Adapters = model.Adapters.Count };
    }

    /// <summary>
    /// The same with what a draft model takes beside: its weights, its rows and <paramref name="kvBytes"/> of keys and values count as they are,
    /// since without them there is no draft.
    /// </summary>
    public MemoryNeed With(GgufFile draft, ModelGraph model, BatchLimits limits, long kvBytes)
    {
        var logits = model.Shape.Vocabulary * (DraftModel.SequencesMax * (long)sizeof(float) + BytesToDraw);
        return this with
        {
            Weights = Weights + draft.Tensors.Sum(InMemory),
            Work = Work + RowBytes(model.Shape) * limits.StepRowsMax + logits + kvBytes,
            HasDraft = true,
        };
    }

    private static long InMemory(GgufTensorInfo tensor) => tensor.Type is GgufTensorType.F32 or GgufTensorType.F16 or GgufTensorType.BF16 or GgufTensorType.Q8_0
        ? tensor.ByteLength
        : tensor.ByteLength + tensor.ByteLength / CodedShare;

    /// <summary>Rows of the largest batch, then logits and vocabulary.</summary>
    private static long WorkOf(ModelShape shape, BatchLimits limits)
    {
        var logits = (long)shape.Vocabulary * (limits.SequencesMax + 8) * sizeof(float);
        return Math.Max(WorkLeast, RowBytes(shape) * limits.StepRowsMax + logits + shape.Vocabulary * BytesPerToken);
    }

    /// <summary>About ten vectors of the residual's width and three of the feed-forward's.</summary>
    private static long RowBytes(ModelShape shape) =>
        (10L * shape.Width + 3L * Math.Max(shape.Ffn, shape.ExpertFfn * shape.ExpertsUsed + shape.SharedExpertFfn)) * sizeof(float);
}
