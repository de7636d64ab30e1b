using System.Diagnostics;
using Jesus.Inference.Engine.Backends;

namespace Jesus.Bench.Engine;

/// <summary>The figures of some rounds; a round takes each figure of ours and, beside it, that of a llama-bench where one is given.</summary>
internal sealed class EngineRounds(IBackend backend, BenchOptions options, int threads, string model)
{
    private readonly LlamaBench? _llama = options.LlamaBench.Length > 0 ? new LlamaBench(options.LlamaBench, model) : null;

    public List<double> Prefill { get; } = [];
    public List<double> Decode { get; } = [];
    public List<double> Batched { get; } = [];
    public List<double> AdaptedPrefill { get; } = [];
    public List<double> AdaptedDecode { get; } = [];
    public List<double> AdaptedBatched { get; } = [];
    public List<double> LlamaPrefill { get; } = [];
    public List<double> LlamaDecode { get; } = [];
    public List<double> Int8Tops { get; } = [];
    public List<double> ReadGbPerSecond { get; } = [];
    public List<double> Fp32Tflops { get; } = [];
    public List<double> Bf16Tflops { get; } = [];

    /// <summary>Why the comparison has no figures; empty when nothing is wrong.</summary>
    public string Problem { get; private set; } = "";

    /// <summary>Measures the machine's limits, for this round.</summary>
    public void Probe(long bytes)
    {
        var probe = MachineProbe.Measure(threads, bytes, options.Tiny ? 1 : 3);
        Int8Tops.Add(probe.Int8Tops);
        ReadGbPerSecond.Add(probe.ReadGbPerSecond);
        Fp32Tflops.Add(probe.Fp32Tflops);
        Bf16Tflops.Add(probe.Bf16Tflops);
    }

    /// <summary>One round; returns the time that ours took.</summary>
    public TimeSpan Run()
    {
        var watch = Stopwatch.StartNew();
        var prefill = BackendBench.Run(backend, options.Prompt, 1, 1).PromptTokensPerSecond;
        watch.Stop();
        Compare(LlamaPrefill, options.Prompt, 0);
        watch.Start();
        var decode = BackendBench.Run(backend, 1, options.Generate, 1).GenerateTokensPerSecond;
        watch.Stop();
        Compare(LlamaDecode, 0, options.Generate);
        watch.Start();
        Prefill.Add(prefill);
        Decode.Add(decode);
        if (options.Batch > 1)
        {
            Batched.Add(BackendBench.RunBatched(backend, options.Batch, Math.Max(1, options.Generate / 4)));
        }

        if (options.AdapterRank > 0)
        {
            RunAdapted();
        }

        return watch.Elapsed;
    }

    private void RunAdapted()
    {
        AdaptedPrefill.Add(BackendBench.Run(backend, options.Prompt, 1, 1, adapter: 1).PromptTokensPerSecond);
        AdaptedDecode.Add(BackendBench.Run(backend, 1, options.Generate, 1, adapter: 1).GenerateTokensPerSecond);
        if (options.Batch > 1)
        {
            AdaptedBatched.Add(BackendBench.RunBatched(backend, options.Batch, Math.Max(1, options.Generate / 4), RandomAdapters.Count));
        }
    }

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private void Compare(List<double> figures, int prompt, int generate)
    {
        if (_llama is not null && Problem.Length == 0)
        {
            figures.Add(_llama.Run(prompt, generate, threads, out var problem));
            Problem = problem;
        }
    }
}
