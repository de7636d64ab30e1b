using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Gguf;
using static Jesus.Bench.Serving.Invariant;

namespace Jesus.Bench.Serving;

/// <summary>
/// Texts to vectors through <c>/v1/embeddings</c>, 256 in one call: texts and tokens a second, and what share that is of the kernels' own speed over passes as large. Servers
/// take turns, each length on a fresh process, so that the machine's moods hit all alike.
/// </summary>
internal static class EmbeddingBench
{
    private const int Texts = 256;
    private const int CallsMeasured = 3;
    private const int PassRows = 2_048;
    private static readonly HttpClient Client = new() { Timeout = TimeSpan.FromMinutes(10) };

    public static async Task RunAsync(ServingOptions options, TextWriter output)
    {
        foreach (var shape in options.Tiny ? [EmbeddedModel.Tiny] : new[] { EmbeddedModel.Small, EmbeddedModel.Middle })
        {
            var model = shape.Make(options.Folder);
            Write(output, $"{Path.GetFileName(model)}, {options.Threads} threads, {Texts} texts a call");
            Write(output, $"{"",-13} {"tokens",8} {"texts/s",9} {"tokens/s",10} {"of kernels",11} {"RSS MB",8}");
            for (var round = 0; round < options.Rounds; round++)
            {
                foreach (var tokens in options.Tiny ? [8, 32] : new[] { 8, 32, 128, 512 })
                {
                    var kernels = KernelTokensPerSecond(model, tokens, options.Threads);
                    using (var jesus = await Server.StartJesusAsync(options, model, 1, AskAsync))
                    {
                        await MeasureAsync(jesus, shape, tokens, kernels, output);
                    }

                    if (options.LlamaServer.Length > 0)
                    {
                        using var llama = await Server.StartLlamaEmbedderAsync(options, model, AskAsync);
                        await MeasureAsync(llama, shape, tokens, kernels, output);
                    }
                }
            }
        }
    }

    private static Task AskAsync(Server server) => EmbedAsync(server, ["w1 w2"]);

    private static async Task MeasureAsync(Server server, EmbeddedModel shape, int tokens, double kernels, TextWriter output)
    {
        _ = await EmbedAsync(server, TextsOf(shape, tokens, 0));
        var seconds = new double[CallsMeasured];
        for (var i = 0; i < CallsMeasured; i++)
        {
            var texts = TextsOf(shape, tokens, i + 1);
            var clock = Stopwatch.StartNew();
            var read = await EmbedAsync(server, texts);
            seconds[i] = clock.Elapsed.TotalSeconds;
            if (read != Texts * tokens)
            {
                throw new InvalidOperationException($"{server.Name} read {read} tokens of {Texts * tokens}.");
            }
        }

        Array.Sort(seconds);
        var rate = Texts / seconds[CallsMeasured / 2];
        Write(output, $"{server.Name,-13} {tokens,8} {rate,9:F0} {rate * tokens,10:F0} {rate * tokens / kernels,10:P0} {server.ResidentMegabytes,8:F0}");
    }

    private static string[] TextsOf(EmbeddedModel shape, int tokens, int call) => [.. Enumerable.Range(0, Texts).Select(i => shape.TextOf((call * Texts) + i, tokens))];

    /// <summary>Tokens that the server says it read.</summary>
    private static async Task<int> EmbedAsync(Server server, string[] texts)
    {
        var input = string.Join(',', texts.Select(text => $"\"{text}\""));
        using var body = new StringContent(
            $$"""{"model":"{{server.Model}}","encoding_format":"base64","input":[{{input}}]}""", Encoding.UTF8, MediaTypeHeaderValue.Parse("application/json"));
        using var answer = await Client.PostAsync(new Uri(server.Url, "/v1/embeddings"), body);
        var text = await answer.Content.ReadAsStringAsync();
        if (!answer.IsSuccessStatusCode)
        {
            throw new HttpRequestException($"{(int)answer.StatusCode}: {text}");
        }

        using var json = JsonDocument.Parse(text);
        return json.RootElement.GetProperty("data").GetArrayLength() == texts.Length ? json.RootElement.GetProperty("usage").GetProperty("prompt_tokens").GetInt32() : -1;
    }

    /// <summary>Passes over as many such texts as a pass holds, with nothing around them; the median.</summary>
    private static double KernelTokensPerSecond(string path, int tokens, int threads)
    {
        using var file = GgufFile.Open(path);
        using var backend = NativeBackend.Load(file, new BackendOptions { KvBlocks = 1, Threads = threads, BatchRowsMax = PassRows });
        var batch = new ForwardBatch(PassRows, 0, backend.Shape.Vocabulary, PassRows, backend.Shape.Width);
        var dice = new Random(1);
        for (var text = 0; text < Math.Min(Texts, PassRows / tokens); text++)
        {
            batch.BeginSequence([]);
            for (var position = 0; position < tokens; position++)
            {
                _ = batch.Add(dice.Next(backend.Shape.Vocabulary), position, wantsLogits: false);
                _ = batch.WantHidden();
            }
        }

        backend.Forward(batch);
        var seconds = new double[5];
        for (var i = 0; i < seconds.Length; i++)
        {
            var clock = Stopwatch.StartNew();
            backend.Forward(batch);
            seconds[i] = clock.Elapsed.TotalSeconds;
        }

        Array.Sort(seconds);
        return batch.Rows / seconds[seconds.Length / 2];
    }
}
