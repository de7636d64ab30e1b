using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.KvCache;
using Jesus.Inference.Engine.Lora;
using Jesus.Inference.Engine.Native;

namespace Jesus.Inference.Engine.Backends;

/// <summary>The CPU kernels. Owns a native model, KV pool and executor; one native call per forward pass.</summary>
public sealed unsafe class NativeBackend : IBackend
{
    /// <summary>Byte of <see cref="Contract.NumericsProfile"/> for the arithmetic "cpu-lane16-v3".</summary>
    internal const byte CpuNumericsId = 3;

    /// <summary>Weight bytes times rows below which the kernels leave a pass to its caller (executor.h, kAloneBytes). Wrong, it only costs time.</summary>
    private const long AloneBytes = 8L << 20;

    private nint _model;
    private nint _kv;
    private nint _executor;

    private NativeBackend(ModelShape shape) => Shape = shape;

    public ModelShape Shape { get; }
    public BackendInfo Info { get; private set; } = null!;

    /// <summary>Why the kernels cannot be used here; null when they can.</summary>
    public static string? WhyUnavailable => NativeLibraryCheck.WhyUnavailable;

    public static bool IsAvailable(Isa isa) => WhyUnavailable is null && NativeMethods.IsaAvailable((int)isa) != 0;

    /// <summary>Reads all weights and adapters into the kernels' layout. Their files may be closed afterwards.</summary>
    /// <exception cref="GgufException">The file lacks something or is cut short.</exception>
    /// <exception cref="BackendException">Kernels, memory or an instruction set are missing.</exception>
    public static NativeBackend Load(GgufFile file, ModelGraph model, BackendOptions options)
    {
        NativeLibraryCheck.Require();
        var backend = new NativeBackend(model.Shape);
        try
        {
            backend.CreateModel(model, options);
            new WeightLoader(file, model.Tensors, options.Threads, options.Loaded).Load(backend._model);
            LoraLoader.Load(backend._model, model.Adapters, options.Threads);
            backend.CreateRunTime(options);
            return backend;
        }
        catch
        {
            backend.Dispose();
            throw;
        }
    }

    public static NativeBackend Load(GgufFile file, BackendOptions options) => Load(file, ArchitectureReaders.Read(file), options);

    public bool TakesTeam(int rows) => Info.Threads > 1 && rows * Info.WeightBytes >= AloneBytes;

    public void Forward(ForwardBatch batch) => Run(batch, -1, null);

    public int? FindNotFinite(ForwardBatch batch, int sequence)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)sequence, (uint)batch.Sequences);
        int layer;
        Run(batch, sequence, &layer);
        return layer >= -1 ? layer : null;
    }

    /// <summary>A pass, or with a sequence to look at, the pass that looks.</summary>
    private void Run(ForwardBatch batch, int sequence, int* layer)
    {
        ObjectDisposedException.ThrowIf(_executor == 0, this);
        fixed (int* tokens = batch.Tokens, positions = batch.Positions, rowSequences = batch.RowSequences)
        fixed (int* blocks = batch.Blocks, blockStarts = batch.BlockStarts, logitRows = batch.LogitRowIndices)
        fixed (int* hiddenRows = batch.HiddenRowIndices, tokenTypes = batch.TokenTypes, rowAdapters = batch.RowAdapters)
        fixed (float* logits = batch.LogitStorage, hidden = batch.HiddenStorage)
        {
            var native = new NativeBatch
            {
                Rows = batch.Rows,
                Sequences = batch.Sequences,
                Tokens = tokens,
                Positions = positions,
                RowSequences = rowSequences,
                Blocks = blocks,
                BlockStarts = blockStarts,
                LogitRowCount = batch.LogitRows,
                LogitRows = logitRows,
                Logits = logits,
                LogitsStride = batch.LogitsStride,
                HiddenRowCount = batch.HiddenRows,
                HiddenRows = hiddenRows,
                Hidden = hidden,
                TokenTypes = tokenTypes,
                RowAdapters = rowAdapters,
            };
            var status = layer == null
                ? NativeMethods.Forward(_executor, _kv, &native)
                : NativeMethods.FindNotFinite(_executor, _kv, &native, sequence, layer);
            if (status != 0)
            {
                NativeLibraryCheck.Check(status, $"a forward pass of {batch.Rows} rows in {batch.Sequences} sequences");
            }
        }
    }

    public void Dispose()
    {
        NativeMethods.ExecutorDestroy(Interlocked.Exchange(ref _executor, 0));
        NativeMethods.KvDestroy(Interlocked.Exchange(ref _kv, 0));
        NativeMethods.ModelDestroy(Interlocked.Exchange(ref _model, 0));
    }

    private void CreateModel(ModelGraph model, BackendOptions options)
    {
        fixed (nint* handle = &_model)
        {
            var status = NativeGraph.Create(model, options.Isa, handle);
            NativeLibraryCheck.Check(status, $"making room for {model.Tensors.Sum(tensor => tensor.Rows * tensor.Columns):N0} weights");
        }
    }

    /// <summary>Encoders have none: their keys and values live for one pass.</summary>
    private void CreateKv(BackendOptions options)
    {
        if (!Shape.IsCausal)
        {
            return;
        }

        if (options.KvType == KvElementType.Q8_0 && Shape.HeadDim % KvBudget.ScaledDims != 0)
        {
            throw new BackendException(
                $"keys and values cannot be kept as {options.KvType}: its scales cover {KvBudget.ScaledDims} dimensions, and this model's heads have {Shape.HeadDim}. "
                    + $"Use {KvElementType.F16}.");
        }

        fixed (nint* kv = &_kv)
        {
            var status = NativeMethods.KvCreate(_model, (int)options.KvType, options.KvBlocks, kv);
            NativeLibraryCheck.Check(status, $"making {options.KvBlocks} KV blocks of {options.KvType}");
        }
    }

    private void CreateRunTime(BackendOptions options)
    {
        NativeLibraryCheck.Check(NativeMethods.ModelCheck(_model), "loading the weights");
        CreateKv(options);
        fixed (nint* executor = &_executor)
        {
            var status = NativeMethods.ExecutorCreate(_model, options.Threads, options.BatchRowsMax, executor);
            NativeLibraryCheck.Check(status, $"starting {options.Threads} threads for batches of {options.BatchRowsMax} rows");
        }

        var isa = NativeLibraryCheck.Text(NativeMethods.IsaName(NativeMethods.ModelIsa(_model)));
        Info = new BackendInfo(
            Device: $"cpu {isa}",
            Isa: isa,
            Numerics: NativeLibraryCheck.Text(NativeMethods.Numerics()),
            NumericsId: CpuNumericsId,
            Threads: options.Threads,
            BatchRowsMax: options.BatchRowsMax,
            WeightBytes: (long)NativeMethods.ModelBytes(_model),
            WorkBytes: (long)NativeMethods.ExecutorBytes(_executor),
            KvType: options.KvType,
            KvBlocks: Shape.IsCausal ? options.KvBlocks : 0,
            KvBlockBytes: (long)NativeMethods.KvBlockBytes(_model, (int)options.KvType))
        {
            AdapterBytes = (long)NativeMethods.AdapterBytes(_model),
        };
    }
}
