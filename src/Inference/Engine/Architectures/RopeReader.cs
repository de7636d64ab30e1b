using System.Runtime.InteropServices;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Inference.Engine.Architectures;

/// <summary>
/// Rotary frequencies, <c>base^(-2i / dims)</c>, and what stretches them to longer contexts:
/// <list type="bullet">
/// <item><c>linear</c>: divided by the factor (https://arxiv.org/abs/2306.15595);</item>
/// <item><c>ntk</c>: the base times <c>factor^(dims / (dims - 2))</c>, so that the slowest pair is divided by the factor and the fastest stays;</item>
/// <item><c>yarn</c>: fast pairs stay, slow ones are divided, a ramp between; queries and keys grow by <c>0.1 ln(factor) + 1</c> (https://arxiv.org/abs/2309.00071);</item>
/// <item><c>rope_freqs.weight</c> (Llama 3): a divisor for each pair;</item>
/// <item><c>rope_factors_long/short.weight</c> (Phi 3, LongRoPE, https://arxiv.org/abs/2402.13753): the same, long where the file's context exceeds the original one.</item>
/// </list>
/// The choice between long and short is the file's, not the prompt's: a sequence must not change the frequencies of keys that are already kept.
/// </summary>
internal sealed class RopeReader(ShapeReader reader, int headDim, int context)
{
    private const string Freqs = "rope_freqs.weight";
    private const string Long = "rope_factors_long.weight";
    private const string Short = "rope_factors_short.weight";

    /// <summary>Radians per position that the kernels reduce exactly.</summary>
    private const double FrequencyMax = 64;
    private const double FactorMin = 1 / FrequencyMax;

    /// <summary>YaRN's: pairs that turn more often than this within the original context stay.</summary>
    private const float BetaFast = 32;

    /// <summary>YaRN's: pairs that turn less often are divided by the whole factor.</summary>
    private const float BetaSlow = 1;

    private readonly GgufMetadata _metadata = reader.Metadata;

    /// <summary>Tensors that this reads, where the file has them.</summary>
    public static readonly string[] TensorNames = [Freqs, Long, Short];

    private int Dims
    {
        get
        {
            var dims = _metadata.OptionalInt(reader.Key("rope.dimension_count"), headDim);
            return dims >= 0 && dims <= headDim && dims % 2 == 0
                ? dims
                : throw reader.Error("rope.dimension_count", $"is {dims}; even numbers up to the head's {headDim} dimensions are allowed.");
        }
    }

    /// <summary>The table with the file's scaling.</summary>
    /// <param name="truncateRamp">YaRN's ramp begins and ends at whole pairs, as most implementations have it; gpt-oss was trained without.</param>
    public RopeTable Read(bool truncateRamp = true)
    {
        var (dims, @base) = (Dims, Base("rope.freq_base", 10_000));
        var factor = Factor(out var type);
        var attention = Number("rope.scaling.attn_factor", 1);
        var divisors = Divisors(dims / 2, ref attention);
        var powers = type == "ntk" ? Powers(dims, @base * Math.Pow(factor, dims > 2 ? dims / (dims - 2.0) : 1)) : Powers(dims, @base);
        for (var i = 0; i < powers.Length; i++)
        {
            powers[i] /= divisors[i];
        }

        if (type == "linear")
        {
            powers = Array.ConvertAll(powers, power => power / factor);
        }
        else if (type == "yarn")
        {
            Stretch(powers, factor, @base, truncateRamp);
            attention *= YarnAttention(factor);
        }

        return Checked(powers, attention);
    }

    /// <summary>The table of layers that see only a window: another base, no scaling (gemma3).</summary>
    public RopeTable ReadUnscaled(string baseKey, float fallback) => Checked(Powers(Dims, Base(baseKey, fallback)), 1);

    private static double[] Powers(int dims, double @base) =>
        [.. Enumerable.Range(0, dims / 2).Select(i => Math.Pow(@base, -2.0 * i / dims))];

    private double Base(string name, float fallback)
    {
        var value = _metadata.OptionalFloat(reader.Key(name), fallback);
        return value >= 1 && float.IsFinite(value) ? value : throw reader.Error(name, $"is {value}; a number of at least 1 is needed.");
    }

    private double Factor(out string type)
    {
        var name = _metadata.Contains(reader.Key("rope.scaling.factor")) ? "rope.scaling.factor" : "rope.scale_linear";
        double factor = _metadata.OptionalFloat(reader.Key(name), 1);
        // Old files say 0 where they mean none.
        factor = factor == 0 ? 1 : factor;
        type = _metadata.OptionalString(reader.Key("rope.scaling.type")) ?? "linear";
        if (type is not ("none" or "linear" or "ntk" or "yarn" or "longrope"))
        {
            throw reader.Error("rope.scaling.type", $"is \"{type}\"; none, linear, ntk, yarn and longrope are computed.");
        }

        return factor >= FactorMin && double.IsFinite(factor)
            ? factor
            : throw reader.Error(name, $"is {factor}; a number of at least {FactorMin} is needed.");
    }

    private double Number(string name, float fallback)
    {
        var value = _metadata.OptionalFloat(reader.Key(name), fallback);
        return value > 0 && float.IsFinite(value) ? value : throw reader.Error(name, $"is {value}; a positive number is needed.");
    }

    private int OriginalContext()
    {
        const string Name = "rope.scaling.original_context_length";
        var original = _metadata.OptionalInt(reader.Key(Name), context);
        return original > 0 ? original : throw reader.Error(Name, $"is {original}; a positive number is needed.");
    }

    /// <summary>YaRN (section 3.2): <c>(1 - ramp) power / factor + ramp power</c>, ramp 1 for pairs that turn more than BetaFast times, 0 below BetaSlow.</summary>
    private void Stretch(double[] powers, double factor, double @base, bool truncate)
    {
        var original = OriginalContext();
        var low = Pair(Number("rope.scaling.yarn_beta_fast", BetaFast));
        var high = Pair(Number("rope.scaling.yarn_beta_slow", BetaSlow));
        if (truncate)
        {
            (low, high) = (Math.Floor(low), Math.Ceiling(high));
        }

        (low, high) = (Math.Max(low, 0), Math.Min(high, powers.Length * 2 - 1));
        var extrapolated = Number("rope.scaling.yarn_ext_factor", 1);
        for (var i = 0; i < powers.Length; i++)
        {
            var ramp = (1 - Math.Clamp((i - low) / Math.Max(0.001, high - low), 0, 1)) * extrapolated;
            powers[i] = powers[i] / factor * (1 - ramp) + powers[i] * ramp;
        }

        // The pair that turns so many times within the original context.
        double Pair(double turns) => powers.Length * Math.Log(original / (turns * 2 * Math.PI)) / Math.Log(Math.Max(@base, 1 + 1e-6));
    }

    /// <summary>YaRN (section 3.4); with <c>mscale_all_dim</c> (DeepSeek, Mistral 3) a quotient of two such growths.</summary>
    private double YarnAttention(double factor)
    {
        var all = _metadata.OptionalFloat(reader.Key("rope.scaling.yarn_log_multiplier"), 0);
        return all == 0 ? Growth(1) : Growth(1) / Growth(all);

        double Growth(double scale) => factor <= 1 ? 1 : 0.1 * scale * Math.Log(factor) + 1;
    }

    private double[] Divisors(int pairs, ref double attention)
    {
        if (reader.File.TryGetTensor(Freqs, out var freqs))
        {
            return ReadDivisors(freqs, pairs);
        }

        if (!reader.File.TryGetTensor(Long, out var longs) || !reader.File.TryGetTensor(Short, out var shorts))
        {
            return [.. Enumerable.Repeat(1.0, pairs)];
        }

        var original = OriginalContext();
        if (context > original && original > 1 && !_metadata.Contains(reader.Key("rope.scaling.attn_factor")))
        {
            attention = Math.Sqrt(1 + Math.Log((double)context / original) / Math.Log(original));
        }

        var (both, chosen) = (ReadDivisors(shorts, pairs), ReadDivisors(longs, pairs));
        return context > original ? chosen : both;
    }

    private double[] ReadDivisors(GgufTensorInfo tensor, int pairs)
    {
        if (tensor.Type != GgufTensorType.F32 || tensor.Elements != pairs)
        {
            throw new GgufException(reader.File.Name, tensor.FileOffset, tensor.Name, $"must be {pairs} F32 values, one for each rotated pair.");
        }

        var values = new float[pairs];
        reader.File.ReadTensor(tensor, 0, MemoryMarshal.AsBytes(values.AsSpan()));
        return Array.TrueForAll(values, value => value >= FactorMin && float.IsFinite(value))
            ? Array.ConvertAll(values, value => (double)value)
            : throw new GgufException(reader.File.Name, tensor.FileOffset, tensor.Name, $"holds a factor that is not a number of at least {FactorMin}.");
    }

    private RopeTable Checked(double[] frequencies, double attention) =>
        Array.TrueForAll(frequencies, frequency => Math.Abs(frequency) <= FrequencyMax) && float.IsFinite((float)attention) && attention > 0
            ? new RopeTable(frequencies, attention)
            : throw reader.Error("rope.scaling.factor", $"and its neighbours give a turn of more than {FrequencyMax} radians a position, or no number.");
}
