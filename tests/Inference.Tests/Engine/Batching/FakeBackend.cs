using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.KvCache;

namespace Jesus.Inference.Tests.Engine.Batching;

/// <summary>A model whose likeliest next token is a function of the last one, and which checks that every row's history is where it should be.</summary>
internal sealed class FakeBackend(int vocabulary, int context = 4096, int kvBlocks = 256, int rowsMax = 64) : IBackend
{
    /// <summary>What each position of each block holds, as a KV cache would.</summary>
    private readonly int[] _cache = Enumerable.Repeat(-1, kvBlocks * KvBlockPool.BlockPositions).ToArray();

    /// <summary>Token and position of the row to the next token. The default counts up.</summary>
    public Func<int, int, int> Next { get; set; } = (token, _) => (token + 1) % 256;
    public Action<ForwardBatch>? BeforeForward { get; set; }

    /// <summary>Written instead of 1 where the likeliest token stands.</summary>
    public float Peak { get; set; } = 1;

    /// <summary>Rows of each pass so far.</summary>
    public List<int> Passes { get; } = [];

    public ModelShape Shape { get; } = new()
    {
        Layers = 1,
        Width = 16,
        Heads = 1,
        KvHeads = 1,
        HeadDim = 16,
        Ffn = 16,
        Vocabulary = vocabulary,
        Context = context,
        NormEpsilon = 1e-5f,
        Ropes = [new RopeTable([1])],
    };

    public BackendInfo Info { get; } = new("fake", "fake", "fake", 254, 2, rowsMax, 1, 1, KvElementType.F32, kvBlocks, 1);

    public void Forward(ForwardBatch batch)
    {
        BeforeForward?.Invoke(batch);
        Passes.Add(batch.Rows);
        var logits = 0;
        for (var row = 0; row < batch.Rows; row++)
        {
            var sequence = batch.RowSequences[row];
            var table = batch.Blocks[batch.BlockStarts[sequence]..batch.BlockStarts[sequence + 1]];
            var position = batch.Positions[row];
            Slot(table, position) = batch.Tokens[row];
            for (var before = 0; before < position; before++)
            {
                if (Slot(table, before) < 0)
                {
                    Assert.Fail($"position {before} was never computed before {position}");
                }
            }

            if (logits < batch.LogitRows && batch.LogitRowIndices[logits] == row)
            {
                var span = batch.Logits(logits++);
                span.Clear();
                span[Next(batch.Tokens[row], position)] = Peak;
            }
        }
    }

    public int? FindNotFinite(ForwardBatch batch, int sequence) => null;

    public void Dispose()
    {
        // Nothing to let go of.
    }

    private ref int Slot(ReadOnlySpan<int> table, int position) =>
        ref _cache[(table[position / KvBlockPool.BlockPositions] * KvBlockPool.BlockPositions) + (position % KvBlockPool.BlockPositions)];
}
