using System.Runtime.Intrinsics;
using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Embeddings;

/// <summary>
/// What makes a score of a pair's pooled state: <c>cls</c> [width, width] and tanh where the file has it, then <c>cls.output</c> [1, width] and the logistic function; of
/// two outputs the share of the one that says yes (<see cref="RankLabels"/>; https://arxiv.org/abs/1901.04085, https://arxiv.org/abs/2506.05176). Sums of
/// eight lanes in a fixed order, whatever else is scored. Immutable; any thread.
/// </summary>
internal sealed class RankHead
{
    public const string OutputName = "cls.output.weight";

    private static readonly string[] Names = ["cls.weight", "cls.bias", OutputName, "cls.output.bias"];

    private readonly float[] _dense;
    private readonly float[] _denseBias;
    private readonly float[] _output;
    private readonly float[] _outputBias;
    private readonly int _width;
    private readonly int _yes;

    private RankHead(GgufFile file, ModelShape shape)
    {
        _width = shape.Width;
        _dense = Values(file, Names[0]);
        _denseBias = Values(file, Names[1]);
        _output = Values(file, Names[2]);
        _outputBias = Values(file, Names[3]);
        _yes = RankLabels.ScoreOf(file, shape, _output.Length / _width);
    }

    public static bool IsIn(GgufFile file) => file.TryGetTensor(OutputName, out _);

    /// <summary>Null where the file has none.</summary>
    /// <exception cref="GgufException">The tensors are read here, and the file is cut short.</exception>
    public static RankHead? Load(GgufFile file, ModelShape shape) => IsIn(file) ? new RankHead(file, shape) : null;

    /// <summary>Takes the head's tensors among those that the graph knows, and checks them.</summary>
    /// <exception cref="GgufException">They are of another shape, or a classifier's.</exception>
    public static void Check(TensorReader tensors, GgufFile file)
    {
        if (!file.TryGetTensor(OutputName, out var output))
        {
            return;
        }

        var width = tensors.Shape.Width;
        RankLabels.Check(file, tensors.Shape, output);
        tensors.Head(Names[0], [width, width], false);
        tensors.Head(Names[1], [width], true);
        tensors.Head(Names[2], [width, output.Rows], false);
        tensors.Head(Names[3], [output.Rows], true);
    }

    /// <summary>0 to 1; the higher the better the document answers the query.</summary>
    /// <param name="pooled">The pair's state, width floats; left as it is.</param>
    /// <param name="scratch">Width floats.</param>
    public float Score(ReadOnlySpan<float> pooled, Span<float> scratch)
    {
        if (_dense.Length > 0)
        {
            for (var i = 0; i < _width; i++)
            {
                scratch[i] = MathF.Tanh(Dot(_dense.AsSpan(i * _width, _width), pooled) + At(_denseBias, i));
            }
        }
        else
        {
            pooled.CopyTo(scratch);
        }

        var yes = Output(_yes, scratch);
        var no = _output.Length > _width ? Output(1 - _yes, scratch) : 0f;
        return 1 / (1 + MathF.Exp(no - yes));
    }

    private float Output(int index, ReadOnlySpan<float> state) => Dot(_output.AsSpan(index * _width, _width), state) + At(_outputBias, index);

    private static float At(float[] bias, int index) => bias.Length > 0 ? bias[index] : 0;

    private static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var sum = Vector256<float>.Zero;
        var at = 0;
        for (; at <= a.Length - Vector256<float>.Count; at += Vector256<float>.Count)
        {
            sum += Vector256.Create(a[at..]) * Vector256.Create(b[at..]);
        }

        // Folded in one order, whatever the CPU's own horizontal sum does.
        var lanes = sum.GetLower() + sum.GetUpper();
        var total = (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
        for (; at < a.Length; at++)
        {
            total += a[at] * b[at];
        }

        return total;
    }

    private static float[] Values(GgufFile file, string name)
    {
        if (!file.TryGetTensor(name, out var tensor))
        {
            return [];
        }

        var bytes = new byte[tensor.ByteLength];
        file.ReadTensor(tensor, 0, bytes);
        var values = new float[tensor.Elements];
        Dequantize.Row(tensor.Type, bytes, values);
        return values;
    }
}
