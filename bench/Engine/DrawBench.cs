using System.Diagnostics;
using System.Globalization;
using Jesus.Inference.Engine.Sampling;
using SamplingSettings = Jesus.Inference.Contract.Sampling;

namespace Jesus.Bench.Engine;

/// <summary>What drawing one token takes, by sampler, over logits like a model's (few likely tokens) and over flat ones; and what it allocates.</summary>
public static class DrawBench
{
    private const int Seed = 4;

    public static void Run(int vocabulary, int draws, TextWriter output)
    {
        var random = new Random(Seed);
        var peaked = Enumerable.Range(0, vocabulary).Select(i => (float)((Normal(random) * 2) - (i < 2000 ? 0 : 4) + (i < 20 ? 8 : 0))).OrderBy(_ => random.Next()).ToArray();
        var flat = Enumerable.Range(0, vocabulary).Select(_ => (float)Normal(random)).ToArray();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"draws over {vocabulary} tokens, temperature 1:"));
        output.WriteLine("  us a draw (of a busy machine the lower quartile) over logits like a model's, over flat ones, bytes a draw");
        Line(output, "greedy", new SamplingSettings(), peaked, flat, draws);
        Line(output, "temperature alone", new SamplingSettings { Temperature = 1 }, peaked, flat, draws);
        Line(output, "top-k 40", new SamplingSettings { Temperature = 1, TopK = 40 }, peaked, flat, draws);
        Line(output, "top-p 0.95", new SamplingSettings { Temperature = 1, TopP = 0.95f }, peaked, flat, draws);
        Line(output, "top-k 40, top-p 0.95", new SamplingSettings { Temperature = 1, TopK = 40, TopP = 0.95f }, peaked, flat, draws);
        Line(output, "min-p 0.05", new SamplingSettings { Temperature = 1, MinP = 0.05f }, peaked, flat, draws);
        Line(output, "typical 0.9", new SamplingSettings { Temperature = 1, TypicalP = 0.9f }, peaked, flat, draws);
        Line(output, "top-k 40, penalties", new SamplingSettings { Temperature = 1, TopK = 40, RepetitionPenalty = 1.1f, FrequencyPenalty = 0.1f }, peaked, flat, draws);
        Line(output, "top-k 40, 20 logprobs", new SamplingSettings { Temperature = 1, TopK = 40 }, peaked, flat, draws, logProbs: true);
    }

    private static void Line(TextWriter output, string name, SamplingSettings settings, float[] peaked, float[] flat, int draws, bool logProbs = false)
    {
        var (one, bytes) = Measure(settings, peaked, draws, logProbs);
        var (other, _) = Measure(settings, flat, draws, logProbs);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {name,-24}{one,8:F1}{other,8:F1}{bytes,6}"));
    }

    private static (double Microseconds, long Bytes) Measure(SamplingSettings settings, float[] logits, int draws, bool logProbs)
    {
        var sampler = new Sampler(logits.Length);
        var history = new TokenHistory();
        history.Begin(Enumerable.Range(0, 1000).ToArray(), settings);
        var top = new TokenAlternative[Sampler.TopLogProbsMax];
        var times = new double[draws];
        var bytes = long.MaxValue;
        for (var run = 0; run < 3; run++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var position = 0; position < draws; position++)
            {
                var started = Stopwatch.GetTimestamp();
                _ = sampler.Sample(logits, default, settings, Seed, 0, position, history, logProbs);
                _ = logProbs ? sampler.TopLogProbs(logits, top) : 0;
                times[position] = Stopwatch.GetElapsedTime(started).TotalMicroseconds;
            }

            bytes = Math.Min(bytes, (GC.GetAllocatedBytesForCurrentThread() - before) / draws);
        }

        Array.Sort(times);
        return (times[draws / 4], bytes);
    }

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
