using System.Runtime.InteropServices;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Architectures;

/// <summary>Rotary frequencies: <c>base^(-2i / dims)</c>, divided by the linear scaling factor and by <c>rope_freqs.weight</c> where the file has them.</summary>
internal static class LlamaRope
{
    /// <summary>Radians per position that the kernels reduce exactly.</summary>
    private const double FrequencyMax = 64;

    public static double[] Frequencies(GgufFile file, int headDim)
    {
        var metadata = file.Metadata;
        var dims = metadata.OptionalInt("llama.rope.dimension_count", headDim);
        if (dims < 0 || dims > headDim || dims % 2 != 0)
        {
            throw metadata.Error("llama.rope.dimension_count", $"is {dims}; even numbers up to the head's {headDim} dimensions are allowed.");
        }

        double @base = metadata.OptionalFloat("llama.rope.freq_base", 10_000);
        if (!(@base >= 1 && double.IsFinite(@base)))
        {
            throw metadata.Error("llama.rope.freq_base", $"is {@base}; a number of at least 1 is needed.");
        }

        var scale = LinearScale(metadata);
        var factors = Factors(file, dims / 2);
        var frequencies = new double[dims / 2];
        for (var i = 0; i < frequencies.Length; i++)
        {
            frequencies[i] = Math.Pow(@base, -2.0 * i / dims) / scale / factors[i];
        }

        return frequencies;
    }

    private static double LinearScale(GgufMetadata metadata)
    {
        double factor = metadata.OptionalFloat("llama.rope.scaling.factor", metadata.OptionalFloat("llama.rope.scale_linear", 1));
        switch (metadata.OptionalString("llama.rope.scaling.type") ?? (factor == 1 ? "none" : "linear"))
        {
            case "none":
                return 1;
            case "linear" when factor >= 1.0 / FrequencyMax && double.IsFinite(factor):
                return factor;
            case "linear":
                throw metadata.Error("llama.rope.scaling.factor", $"is {factor}; a number of at least {1.0 / FrequencyMax} is needed.");
            default:
                throw metadata.Error("llama.rope.scaling.type", "is neither \"none\" nor \"linear\"; other scalings are not implemented.");
        }
    }

    private static float[] Factors(GgufFile file, int pairs)
    {
        var factors = new float[pairs];
        Array.Fill(factors, 1);
        if (!file.TryGetTensor("rope_freqs.weight", out var tensor))
        {
            return factors;
        }

        if (tensor.Type != GgufTensorType.F32 || tensor.Elements != pairs)
        {
            throw new GgufException(file.Name, tensor.FileOffset, tensor.Name, $"must be {pairs} F32 values, one for each rotated pair.");
        }

        file.ReadTensor(tensor, 0, MemoryMarshal.AsBytes(factors.AsSpan()));
        return Array.TrueForAll(factors, factor => factor >= 1.0 / FrequencyMax && float.IsFinite(factor))
            ? factors
            : throw new GgufException(file.Name, tensor.FileOffset, tensor.Name, "holds a factor that is not a positive number.");
    }
}
