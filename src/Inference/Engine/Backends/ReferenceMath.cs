using Jesus.Inference.Engine.Architectures;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Backends;

/// <summary>The arithmetic of the reference: rows of floats, sums in double.</summary>
internal static class ReferenceMath
{
    public static double Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double sum = 0;
        for (var i = 0; i < a.Length; i++)
        {
            sum += (double)a[i] * b[i];
        }

        return sum;
    }

    /// <summary>x = x + y * scale; an empty y is nothing.</summary>
    public static void Add(Span<float> x, ReadOnlySpan<float> y, double scale = 1)
    {
        for (var i = 0; i < y.Length; i++)
        {
            x[i] = (float)(x[i] + y[i] * scale);
        }
    }

    public static void Norm(NormKind kind, Span<float> x, float[] weight, float[] bias, double epsilon)
    {
        double mean = 0;
        if (kind == NormKind.LayerNorm)
        {
            foreach (var value in x)
            {
                mean += value / (double)x.Length;
            }
        }

        double squares = 0;
        foreach (var value in x)
        {
            squares += (value - mean) * (value - mean);
        }

        var scale = 1 / Math.Sqrt(squares / x.Length + epsilon);
        for (var i = 0; i < x.Length; i++)
        {
            x[i] = (float)((x[i] - mean) * scale * weight[i] + (bias.Length > 0 ? bias[i] : 0));
        }
    }

    public static void Softmax(Span<double> scores)
    {
        var highest = double.NegativeInfinity;
        foreach (var score in scores)
        {
            highest = Math.Max(highest, score);
        }

        double sum = 0;
        foreach (ref var score in scores)
        {
            score = Math.Exp(score - highest);
            sum += score;
        }

        foreach (ref var score in scores)
        {
            score /= sum;
        }
    }

    public static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    /// <summary><paramref name="cap"/> tanh(x / cap); 0: x.</summary>
    public static double SoftCap(double x, double cap) => cap > 0 ? cap * Math.Tanh(x / cap) : x;

    /// <summary>What <see cref="Activation"/> says of one gate and up; without a gate, of up alone.</summary>
    public static double Activate(ModelShape shape, double gate, double up) => shape.Activation switch
    {
        Activation.SwiGlu => gate * Sigmoid(gate) * up,
        Activation.GeGlu => gate / 2 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (gate + 0.044715 * gate * gate * gate))) * up,
        Activation.SwiGluLimited => Limited(Math.Min(gate, shape.ActivationLimit), shape.ActivationAlpha)
            * (Math.Clamp(up, -shape.ActivationLimit, shape.ActivationLimit) + 1),
        _ => up / 2 * (1 + Erf(up / Math.Sqrt(2))),
    };

    private static double Limited(double gate, double alpha) => gate * Sigmoid(alpha * gate);

    /// <summary>
    /// The error function: its series (Abramowitz and Stegun 7.1.6, all terms positive) up to 6, beyond which it is 1 to the last bit.
    /// </summary>
    public static double Erf(double x)
    {
        if (Math.Abs(x) > 6 || double.IsNaN(x))
        {
            return double.IsNaN(x) ? x : Math.Sign(x);
        }

        var (term, sum) = (x, x);
        for (var n = 1; Math.Abs(term) > 1e-17 * Math.Abs(sum); n++)
        {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }

        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }

    /// <summary>What the kernels multiply with weights of a type: numbers of 8 bits per block of 32, bfloat16 numbers, or the floats themselves.</summary>
    public static float[] Rounded(float[] x, GgufTensorType weights) => weights switch
    {
        GgufTensorType.BF16 => Array.ConvertAll(x, ToBfloat16),
        _ when GgufBlock.Of(weights).Elements > 1 => Quantised(x),
        _ => x,
    };

    /// <summary>The nearest, ties to even.</summary>
    private static float ToBfloat16(float x)
    {
        var bits = BitConverter.SingleToUInt32Bits(x);
        return BitConverter.UInt32BitsToSingle((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000);
    }

    private static float[] Quantised(float[] x)
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
}
