using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.KvCache;

namespace Jesus.Inference.Tests.Engine.Batching;

/// <summary>A model whose likeliest next token is a function of the last one, and which checks that every row's history is where it should be.</summary>
internal sealed class FakeBackend(int vocabulary, int context = 4096, int kvBlocks = 256, int rowsMax = 64) : IBackend
{
    /// <summary>A number of all tokens up to each position, as keys and values are; 0 where nothing was computed.</summary>
    private readonly ulong[] _cache = new ulong[kvBlocks * KvBlockPool.BlockPositions];

    /// <summary>Token and position of the row to the next token. The default counts up.</summary>
    public Func<int, int, int> Next { get; set; } = (token, _) => (token + 1) % 256;

    /// <summary>The next token from all tokens so far, in place of <see cref="Next"/>: wrong as soon as one block holds what it should not.</summary>
    public Func<ulong, int>? NextOfAll { get; set; }
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
            var before = position == 0 ? FirstState : Slot(table, position - 1);
            if (before == 0)
            {
                Assert.Fail($"position {position - 1} was never computed before {position}");
            }

            var state = Slot(table, position) = After(before, batch.Tokens[row], batch.HasAdapters ? batch.RowAdapters[row] : 0);

            if (logits < batch.LogitRows && batch.LogitRowIndices[logits] == row)
            {
                var span = batch.Logits(logits++);
                span.Clear();
                span[NextOfAll?.Invoke(state) ?? Next(batch.Tokens[row], position)] = Peak;
            }
        }
    }

    /// <summary>Which sequence of a pass gives no numbers, and from where on.</summary>
    public Func<ForwardBatch, int, int?>? NotFiniteFrom { get; set; }

    public int? FindNotFinite(ForwardBatch batch, int sequence) => NotFiniteFrom?.Invoke(batch, sequence);

    public void Dispose()
    {
        // Nothing to let go of.
    }

    /// <summary>The number of no tokens, and that of one token more.</summary>
    public const ulong FirstState = 1;

    /// <param name="adapter">Changes what is kept of the token.</param>
    public static ulong After(ulong state, int token, int adapter = 0) =>
        (((state ^ (ulong)token ^ ((ulong)adapter << 40)) * 0x9e3779b97f4a7c15) ^ (state >> 31)) | 1;

    private ref ulong Slot(ReadOnlySpan<int> table, int position) =>
        ref _cache[(table[position / KvBlockPool.BlockPositions] * KvBlockPool.BlockPositions) + (position % KvBlockPool.BlockPositions)];
}
