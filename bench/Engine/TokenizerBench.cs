using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Tokenizers;
using static Jesus.Bench.Engine.Invariant;

namespace Jesus.Bench.Engine;

/// <summary>
/// Text to tokens by the tokenizers of GGUF files, on one thread: megabytes a second of processor time, and bytes allocated in the steady state. The text is prose and code: every
/// <c>.md</c> and <c>.cs</c> file below a folder, each encoded on its own, as prompts are.
/// </summary>
public static class TokenizerBench
{
    private const int Rounds = 5;

    /// <param name="folder">Of the text.</param>
    public static void Run(string folder, IReadOnlyList<string> models, TextWriter output)
    {
        var texts = Directory.EnumerateFiles(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true })
            .Where(file => Path.GetExtension(file) is ".md" or ".cs" && !file.Contains("/obj/", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal).Select(File.ReadAllBytes).ToArray();
        var bytes = texts.Sum(text => (long)text.Length);
        Write(output, $"{texts.Length} texts, {bytes / 1e6:F1} MB, median of {Rounds} rounds");
        foreach (var model in models)
        {
            using var file = GgufFile.Open(model);
            var tokenizer = TokenizerLoader.Load(file.Metadata);
            var tokens = new TokenBuffer();
            var count = Encode(tokenizer, texts, tokens);
            var rounds = new double[Rounds];
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var round = 0; round < Rounds; round++)
            {
                var begun = Environment.CpuUsage.TotalTime;
                _ = Encode(tokenizer, texts, tokens);
                rounds[round] = (Environment.CpuUsage.TotalTime - begun).TotalSeconds;
            }

            var allocated = (GC.GetAllocatedBytesForCurrentThread() - before) / Rounds;
            Write(output, $"{Path.GetFileName(model),-36} {bytes / 1e6 / EngineRounds.Median(rounds),7:F1} MB/s, {bytes / (double)count:F2} bytes a token, {allocated} B allocated a round");
        }
    }

    private static long Encode(Tokenizer tokenizer, byte[][] texts, TokenBuffer tokens)
    {
        var count = 0L;
        foreach (var text in texts)
        {
            tokens.Clear();
            tokenizer.Encode(text, default(ReadOnlySpan<TrustedRange>), tokens);
            count += tokens.Count;
        }

        return count;
    }
}
