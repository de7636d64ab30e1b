using System.Diagnostics;
using Jesus.Inference.Engine.KvCache;

namespace Jesus.Inference.Engine.Backends;

/// <summary>Times a backend: a prompt in batches of the largest size, then tokens one by one.</summary>
public static class BackendBench
{
    /// <param name="PromptTokensPerSecond">Tokens of the prompt, all passes together.</param>
    /// <param name="GenerateTokensPerSecond">Decode steps of one sequence, after the prompt.</param>
    /// <param name="ReadGbPerSecond">Weight bytes times decode steps a second: what decoding reads of memory.</param>
    public readonly record struct Result(double PromptTokensPerSecond, double GenerateTokensPerSecond, double ReadGbPerSecond);

    /// <summary>The best of <paramref name="repeat"/> runs. The KV pool must hold prompt + generate positions, and so must the context.</summary>
    /// <param name="adapter">Of all rows; 0: none.</param>
    public static Result Run(IBackend backend, int prompt, int generate, int repeat, int adapter = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(prompt, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(generate, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(prompt + generate, backend.Shape.Context);
        using var table = new BlockTable(new KvBlockPool(backend.Info.KvBlocks));
        if (!table.TryReserve(prompt + generate))
        {
            throw new BackendException($"the KV pool of {backend.Info.KvBlocks} blocks does not hold {prompt + generate} positions.");
        }

        var batch = new ForwardBatch(Math.Min(prompt, backend.Info.BatchRowsMax), 1, backend.Shape.Vocabulary);
        Step(backend, batch, table, 0, 1, adapter);
        double promptRate = 0, generateRate = 0;
        for (var i = 0; i < repeat; i++)
        {
            promptRate = Math.Max(promptRate, prompt / Prefill(backend, batch, table, prompt, adapter));
            generateRate = Math.Max(generateRate, generate / Decode(backend, batch, table, prompt, generate, adapter));
        }

        return new Result(promptRate, generateRate, generateRate * backend.Info.WeightBytes / 1e9);
    }

    /// <summary>Tokens a second of all streams together: <paramref name="streams"/> sequences that decode <paramref name="steps"/> tokens each, a row each in every pass.</summary>
    /// <param name="adapters">The streams take adapters 1 to this in turn; 0: none has one.</param>
    public static double RunBatched(IBackend backend, int streams, int steps, int adapters = 0)
    {
        var pool = new KvBlockPool(backend.Info.KvBlocks);
        var tables = Enumerable.Range(0, streams).Select(_ => new BlockTable(pool)).ToArray();
        try
        {
            if (!Array.TrueForAll(tables, table => table.TryReserve(steps)))
            {
                throw new BackendException($"the KV pool of {backend.Info.KvBlocks} blocks does not hold {streams} times {steps} positions.");
            }

            var batch = new ForwardBatch(streams, streams, backend.Shape.Vocabulary);
            var watch = Stopwatch.StartNew();
            for (var step = 0; step < steps; step++)
            {
                batch.Clear();
                for (var stream = 0; stream < streams; stream++)
                {
                    batch.BeginSequence(tables[stream].Blocks);
                    _ = batch.Add((step * streams + stream) * 31 % backend.Shape.Vocabulary, step, wantsLogits: true, adapters == 0 ? 0 : 1 + stream % adapters);
                }

                backend.Forward(batch);
            }

            return streams * steps / watch.Elapsed.TotalSeconds;
        }
        finally
        {
            Array.ForEach(tables, table => table.Dispose());
        }
    }

    private static double Prefill(IBackend backend, ForwardBatch batch, BlockTable table, int prompt, int adapter)
    {
        var watch = Stopwatch.StartNew();
        for (var start = 0; start < prompt; start += batch.RowsMax)
        {
            Step(backend, batch, table, start, Math.Min(batch.RowsMax, prompt - start), adapter);
        }

        return watch.Elapsed.TotalSeconds;
    }

    private static double Decode(IBackend backend, ForwardBatch batch, BlockTable table, int start, int steps, int adapter)
    {
        var watch = Stopwatch.StartNew();
        for (var i = 0; i < steps; i++)
        {
            Step(backend, batch, table, start + i, 1, adapter);
        }

        return watch.Elapsed.TotalSeconds;
    }

    private static void Step(IBackend backend, ForwardBatch batch, BlockTable table, int start, int count, int adapter)
    {
        batch.Clear();
        batch.BeginSequence(table.Blocks);
        for (var i = 0; i < count; i++)
        {
            _ = batch.Add((start + i) * 31 % backend.Shape.Vocabulary, start + i, wantsLogits: i == count - 1, adapter);
        }

        backend.Forward(batch);
    }
}
