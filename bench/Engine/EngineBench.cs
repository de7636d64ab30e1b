using System.Diagnostics;
using System.Globalization;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.KvCache;

namespace Jesus.Bench.Engine;

/// <summary>Prefill and decode of a random model, beside what the machine can do in the same run: ours, the limit, the ratio.</summary>
public static class EngineBench
{
    /// <summary>Read by each thread when bandwidth is measured: far more than any cache.</summary>
    private const long ProbeBytes = 256L << 20;
    private const long ProbeBytesTiny = 1L << 20;

    public static void Run(BenchOptions options, TextWriter output)
    {
        var model = options.Tiny ? RandomModel.Tiny : RandomModel.OnePointOne;
        var path = model.Make(options.Folder);
        Write(output, $"{model.Name}: {new FileInfo(path).Length / 1e9:F2} GB, prompt {options.Prompt}, generate {options.Generate}, best of {options.Repeat}");
        foreach (var threads in options.Threads)
        {
            RunThreads(options, path, threads, output);
        }
    }

    private static void RunThreads(BenchOptions options, string path, int threads, TextWriter output)
    {
        using var file = GgufFile.Open(path);
        var watch = Stopwatch.StartNew();
        using var backend = NativeBackend.Load(file, new BackendOptions
        {
            Threads = threads,
            KvBlocks = KvBlockPool.BlocksFor(options.Prompt + options.Generate),
        });
        var seconds = watch.Elapsed.TotalSeconds;
        Write(output, $"{threads} threads, {backend.Info.Device}: loaded in {seconds:F2} s, {backend.Info.WeightBytes / 1e9 / seconds:F1} GB/s");
        Write(output, $"  working memory {backend.Info.WorkBytes / 1e6:F0} MB");
        var before = Probe(options, threads);
        var cpu = Environment.CpuUsage.TotalTime;
        watch.Restart();
        var result = BackendBench.Run(backend, options.Prompt, options.Generate, options.Repeat);
        var share = (Environment.CpuUsage.TotalTime - cpu).TotalSeconds / (watch.Elapsed.TotalSeconds * threads);
        var after = Probe(options, threads);

        var operations = Operations(backend) * result.PromptTokensPerSecond / 1e12;
        Line(output, "prefill", result.PromptTokensPerSecond, operations, Math.Max(before.Int8Tops, after.Int8Tops), "TOPS int8");
        Line(output, "decode", result.GenerateTokensPerSecond, result.ReadGbPerSecond, Math.Max(before.ReadGbPerSecond, after.ReadGbPerSecond), "GB/s read");
        Write(output, $"  {share:P0} of {threads} processors were had (below 90 %: the machine is busy, compare nothing); fp32 {Math.Max(before.Fp32Tflops, after.Fp32Tflops):F3} TFLOPS");
    }

    private static MachineProbe Probe(BenchOptions options, int threads) =>
        MachineProbe.Measure(threads, options.Tiny ? ProbeBytesTiny : ProbeBytes, options.Tiny ? 1 : 5);

    /// <summary>Multiplies and adds of the layers' products for one token; attention and the output row are not counted.</summary>
    private static double Operations(NativeBackend backend)
    {
        var s = backend.Shape;
        double attention = (double)s.Width * s.HeadDim * (2 * s.Heads + 2 * s.KvHeads);
        return 2 * s.Layers * (attention + 3.0 * s.Width * s.Ffn);
    }

    private static void Line(TextWriter output, string name, double rate, double ours, double limit, string unit) =>
        Write(output, $"  {name,-8} {rate,9:F1} tok/s   ours {ours,7:F3}, limit {limit,7:F3} {unit}, ratio {ours / limit:F2}");

    private static void Write(TextWriter output, FormattableString line) => output.WriteLine(line.ToString(CultureInfo.InvariantCulture));

}
