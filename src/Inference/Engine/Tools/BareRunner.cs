using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.KvCache;

namespace Jesus.Inference.Engine.Tools;

/// <summary>One sequence on the kernels, with nothing around it: for logits and speed.</summary>
public sealed class BareRunner : IDisposable
{
    /// <summary>Logits computed at a time when every position's are wanted: 16 rows of a vocabulary of 150,000 are 10 MB.</summary>
    private const int LogitRowsMax = 16;

    private readonly NativeBackend _backend;
    private readonly KvBlockPool _pool;
    private readonly BlockTable _table;
    private readonly ForwardBatch _batch;

    /// <param name="positions">Tokens that the sequence will have at most.</param>
    /// <param name="threads">0 for one a core.</param>
    public BareRunner(GgufFile file, ModelGraph model, int positions, int threads, Isa isa)
    {
        var options = new BackendOptions { KvBlocks = KvBlockPool.BlocksFor(positions), Isa = isa };
        _backend = NativeBackend.Load(file, model, threads > 0 ? options with { Threads = Math.Min(threads, 256) } : options);
        _pool = new KvBlockPool(options.KvBlocks);
        _table = new BlockTable(_pool);
        _ = _table.TryReserve(positions);
        _batch = new ForwardBatch(options.BatchRowsMax, LogitRowsMax, model.Shape.Vocabulary);
    }

    public BackendInfo Info => _backend.Info;
    public int VocabularyCount => _backend.Shape.Vocabulary;

    /// <summary>The logits after the last token, or after each; one array a position.</summary>
    public float[][] Logits(ReadOnlySpan<int> ids, bool all)
    {
        if (!all)
        {
            return [Run(ids, 0).ToArray()];
        }

        var rows = new float[ids.Length][];
        for (var from = 0; from < ids.Length; from += LogitRowsMax)
        {
            var count = Math.Min(LogitRowsMax, ids.Length - from);
            Forward(ids.Slice(from, count), from, count);
            for (var i = 0; i < count; i++)
            {
                rows[from + i] = _batch.Logits(i).ToArray();
            }
        }

        return rows;
    }

    /// <summary>Computes tokens at positions from <paramref name="first"/> on; the last one's logits, valid until the next call.</summary>
    public ReadOnlySpan<float> Run(ReadOnlySpan<int> ids, int first)
    {
        for (var from = 0; from < ids.Length; from += _batch.RowsMax)
        {
            var count = Math.Min(_batch.RowsMax, ids.Length - from);
            Forward(ids.Slice(from, count), first + from, from + count == ids.Length ? 1 : 0);
        }

        return _batch.Logits(0);
    }

    public void Dispose()
    {
        _table.Dispose();
        _backend.Dispose();
    }

    private void Forward(ReadOnlySpan<int> ids, int first, int logitRows)
    {
        _batch.Clear();
        _batch.BeginSequence(_table.Blocks);
        for (var i = 0; i < ids.Length; i++)
        {
            _ = _batch.Add(ids[i], first + i, i >= ids.Length - logitRows);
        }

        _backend.Forward(_batch);
    }
}
