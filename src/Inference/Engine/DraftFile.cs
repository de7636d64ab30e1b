using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Batching.Speculation;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Hosting;
using Jesus.Inference.Engine.KvCache;
using Jesus.Inference.Engine.Tokenizers;

namespace Jesus.Inference.Engine;

/// <summary>The file of a model's draft model while both are loaded.</summary>
internal sealed class DraftFile : IDisposable
{
    /// <summary>Of what one model's KV cache may take, its draft model's share: a small model's keys and values are about as much smaller.</summary>
    private const int KvShare = 8;

    /// <summary>Whole contexts that its KV cache holds at most: more answers at once leave it nothing to gain.</summary>
    private const int Contexts = 4;

    private readonly ModelSource _source;
    private readonly GgufFile _file;
    private readonly ModelGraph _graph;
    private readonly long _written;

    private DraftFile(ModelSource source, GgufFile file, ModelGraph graph)
    {
        (_source, _file, _graph) = (source, file, graph);
        _written = source.WrittenAt;
    }

    /// <summary>The draft model that the options name for a model; null where they name none or nothing is guessed at all.</summary>
    /// <param name="name">The model.</param>
    /// <param name="tokenizer">The model's.</param>
    /// <exception cref="GgufException">The file cannot be used, or is of another vocabulary.</exception>
    public static DraftFile? Open(string name, Tokenizer tokenizer, ModelHostOptions options)
    {
        if (!options.Batch.Speculates || !options.Drafts.TryGetValue(name, out var path))
        {
            return null;
        }

        ModelSource source;
        try
        {
            source = ModelSource.Open(path.Path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"its draft model cannot be read: {error.Message}", error);
        }

        var file = GgufFile.Open(source, path.Path);
        try
        {
            var graph = ArchitectureReaders.Read(file);
            if (!graph.Shape.IsCausal)
            {
                throw file.Metadata.Error("general.architecture", $"is {graph.Shape.Architecture}, which writes no text and cannot guess for {name}; {DraftVocabulary.Remedy}");
            }

            DraftVocabulary.Check(name, tokenizer, file, path.Path);
            return new DraftFile(source, file, graph);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>What both need together.</summary>
    /// <param name="contextTokens">Of the model.</param>
    public MemoryNeed AddTo(in MemoryNeed need, int contextTokens, ModelHostOptions options) =>
        need.With(_file, _graph, options.Batch, KvBlocks(contextTokens, options) * KvBudget.BlockBytes(_graph.Shape, KvTypeOf(options)));

    /// <summary>The model, ready to compute; its memory must be reserved.</summary>
    public IBackend Load(int contextTokens, LoadRooms rooms)
    {
        var options = rooms.Options;
        var blocks = KvBlocks(contextTokens, options);
        return options.UseReferenceBackend
            ? new ReferenceBackend(_file, _graph, blocks, options.Batch.StepRowsMax)
            : NativeBackend.Load(_file, _graph, new BackendOptions
            {
                Threads = options.Threads,
                BatchRowsMax = options.Batch.StepRowsMax,
                KvBlocks = blocks,
                KvType = KvTypeOf(options),
                Isa = options.Isa,
                Loaded = rooms.Touched,
            });
    }

    /// <exception cref="GgufException">The file was written to since it was opened: what was loaded of it may be of two files.</exception>
    public void CheckUnchanged()
    {
        if (_source.WrittenAt != _written)
        {
            throw new GgufException(_file.Name, 0, "the file", "was written to while it was loaded; load it again when it is whole.");
        }
    }

    public void Dispose() => _file.Dispose();

    private int KvBlocks(int contextTokens, ModelHostOptions options)
    {
        var context = Math.Min(contextTokens, _graph.Shape.Context);
        var least = KvBlockPool.BlocksFor(Math.Min(MemoryNeed.PositionsMin, context));
        var fitting = options.KvBytesMax / KvShare / KvBudget.BlockBytes(_graph.Shape, KvTypeOf(options));
        return (int)Math.Max(least, Math.Min(fitting, (long)KvBlockPool.BlocksFor(context) * Contexts));
    }

    /// <summary>The option's, where the heads allow it.</summary>
    private KvElementType KvTypeOf(ModelHostOptions options) =>
        options.KvType == KvElementType.Q8_0 && _graph.Shape.HeadDim % KvBudget.ScaledDims != 0 ? KvElementType.F16 : options.KvType;
}
