using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.KvCache;
using Jesus.Inference.Engine.Lora;

namespace Jesus.Inference.Engine.Backends;

/// <summary>
/// The graph of <see cref="WeightSlot"/> in plain C# loops with double sums: the oracle that tests hold the kernels against, and readable as the graph's
/// definition. Keeps every weight as a float and is slow; not for serving.
/// </summary>
public sealed class ReferenceBackend : IBackend
{
    private const byte ReferenceNumericsId = 255;

    private readonly ReferenceWeights _weights;
    private readonly ReferenceAttention _attention;
    private readonly ReferenceFeedForward _feedForward;
    private readonly ReferenceLora _adapters;
    private int _adapter;
    private readonly bool _roundActivations;

    /// <param name="file">The model; every weight is read here.</param>
    /// <param name="kvBlocks">Blocks of the KV pool.</param>
    /// <param name="batchRowsMax">Rows of the largest batch.</param>
    /// <param name="roundActivations">Round the input of products as the kernels do: to 8 bits per block of 32 for quantised weights, to bfloat16 for BF16 ones.</param>
    public ReferenceBackend(GgufFile file, int kvBlocks, int batchRowsMax = 512, bool roundActivations = false)
        : this(file, ArchitectureReaders.Read(file), kvBlocks, batchRowsMax, roundActivations)
    {
    }

    /// <param name="kvType">Keys and values are rounded as this type rounds them, and kept as floats.</param>
    public ReferenceBackend(GgufFile file, ModelGraph model, int kvBlocks, int batchRowsMax = 512, bool roundActivations = false,
        KvElementType kvType = KvElementType.F32)
    {
        _roundActivations = roundActivations;
        Shape = model.Shape;
        _weights = new ReferenceWeights(file, model);
        _attention = new ReferenceAttention(this, _weights, kvBlocks, kvType);
        _feedForward = new ReferenceFeedForward(this, _weights);
        _adapters = new ReferenceLora(model.Adapters, roundActivations);
        Info = new BackendInfo("reference", "reference", "reference", ReferenceNumericsId, 1, batchRowsMax, _weights.Bytes, 0, kvType, kvBlocks,
            KvBudget.BlockBytes(Shape, KvElementType.F32))
        {
            AdapterBytes = model.Adapters.Sum(adapter => adapter.Bytes),
        };
    }

    public ModelShape Shape { get; }
    public BackendInfo Info { get; }

    public void Forward(ForwardBatch batch) => _ = Run(batch, -1);

    public int? FindNotFinite(ForwardBatch batch, int sequence) => Run(batch, sequence);

    public void Dispose()
    {
        // Nothing outside the managed heap.
    }

    /// <summary>The pass; the place where the watched sequence first held what is no number, if it did.</summary>
    private int? Run(ForwardBatch batch, int watched)
    {
        var rows = new float[batch.Rows][];
        for (var row = 0; row < rows.Length; row++)
        {
            rows[row] = Embed(batch, row);
        }

        int? found = Holds(rows, batch, watched) ? -1 : null;
        for (var layer = 0; layer < Shape.Layers; layer++)
        {
            RunLayer(batch, rows, layer);
            found ??= Holds(rows, batch, watched) ? layer : null;
        }

        Output(batch, rows);
        return found;
    }

    private static bool Holds(float[][] rows, ForwardBatch batch, int watched)
    {
        for (var row = 0; row < rows.Length; row++)
        {
            if (batch.RowSequences[row] == watched && !Array.TrueForAll(rows[row], float.IsFinite))
            {
                return true;
            }
        }

        return false;
    }

    private float[] Embed(ForwardBatch batch, int row)
    {
        var x = new float[Shape.Width];
        ReferenceMath.Add(x, Row(WeightSlot.TokenEmbedding, batch.Tokens[row]), Shape.EmbeddingScale);
        ReferenceMath.Add(x, Row(WeightSlot.TokenTypeEmbedding, batch.TokenTypes.Length > 0 ? batch.TokenTypes[row] : 0));
        ReferenceMath.Add(x, Row(WeightSlot.PositionEmbedding, batch.Positions[row]));
        Norm(x, WeightSlot.EmbeddingNorm, WeightSlot.EmbeddingNormBias);
        return x;
    }

    /// <summary>Empty when the model has no such embedding.</summary>
    private ReadOnlySpan<float> Row(WeightSlot slot, int row) =>
        _weights.Of(slot) is { Exists: true } table ? table.Values.AsSpan(row * Shape.Width, Shape.Width) : default;

    private void RunLayer(ForwardBatch batch, float[][] rows, int layer)
    {
        var attended = _attention.Run(batch, rows, layer);
        for (var row = 0; row < rows.Length; row++)
        {
            Begin(batch, row);
            var x = rows[row];
            ReferenceMath.Add(x, attended[row], Shape.ResidualScale);
            Norm(x, WeightSlot.AttentionSumNorm, WeightSlot.AttentionSumNormBias, layer);
            var y = x.AsSpan().ToArray();
            Norm(y, WeightSlot.FfnNorm, WeightSlot.FfnNormBias, layer);
            y = _feedForward.Run(y, layer);
            Norm(y, WeightSlot.PostFfnNorm, null, layer);
            ReferenceMath.Add(x, y, Shape.ResidualScale);
            Norm(x, WeightSlot.FfnSumNorm, WeightSlot.FfnSumNormBias, layer);
        }
    }

    private void Output(ForwardBatch batch, float[][] rows)
    {
        var output = _weights.Of(WeightSlot.Output) is { Exists: true } own ? own : _weights.Of(WeightSlot.TokenEmbedding);
        for (var i = 0; i < batch.LogitRows; i++)
        {
            Begin(batch, batch.LogitRowIndices[i]);
            var hidden = Final(rows[batch.LogitRowIndices[i]]);
            var logits = Multiply(output, hidden);
            _adapters.Add(_adapter, WeightSlot.Output, 0, hidden, logits);
            for (var token = 0; token < logits.Length; token++)
            {
                logits[token] = (float)ReferenceMath.SoftCap(logits[token] * Shape.LogitScale, Shape.LogitSoftCap);
            }

            logits.CopyTo(batch.Logits(i));
        }

        for (var i = 0; i < batch.HiddenRows; i++)
        {
            Final(rows[batch.HiddenRowIndices[i]]).CopyTo(batch.Hidden(i));
        }
    }

    private float[] Final(float[] row)
    {
        var x = row.AsSpan().ToArray();
        Norm(x, WeightSlot.OutputNorm, WeightSlot.OutputNormBias);
        return x;
    }

    /// <summary>In place; nothing when the model has no such norm.</summary>
    internal void Norm(Span<float> x, WeightSlot weight, WeightSlot? bias, int layer = 0)
    {
        if (_weights.Vector(weight, layer) is { Length: > 0 } values)
        {
            ReferenceMath.Norm(Shape.Norm, x, values, bias is { } slot ? _weights.Vector(slot, layer) : [], Shape.NormEpsilon);
        }
    }

    /// <summary>The product with every row of the matrix.</summary>
    internal float[] Multiply(ReferenceTensor matrix, float[] input)
    {
        var x = _roundActivations ? ReferenceMath.Rounded(input, matrix.Type) : input;
        var result = new float[matrix.Values.Length / x.Length];
        for (var row = 0; row < result.Length; row++)
        {
            result[row] = (float)ReferenceMath.Dot(matrix.Values.AsSpan(row * x.Length, x.Length), x);
        }

        return result;
    }

    /// <summary>The products that follow are of this row, and its adapter goes beside them.</summary>
    internal void Begin(ForwardBatch batch, int row) => _adapter = batch.HasAdapters ? batch.RowAdapters[row] : 0;

    /// <summary>The product, the bias where there is one, and what the row's adapter adds.</summary>
    internal float[] Multiply(WeightSlot matrix, WeightSlot bias, float[] input, int layer, int expert = 0)
    {
        var result = Multiply(_weights.Of(matrix, layer, expert), input);
        ReferenceMath.Add(result, _weights.Vector(bias, layer, expert));
        _adapters.Add(_adapter, matrix, layer, input, result);
        return result;
    }
}
