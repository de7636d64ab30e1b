using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.KvCache;

namespace Jesus.Inference.Engine.Backends;

/// <summary>The attention half of a block: from the residual to what attention adds to it.</summary>
internal sealed class ReferenceAttention
{
    private readonly ReferenceBackend _backend;
    private readonly ReferenceWeights _weights;
    private readonly ModelShape _shape;
    private readonly int _kvWidth;
    private readonly KvElementType _kvType;

    /// <summary>Keys and values of each layer, [block][16 positions][KV width].</summary>
    private readonly float[][] _keys;
    private readonly float[][] _values;

    public ReferenceAttention(ReferenceBackend backend, ReferenceWeights weights, int kvBlocks, KvElementType kvType)
    {
        _backend = backend;
        _weights = weights;
        _shape = backend.Shape;
        _kvWidth = _shape.KvHeads * _shape.HeadDim;
        _kvType = _shape.IsCausal ? kvType : KvElementType.F32;
        var floats = _shape.IsCausal ? kvBlocks * KvBlockPool.BlockPositions * _kvWidth : 0;
        _keys = Enumerable.Range(0, _shape.Layers).Select(_ => new float[floats]).ToArray();
        _values = Enumerable.Range(0, _shape.Layers).Select(_ => new float[floats]).ToArray();
    }

    /// <summary>What attention adds to each row.</summary>
    public float[][] Run(ForwardBatch batch, float[][] rows, int layer)
    {
        var queries = new float[rows.Length][];
        if (!_shape.IsCausal)
        {
            (_keys[layer], _values[layer]) = (new float[rows.Length * _kvWidth], new float[rows.Length * _kvWidth]);
        }

        for (var row = 0; row < rows.Length; row++)
        {
            _backend.Begin(batch, row);
            queries[row] = Project(batch, row, rows[row], layer);
        }

        var result = new float[rows.Length][];
        for (var row = 0; row < rows.Length; row++)
        {
            _backend.Begin(batch, row);
            result[row] = _backend.Multiply(WeightSlot.AttentionOutput, WeightSlot.AttentionOutputBias, Attend(batch, row, queries[row], layer), layer);
            _backend.Norm(result[row], WeightSlot.PostAttentionNorm, null, layer);
        }

        return result;
    }

    /// <summary>Keeps the row's key and value; answers its query.</summary>
    private float[] Project(ForwardBatch batch, int row, float[] residual, int layer)
    {
        var x = residual.AsSpan().ToArray();
        _backend.Norm(x, WeightSlot.AttentionNorm, WeightSlot.AttentionNormBias, layer);
        var query = _backend.Multiply(WeightSlot.Query, WeightSlot.QueryBias, x, layer);
        var key = _backend.Multiply(WeightSlot.Key, WeightSlot.KeyBias, x, layer);
        Prepare(query, WeightSlot.QueryNorm, batch.Positions[row], layer);
        Prepare(key, WeightSlot.KeyNorm, batch.Positions[row], layer);
        var place = Place(batch, row, batch.Positions[row]);
        Keep(key, _keys[layer].AsSpan(place, _kvWidth));
        Keep(_backend.Multiply(WeightSlot.Value, WeightSlot.ValueBias, x, layer), _values[layer].AsSpan(place, _kvWidth));
        return query;
    }

    /// <summary>As the cache's type keeps it; Q8_0 rounds its scale to F16 first, then the values to multiples of that.</summary>
    private void Keep(float[] from, Span<float> to)
    {
        for (var start = 0; start < from.Length; start += KvBudget.ScaledDims)
        {
            var group = from.AsSpan(start, Math.Min(KvBudget.ScaledDims, from.Length - start));
            var scale = _kvType == KvElementType.Q8_0 ? (float)(Half)(group.ToArray().Max(MathF.Abs) / 127) : 0;
            for (var i = 0; i < group.Length; i++)
            {
                to[start + i] = _kvType switch
                {
                    KvElementType.Q8_0 => scale > 0 ? Math.Clamp(MathF.Round(group[i] * (1 / scale)), -127, 127) * scale : 0,
                    KvElementType.F16 => (float)(Half)group[i],
                    _ => group[i],
                };
            }
        }
    }

    /// <summary>Norm and rotation of each head.</summary>
    private void Prepare(float[] heads, WeightSlot norm, int position, int layer)
    {
        for (var at = 0; at < heads.Length; at += _shape.HeadDim)
        {
            var head = heads.AsSpan(at, _shape.HeadDim);
            _backend.Norm(head, norm, null, layer);
            if (_shape.RopeOf(layer) is { } rope)
            {
                Rotate(head, rope, position);
            }
        }
    }

    private void Rotate(Span<float> head, RopeTable rope, int position)
    {
        var pairs = rope.Frequencies.Length;
        for (var pair = 0; pair < pairs; pair++)
        {
            var (sin, cos) = Math.SinCos(position * rope.Frequencies[pair]);
            var (first, second) = _shape.RopeStyle == RopeStyle.Halves ? (pair, pair + pairs) : (2 * pair, 2 * pair + 1);
            var (a, b) = (head[first] * rope.AttentionFactor, head[second] * rope.AttentionFactor);
            head[first] = (float)(a * cos - b * sin);
            head[second] = (float)(a * sin + b * cos);
        }
    }

    private float[] Attend(ForwardBatch batch, int row, float[] query, int layer)
    {
        var result = new float[query.Length];
        var last = _shape.IsCausal ? batch.Positions[row] : LastOf(batch, row);
        var window = _shape.Layer(layer).Window;
        var first = window > 0 ? Math.Max(0, last - window + 1) : 0;
        for (var head = 0; head < _shape.Heads; head++)
        {
            AttendHead(batch, row, query, head, layer, first, last, result);
        }

        return result;
    }

    private void AttendHead(ForwardBatch batch, int row, float[] query, int head, int layer, int first, int last, float[] result)
    {
        var dim = _shape.HeadDim;
        var offset = head / (_shape.Heads / _shape.KvHeads) * dim;
        var scale = _shape.AttentionScale > 0 ? _shape.AttentionScale : 1 / Math.Sqrt(dim);
        var sinks = _weights.Vector(WeightSlot.Sinks, layer);
        var scores = new double[last - first + 1 + (sinks.Length > 0 ? 1 : 0)];
        for (var p = first; p <= last; p++)
        {
            var key = _keys[layer].AsSpan(Place(batch, row, p) + offset, dim);
            scores[p - first] = ReferenceMath.SoftCap(ReferenceMath.Dot(query.AsSpan(head * dim, dim), key) * scale, _shape.AttentionSoftCap);
        }

        if (sinks.Length > 0)
        {
            scores[^1] = sinks[head];
        }

        ReferenceMath.Softmax(scores);
        for (var d = 0; d < dim; d++)
        {
            double sum = 0;
            for (var p = first; p <= last; p++)
            {
                sum += scores[p - first] * _values[layer][Place(batch, row, p) + offset + d];
            }

            result[head * dim + d] = (float)sum;
        }
    }

    private static int LastOf(ForwardBatch batch, int row)
    {
        while (row + 1 < batch.Rows && batch.RowSequences[row + 1] == batch.RowSequences[row])
        {
            row++;
        }

        return batch.Positions[row];
    }

    /// <summary>Where a position of the row's sequence lies: by its block table, or among the rows of an encoder's pass.</summary>
    private int Place(ForwardBatch batch, int row, int position)
    {
        if (!_shape.IsCausal)
        {
            return (row - batch.Positions[row] + position) * _kvWidth;
        }

        var block = batch.Blocks[batch.BlockStarts[batch.RowSequences[row]] + position / KvBlockPool.BlockPositions];
        return (block * KvBlockPool.BlockPositions + position % KvBlockPool.BlockPositions) * _kvWidth;
    }
}
