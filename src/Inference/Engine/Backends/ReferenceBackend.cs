using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.KvCache;

namespace Jesus.Inference.Engine.Backends;

/// <summary>
/// The llama graph in plain C# loops with double sums: the oracle that tests hold the kernels against, and readable as the graph's definition.
/// Keeps every weight as a float and is slow; not for serving.
/// </summary>
public sealed class ReferenceBackend : IBackend
{
    private const byte ReferenceNumericsId = 255;

    private readonly ReferenceWeights _weights;
    private readonly bool _quantiseActivations;
    private readonly float[][] _keys;
    private readonly float[][] _values;
    private readonly int _group;
    private readonly int _kvWidth;

    /// <param name="file">The model; every weight is read here.</param>
    /// <param name="kvBlocks">Blocks of the KV pool.</param>
    /// <param name="batchRowsMax">Rows of the largest batch.</param>
    /// <param name="quantiseActivations">Round the input of every product to 8 bits per block of 32, as the kernels do for Q8_0 weights.</param>
    public ReferenceBackend(GgufFile file, int kvBlocks, int batchRowsMax = 512, bool quantiseActivations = false)
    {
        _quantiseActivations = quantiseActivations;
        var model = ArchitectureReaders.Read(file);
        Shape = model.Shape;
        _weights = new ReferenceWeights(file, model);
        _group = Shape.Heads / Shape.KvHeads;
        _kvWidth = Shape.KvHeads * Shape.HeadDim;
        var floats = kvBlocks * KvBlockPool.BlockPositions * _kvWidth;
        _keys = Enumerable.Range(0, Shape.Layers).Select(_ => new float[floats]).ToArray();
        _values = Enumerable.Range(0, Shape.Layers).Select(_ => new float[floats]).ToArray();
        Info = new BackendInfo("reference", "reference", "reference", ReferenceNumericsId, 1, batchRowsMax, _weights.Bytes, 0, KvElementType.F32, kvBlocks,
            KvBudget.BlockBytes(Shape, KvElementType.F32));
    }

    public ModelShape Shape { get; }
    public BackendInfo Info { get; }

    public void Forward(ForwardBatch batch)
    {
        var logits = 0;
        for (var row = 0; row < batch.Rows; row++)
        {
            var sequence = batch.RowSequences[row];
            var table = batch.Blocks[batch.BlockStarts[sequence]..batch.BlockStarts[sequence + 1]];
            var hidden = ForwardRow(batch.Tokens[row], batch.Positions[row], table);
            if (logits < batch.LogitRows && batch.LogitRowIndices[logits] == row)
            {
                Multiply(_weights.Output, Norm(hidden, _weights.OutputNorm)).CopyTo(batch.Logits(logits++));
            }
        }
    }

    public void Dispose()
    {
        // Nothing outside the managed heap.
    }

    private float[] ForwardRow(int token, int position, ReadOnlySpan<int> table)
    {
        var x = _weights.TokenEmbedding.AsSpan(token * Shape.Width, Shape.Width).ToArray();
        for (var layer = 0; layer < Shape.Layers; layer++)
        {
            var weights = _weights.Layers[layer];
            Add(x, Multiply(weights.AttentionOutput, Attend(weights, layer, Norm(x, weights.AttentionNorm), position, table)));
            Add(x, FeedForward(weights, Norm(x, weights.FfnNorm)));
        }

        return x;
    }

    private float[] Attend(ReferenceLayer weights, int layer, float[] x, int position, ReadOnlySpan<int> table)
    {
        var query = Multiply(weights.Query, x);
        var key = Multiply(weights.Key, x);
        Rotate(query, Shape.Heads, position);
        Rotate(key, Shape.KvHeads, position);
        key.CopyTo(_keys[layer].AsSpan(Place(position, table), _kvWidth));
        Multiply(weights.Value, x).CopyTo(_values[layer].AsSpan(Place(position, table), _kvWidth));

        var result = new float[query.Length];
        for (var head = 0; head < Shape.Heads; head++)
        {
            AttendHead(layer, head, query, position, table, result);
        }

        return result;
    }

    private void AttendHead(int layer, int head, float[] query, int position, ReadOnlySpan<int> table, float[] result)
    {
        var dim = Shape.HeadDim;
        var offset = head / _group * dim;
        var scores = new double[position + 1];
        for (var p = 0; p <= position; p++)
        {
            scores[p] = Dot(query.AsSpan(head * dim, dim), _keys[layer].AsSpan(Place(p, table) + offset, dim)) / Math.Sqrt(dim);
        }

        Softmax(scores);
        for (var d = 0; d < dim; d++)
        {
            double sum = 0;
            for (var p = 0; p <= position; p++)
            {
                sum += scores[p] * _values[layer][Place(p, table) + offset + d];
            }

            result[head * dim + d] = (float)sum;
        }
    }

    private float[] FeedForward(ReferenceLayer weights, float[] x)
    {
        var gate = Multiply(weights.Gate, x);
        var up = Multiply(weights.Up, x);
        for (var i = 0; i < gate.Length; i++)
        {
            gate[i] = (float)(gate[i] / (1 + Math.Exp(-gate[i])) * up[i]);
        }

        return Multiply(weights.Down, gate);
    }

    private void Rotate(float[] heads, int count, int position)
    {
        for (var head = 0; head < count; head++)
        {
            for (var pair = 0; pair < Shape.Ropes[0].Frequencies.Length; pair++)
            {
                var (sin, cos) = Math.SinCos(position * Shape.Ropes[0].Frequencies[pair]);
                var at = head * Shape.HeadDim + 2 * pair;
                var (a, b) = (heads[at], heads[at + 1]);
                heads[at] = (float)(a * cos - b * sin);
                heads[at + 1] = (float)(a * sin + b * cos);
            }
        }
    }

    private float[] Norm(float[] x, float[] weight)
    {
        var scale = 1 / Math.Sqrt(Dot(x, x) / x.Length + Shape.NormEpsilon);
        var result = new float[x.Length];
        for (var i = 0; i < x.Length; i++)
        {
            result[i] = (float)(x[i] * scale * weight[i]);
        }

        return result;
    }

    private int Place(int position, ReadOnlySpan<int> table) =>
        (table[position / KvBlockPool.BlockPositions] * KvBlockPool.BlockPositions + position % KvBlockPool.BlockPositions) * _kvWidth;

    private float[] Multiply(float[] matrix, float[] input)
    {
        var x = _quantiseActivations ? Quantise(input) : input;
        var result = new float[matrix.Length / x.Length];
        for (var row = 0; row < result.Length; row++)
        {
            result[row] = (float)Dot(matrix.AsSpan(row * x.Length, x.Length), x);
        }

        return result;
    }

    private static float[] Quantise(float[] x)
    {
        const int Block = 32;
        var result = new float[x.Length];
        for (var start = 0; start < x.Length; start += Block)
        {
            var largest = x.AsSpan(start, Block).ToArray().Max(MathF.Abs);
            for (var i = start; i < start + Block && largest > 0; i++)
            {
                result[i] = MathF.Round(x[i] * (127 / largest)) * (largest / 127);
            }
        }

        return result;
    }

    private static double Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double sum = 0;
        for (var i = 0; i < a.Length; i++)
        {
            sum += (double)a[i] * b[i];
        }

        return sum;
    }

    private static void Add(float[] x, float[] y)
    {
        for (var i = 0; i < x.Length; i++)
        {
            x[i] += y[i];
        }
    }

    private static void Softmax(double[] scores)
    {
        var highest = scores.Max();
        double sum = 0;
        for (var i = 0; i < scores.Length; i++)
        {
            scores[i] = Math.Exp(scores[i] - highest);
            sum += scores[i];
        }

        for (var i = 0; i < scores.Length; i++)
        {
            scores[i] /= sum;
        }
    }
}
