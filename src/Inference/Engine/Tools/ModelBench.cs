using System.Diagnostics;

namespace Jesus.Inference.Engine.Tools;

/// <summary>Medians over the repeats.</summary>
/// <param name="WeightBytes">Bytes of weights in memory, read once for each generated token.</param>
/// <param name="ReadGbPerSecond">Weight bytes times generated tokens a second, in 10^9 bytes.</param>
/// <param name="Isa">Instruction set of the kernels.</param>
public sealed record ModelBench(
    double PromptTokensPerSecond,
    double GenerateTokensPerSecond,
    long WeightBytes,
    double ReadGbPerSecond,
    int Threads,
    string Isa)
{
    internal static ModelBench Measure(BareRunner runner, int promptTokens, int generateTokens, int repeat)
    {
        var prompt = PromptOf(promptTokens, runner.VocabularyCount);
        _ = runner.Run(prompt.AsSpan(0, 1), 0); // Wakes the threads and touches the weights.
        var prefill = new double[repeat];
        var decode = new double[repeat];
        for (var i = 0; i < repeat; i++)
        {
            var started = Stopwatch.GetTimestamp();
            var next = Likeliest(runner.Run(prompt, 0));
            prefill[i] = promptTokens / Stopwatch.GetElapsedTime(started).TotalSeconds;
            started = Stopwatch.GetTimestamp();
            for (var position = promptTokens; position < promptTokens + generateTokens; position++)
            {
                next = Likeliest(runner.Run([next], position));
            }

            decode[i] = generateTokens / Stopwatch.GetElapsedTime(started).TotalSeconds;
        }

        var generated = Median(decode);
        var bytes = runner.Info.WeightBytes;
        return new ModelBench(Median(prefill), generated, bytes, generated * bytes / 1e9, runner.Info.Threads, runner.Info.Isa);
    }

    /// <summary>Tokens from all over the vocabulary, the same each time.</summary>
    private static int[] PromptOf(int count, int vocabulary)
    {
        var ids = new int[count];
        for (var i = 0; i < count; i++)
        {
            ids[i] = (int)((i * 2654435761L + 12345) % vocabulary);
        }

        return ids;
    }

    private static int Likeliest(ReadOnlySpan<float> logits)
    {
        var best = 0;
        for (var i = 1; i < logits.Length; i++)
        {
            best = logits[i] > logits[best] ? i : best;
        }

        return best;
    }

    private static double Median(double[] values)
    {
        Array.Sort(values);
        return values.Length % 2 == 1 ? values[values.Length / 2] : (values[(values.Length / 2) - 1] + values[values.Length / 2]) / 2;
    }
}
