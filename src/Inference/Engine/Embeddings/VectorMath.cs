using System.Numerics;

namespace Jesus.Inference.Engine.Embeddings;

/// <summary>What becomes of a text's pooled state. Element by element, or one sum in order: the same bits wherever it is computed.</summary>
internal static class VectorMath
{
    public static void Add(ReadOnlySpan<float> from, Span<float> to)
    {
        var at = 0;
        for (; at <= to.Length - Vector<float>.Count; at += Vector<float>.Count)
        {
            (new Vector<float>(from[at..]) + new Vector<float>(to[at..])).CopyTo(to[at..]);
        }

        for (; at < to.Length; at++)
        {
            to[at] += from[at];
        }
    }

    public static void Divide(Span<float> values, float by)
    {
        for (var i = 0; i < values.Length; i++)
        {
            values[i] /= by;
        }
    }

    /// <summary>To length 1; a vector of zeros stays.</summary>
    public static void Normalise(Span<float> values)
    {
        var squares = 0.0;
        foreach (var value in values)
        {
            squares += (double)value * value;
        }

        if (squares > 0)
        {
            var scale = 1 / Math.Sqrt(squares);
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = (float)(values[i] * scale);
            }
        }
    }

    public static bool IsFinite(ReadOnlySpan<float> values)
    {
        foreach (var value in values)
        {
            if (!float.IsFinite(value))
            {
                return false;
            }
        }

        return true;
    }
}
