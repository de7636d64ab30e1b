using System.Diagnostics;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.KvCache;
using static Jesus.Bench.Engine.Invariant;

namespace Jesus.Bench.Engine;

/// <summary>
/// Prefill, decode and batched decode of random models, beside what the machine can do in the same run: ours, the limit, the ratio; and, where a llama-bench
/// is given, beside its figures, each taken in the same round. Figures and ratios are medians of the rounds.
/// </summary>
public static class EngineBench
{
    /// <summary>Read by each thread when bandwidth is measured: far more than any cache.</summary>
    private const long ProbeBytes = 256L << 20;
    private const long ProbeBytesTiny = 1L << 20;

    public static void Run(BenchOptions options, TextWriter output)
    {
        foreach (var path in Files(options))
        {
            Write(output, $"{Path.GetFileName(path)}: {new FileInfo(path).Length / 1e9:F2} GB, prompt {options.Prompt}, generate {options.Generate}, median of {options.Repeat}");
            foreach (var threads in options.Threads)
            {
                RunThreads(options, path, threads, output);
            }
        }
    }

    private static IEnumerable<string> Files(BenchOptions options) => options.Model.Length > 0
        ? [options.Model]
        : options.Formats.Select(format => RandomModel.Of(options.Tiny ? "tiny" : options.Shape, format).Make(options.Folder));

    private static void RunThreads(BenchOptions options, string path, int threads, TextWriter output)
    {
        using var file = GgufFile.Open(path);
        using var adapters = new RandomAdapters(file, options.AdapterRank);
        var watch = Stopwatch.StartNew();
        using var backend = NativeBackend.Load(file, adapters.Model, new BackendOptions
        {
            Threads = threads,
            KvBlocks = KvBlockPool.BlocksFor(options.Prompt + options.Generate) + options.Batch * KvBlockPool.BlocksFor(options.Generate),
        });
        var seconds = watch.Elapsed.TotalSeconds;
        Write(output, $"{threads} threads, {backend.Info.Device}: loaded in {seconds:F2} s, {backend.Info.WeightBytes / 1e9 / seconds:F1} GB/s");
        Write(output, $"  working memory {backend.Info.WorkBytes / 1e6:F0} MB");
        var rounds = new EngineRounds(backend, options, threads, path);
        var cpu = Environment.CpuUsage.TotalTime;
        var ours = TimeSpan.Zero;
        for (var round = 0; round < options.Repeat; round++)
        {
            rounds.Probe(options.Tiny ? ProbeBytesTiny : ProbeBytes);
            ours += rounds.Run();
        }

        Report(rounds, Operations(backend), ProductLimit(rounds, file), DecodeBytes(backend, file), options, output);
        var share = (Environment.CpuUsage.TotalTime - cpu).TotalSeconds / (ours.TotalSeconds * threads);
        Write(output, $"  about {Math.Min(1, share):P0} of {threads} processors were had (below 90 %: the machine is busy, compare nothing)");
    }

    /// <summary>The limit of the instructions that multiply this file's weights.</summary>
    private static (List<double> Rates, string Unit) ProductLimit(EngineRounds rounds, GgufFile file) =>
        (file.TryGetTensor("blk.0.ffn_up.weight", out var weights) ? weights.Type : GgufTensorType.Q8_0) switch
        {
            GgufTensorType.BF16 when rounds.Bf16Tflops.All(rate => rate > 0) => (rounds.Bf16Tflops, "TFLOPS bf16"),
            GgufTensorType.F32 or GgufTensorType.F16 or GgufTensorType.BF16 => (rounds.Fp32Tflops, "TFLOPS fp32"),
            _ => (rounds.Int8Tops, "TOPS int8"),
        };

    private static void Report(EngineRounds rounds, double operations, (List<double> Rates, string Unit) limit, double bytes, BenchOptions options, TextWriter output)
    {
        Line(output, "prefill", rounds.Prefill, operations / 1e12, limit.Rates, limit.Unit);
        Line(output, "decode", rounds.Decode, bytes / 1e9, rounds.ReadGbPerSecond, "GB/s read");
        if (options.Batch > 1)
        {
            Line(output, $"{options.Batch} rows", rounds.Batched, operations / 1e12, limit.Rates, limit.Unit);
            Write(output, $"           {EngineRounds.Median(rounds.Batched) / EngineRounds.Median(rounds.Decode):F2} times one stream");
        }

        if (options.AdapterRank > 0)
        {
            Adapted(output, "prefill", rounds.Prefill, rounds.AdaptedPrefill, options.AdapterRank);
            Adapted(output, "decode", rounds.Decode, rounds.AdaptedDecode, options.AdapterRank);
            if (options.Batch > 1)
            {
                Adapted(output, $"{options.Batch} rows", rounds.Batched, rounds.AdaptedBatched, options.AdapterRank);
            }
        }

        if (rounds.Problem.Length > 0)
        {
            Write(output, $"  no comparison: {rounds.Problem}");
        }
        else if (options.LlamaBench.Length > 0)
        {
            Compare(output, "prefill", rounds.Prefill, rounds.LlamaPrefill);
            Compare(output, "decode", rounds.Decode, rounds.LlamaDecode);
        }
    }

    /// <summary>Multiplies and adds of the layers' products for one token; attention and the output row are not counted.</summary>
    private static double Operations(NativeBackend backend)
    {
        var s = backend.Shape;
        double attention = (double)s.Width * s.HeadDim * (2 * s.Heads + 2 * s.KvHeads);
        return 2 * s.Layers * (attention + 3.0 * s.Width * s.Ffn);
    }

    /// <summary>What a decode step reads of the weights: all but the token embedding, unless it serves as the output too.</summary>
    private static double DecodeBytes(NativeBackend backend, GgufFile file) =>
        file.TryGetTensor("output.weight", out _) && file.TryGetTensor("token_embd.weight", out var embedding)
            ? backend.Info.WeightBytes - embedding.ByteLength
            : backend.Info.WeightBytes;

    private static void Line(TextWriter output, string name, IReadOnlyList<double> rates, double each, IReadOnlyList<double> limits, string unit)
    {
        var (rate, limit) = (EngineRounds.Median(rates), EngineRounds.Median(limits));
        var ratio = EngineRounds.Median(rates.Zip(limits, (a, b) => a * each / b));
        Write(output, $"  {name,-8} {rate,9:F1} tok/s   ours {rate * each,7:F3}, limit {limit,7:F3} {unit}, ratio {ratio:F2}");
    }

    private static void Adapted(TextWriter output, string name, List<double> plain, List<double> adapted, int rank) =>
        Write(output, $"  {name,-8} {EngineRounds.Median(adapted),9:F1} tok/s   with adapters of rank {rank}, ratio {EngineRounds.Median(adapted.Zip(plain, (a, b) => a / b)):F3}");

    private static void Compare(TextWriter output, string name, List<double> ours, List<double> theirs) =>
        Write(output, $"  {name,-8} llama-bench {EngineRounds.Median(theirs),9:F1} tok/s, ratio {EngineRounds.Median(ours.Zip(theirs, (a, b) => a / b)):F2}");
}
