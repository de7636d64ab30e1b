using System.Runtime.InteropServices;
using Jesus.Inference.Adapters.Local;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Embeddings;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Tokenizers;
using Jesus.Inference.Engine.Tools;
using Jesus.Inference.Tests.Engine.Embeddings;

namespace Jesus.Inference.Tests.Adapters.Local;

/// <summary>Embed and rerank as callers meet them: texts in, one event for each out, and what is refused.</summary>
public sealed class LocalVectorTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("jesus-vectors-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Each_text_gets_a_vector_of_length_one_and_usage_counts_every_token()
    {
        using var host = Host("bert-cls");
        var adapter = new LocalAdapter(host, TimeProvider.System);
        var request = Embed("bert-cls", "w1 w2 w3", "w4", "w1 w2 w3");
        var sink = new VectorRecorder();
        var result = await adapter.CallAsync(request, sink, CancellationToken.None);
        Assert.True(result.Succeeded, result.Error.Message);

        // Each text and the two tokens that open and close it.
        Assert.Equal((13, 0, FinishReason.Stop), (result.Usage.InputTokens, result.Usage.OutputTokens, result.Reason));
        Assert.True(result.Usage.ComputeMicroseconds > 0);
        Assert.Equal(13, adapter.CountInputTokens(request));
        Assert.Equal([0, 1, 2], sink.Indices);
        Assert.Equal(sink.Vectors[0], sink.Vectors[2]);
        Assert.NotEqual(sink.Vectors[0], sink.Vectors[1]);
        Assert.All(sink.Vectors, vector => Assert.Equal(1.0, vector.Sum(value => (double)value * value), 5));
    }

    [Fact]
    public async Task Token_ids_are_taken_as_they_are()
    {
        using var host = Host("bert-cls");
        var sample = EmbeddingSamples.Of("bert-cls");
        var request = Embed("bert-cls");
        request.PromptTokens = sample.Texts[0].Concat(sample.Texts[1]).ToArray();
        request.PromptLengths.AddRange([sample.Texts[0].Length, sample.Texts[1].Length]);
        var sink = await RunAsync(host, request);
        for (var i = 0; i < 2; i++)
        {
            Assert.True(sample.Vectors[i].Zip(sink.Vectors[i], (a, b) => Math.Abs(a - b)).Max() < 1e-4);
        }
    }

    [Fact]
    public async Task Fewer_dimensions_are_the_first_ones_at_length_one_again()
    {
        using var host = Host("nomic-mean");
        var whole = (await RunAsync(host, Embed("nomic-mean", "w1 w2"))).Vectors[0];
        var request = Embed("nomic-mean", "w1 w2");
        request.EmbedDimensions = 16;
        var cut = (await RunAsync(host, request)).Vectors[0];
        var length = Math.Sqrt(whole.Take(16).Sum(value => (double)value * value));
        Assert.Equal(16, cut.Length);
        Assert.All(Enumerable.Range(0, 16), i => Assert.Equal(whole[i] / length, cut[i], 5));
    }

    [Fact]
    public async Task A_text_longer_than_the_context_is_refused_with_its_place_and_both_lengths()
    {
        using var host = Host("bert-cls");
        var error = await RefusedAsync(host, Embed("bert-cls", "w1", EmbeddingSamples.TextOf([.. Enumerable.Repeat(1, 127)])));
        Assert.Equal((ErrorCause.ContextTooSmall, "input"), (error.Cause, error.Param));
        Assert.Contains("Text 1 has 129 tokens, and this model holds 128", error.Message, StringComparison.Ordinal);
        _ = await RunAsync(host, Embed("bert-cls", EmbeddingSamples.TextOf([.. Enumerable.Repeat(1, 126)])));
    }

    [Fact]
    public async Task What_a_model_cannot_do_is_refused_with_what_it_can()
    {
        using var host = Host("bert-cls", "bert-ranker", "llama-unsaid");
        var tooWide = Embed("bert-cls", "w1");
        tooWide.EmbedDimensions = 65;
        Assert.Contains("65 dimensions were asked for; bert-cls's vectors have 64", (await RefusedAsync(host, tooWide)).Message, StringComparison.Ordinal);
        Assert.Contains("bert-cls writes no text: it makes embeddings", (await RefusedAsync(host, Chat("bert-cls"))).Message, StringComparison.Ordinal);
        Assert.Contains("bert-ranker writes no text: it reranks", (await RefusedAsync(host, Chat("bert-ranker"))).Message, StringComparison.Ordinal);
        Assert.Contains("bert-ranker is a reranker", (await RefusedAsync(host, Embed("bert-ranker", "w1"))).Message, StringComparison.Ordinal);
        Assert.Contains("cls.output.weight", (await RefusedAsync(host, Rerank("bert-cls", "w1", "w2"))).Message, StringComparison.Ordinal);
        Assert.Contains("no ranking head", (await RefusedAsync(host, Rerank("llama-unsaid", "w1", "w2"))).Message, StringComparison.Ordinal);
        var unknown = Embed("bert-cls");
        unknown.PromptTokens = new[] { 5, 96 };
        unknown.PromptLengths.Add(2);
        Assert.Contains("Token 96 is outside the model's vocabulary of 96", (await RefusedAsync(host, unknown)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0u, "not pooled")]
    [InlineData(2u, "a decoder's first position sees nothing")]
    [InlineData(4u, "lacks the tensor cls.output.weight")]
    public async Task A_decoder_whose_pooling_makes_no_vector_refuses_to_embed_and_still_writes(uint pooling, string why)
    {
        var writer = EmbeddingSamples.Of("llama-unsaid").Write().Add("llama.pooling_type", pooling);
        File.WriteAllBytes(Path.Combine(_folder, "odd.gguf"), writer.ToArray());
        using var host = Host("odd");
        Assert.Contains(why, (await RefusedAsync(host, Embed("odd", "w1"))).Message, StringComparison.Ordinal);
        Assert.Equal(ModelUses.Generate, host.List().Single(file => file.Name == "odd").Uses);
    }

    [Fact]
    public async Task Pairs_are_scored_one_for_each_document()
    {
        using var host = Host("bert-ranker-dense", "qwen3-ranker");
        foreach (var model in new[] { "bert-ranker-dense", "qwen3-ranker" })
        {
            var together = await RunAsync(host, Rerank(model, "w1 w2", "w3", "w1 w2", "w3"));
            var alone = await RunAsync(host, Rerank(model, "w1 w2", "w1 w2"));
            Assert.All(together.Vectors, score => Assert.InRange(Assert.Single(score), 0.0001f, 0.9999f));
            Assert.Equal((together.Vectors[0][0], together.Vectors[1][0]), (together.Vectors[2][0], alone.Vectors[0][0]));
            Assert.NotEqual(together.Vectors[0][0], together.Vectors[1][0]);
        }
    }

    [Fact]
    public void A_pair_is_query_and_document_each_closed()
    {
        var ids = new TokenBuffer();
        var second = EmbeddingSamples.Tokenizer().EncodePair("w0 w1"u8, "w2"u8, ids);
        Assert.Equal([EmbeddingSamples.Begin, 5, 6, EmbeddingSamples.Closing, 7, EmbeddingSamples.Closing], ids.Span.ToArray());
        Assert.Equal(4, second);
    }

    [Fact]
    public void A_callers_text_forges_no_control_token_and_no_place_of_a_ranking_prompt()
    {
        var tokenizer = EmbeddingSamples.Tokenizer();
        var ids = new TokenBuffer();
        new RankPrompt("[MASK]{query} w9 {document}[SEP]").Encode(tokenizer, "w1 [MASK] {document}"u8, "w2 [SEP]"u8, ids);
        Assert.Equal(1, ids.Span.Count(4));
        Assert.Equal(1, ids.Span.Count(EmbeddingSamples.Closing));
        Assert.Equal((EmbeddingSamples.Closing, 1), (ids.Span[^1], ids.Span.Count(5 + 2)));
    }

    [Fact]
    public async Task A_cancelled_call_ends_as_cancelled()
    {
        using var host = Host("bert-cls");
        using var cancel = new CancellationTokenSource();
        var adapter = new LocalAdapter(host, TimeProvider.System);
        Assert.True((await host.LoadAsync("bert-cls")).Succeeded);
        await cancel.CancelAsync();
        var result = await adapter.CallAsync(Embed("bert-cls", "w1"), new VectorRecorder(), cancel.Token);
        Assert.Equal((ErrorCause.Cancelled, FinishReason.Cancelled), (result.Error.Cause, result.Reason));
    }

    [Fact]
    public async Task Listing_and_inspecting_say_what_files_are_for_before_they_are_loaded()
    {
        using var host = Host("bert-cls", "bert-ranker", "llama-mean", "qwen3-ranker");
        Assert.Equal(
            [("bert-cls", ModelUses.Embed), ("bert-ranker", ModelUses.Rerank), ("llama-mean", ModelUses.Generate | ModelUses.Embed), ("qwen3-ranker", ModelUses.Rerank)],
            host.List().Select(file => (file.Name, file.Uses)));
        Assert.All(host.List(), file => Assert.Equal(ModelState.OnDisk, file.State));
        var inspected = ModelTools.Inspect(Path.Combine(_folder, "llama-mean.gguf")).Value!;
        Assert.Equal((ModelUses.Generate | ModelUses.Embed, "mean", null), (inspected.Uses, inspected.Pooling, inspected.Problem));
        var model = await EmbeddingSamples.LoadAsync(host, "bert-cls");
        Assert.Equal((128, EmbeddingLimits.CallsMax), (model.Engine.Capacity().ContextTokens, model.Engine.Capacity().FreeSlots));
        Assert.Equal(0, model.Engine.Snapshot.KvBlocksTotal);
    }

    [Theory]
    [InlineData(3, "has 3 outputs: a classifier's head", null)]
    [InlineData(3, "has 3 outputs (contradiction, neutral, entailment): a classifier's head", "contradiction", "neutral", "entailment")]
    [InlineData(2, "has 2 outputs: a classifier's head", null)]
    [InlineData(2, "bert.classifier.output_labels calls one yes, true or relevant", "negative", "positive")]
    [InlineData(2, "has 2 outputs (yes, true)", "yes", "true")]
    public async Task A_classifiers_head_is_no_rerankers(int outputs, string says, params string[]? labels)
    {
        WriteHead("classifier", Numbers(outputs * 64, 7), new float[outputs], labels);
        using var host = Host("classifier");
        var load = await host.LoadAsync("classifier");
        Assert.Contains(says, load.Error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "yes", "no")]
    [InlineData(1, "Irrelevant", "Relevant")]
    public async Task Of_two_outputs_the_share_of_the_one_that_says_yes_is_the_score(int yes, params string[] labels)
    {
        var (weights, bias) = (Numbers(2 * 64, 7), new[] { 0.25f, -0.5f });
        WriteHead("two", weights, bias, labels);

        // The share of one of two is the logistic function of their difference.
        float[] difference = [.. Enumerable.Range(0, 64).Select(i => weights[(yes * 64) + i] - weights[((1 - yes) * 64) + i])];
        WriteHead("one", difference, [bias[yes] - bias[1 - yes]], null);
        using var host = Host("two", "one");
        var two = await RunAsync(host, Rerank("two", "w1 w2", "w3", "w4 w5 w6"));
        var one = await RunAsync(host, Rerank("one", "w1 w2", "w3", "w4 w5 w6"));
        Assert.Equal(one.Vectors.Select(score => score[0]), two.Vectors.Select(score => score[0]), (a, b) => Math.Abs(a - b) < 1e-5);
        Assert.NotEqual(two.Vectors[0][0], two.Vectors[1][0]);
    }

    private void WriteHead(string name, float[] weights, float[] bias, string[]? labels)
    {
        var writer = EmbeddingSamples.Of("bert-cls").Write()
            .AddTensor("cls.output.weight", GgufTensorType.F32, [64, bias.Length], MemoryMarshal.AsBytes(weights.AsSpan()).ToArray())
            .AddTensor("cls.output.bias", GgufTensorType.F32, [bias.Length], MemoryMarshal.AsBytes(bias.AsSpan()).ToArray());
        writer = labels is null ? writer : writer.Add("bert.classifier.output_labels", labels);
        File.WriteAllBytes(Path.Combine(_folder, name + ".gguf"), writer.ToArray());
    }

    private static float[] Numbers(int count, int seed) => [.. Enumerable.Range(0, count).Select(i => ((((i * 37) + seed) % 101) - 50) / 50f)];

    private ModelHost Host(params string[] names)
    {
        Assert.SkipWhen(NativeBackend.WhyUnavailable is not null, NativeBackend.WhyUnavailable ?? "");
        foreach (var name in names.Where(name => !File.Exists(Path.Combine(_folder, name + ".gguf"))))
        {
            File.WriteAllBytes(Path.Combine(_folder, name + ".gguf"), EmbeddingSamples.Of(name).Write().ToArray());
        }

        return new ModelHost(new ModelHostOptions { ModelsFolder = _folder, Threads = 2 }, TimeProvider.System);
    }

    private static async Task<VectorRecorder> RunAsync(ModelHost host, ModelRequest request)
    {
        var sink = new VectorRecorder();
        var result = await new LocalAdapter(host, TimeProvider.System).CallAsync(request, sink, CancellationToken.None);
        Assert.True(result.Succeeded, result.Error.Message);
        return sink;
    }

    private static async Task<ModelError> RefusedAsync(ModelHost host, ModelRequest request)
    {
        var result = await new LocalAdapter(host, TimeProvider.System).CallAsync(request, new VectorRecorder(), CancellationToken.None);
        Assert.False(result.Succeeded);
        return result.Error;
    }

    private static ModelRequest Request(string model, ModelOperation operation)
    {
        var request = new ModelRequest { Operation = operation };
        request.Model = request.Text.Copy(model);
        return request;
    }

    private static ModelRequest Embed(string model, params string[] texts)
    {
        var request = Request(model, ModelOperation.Embed);
        request.Inputs.AddRange(texts.Select(text => request.Text.Copy(text)));
        return request;
    }

    private static ModelRequest Rerank(string model, string query, params string[] documents)
    {
        var request = Request(model, ModelOperation.Rerank);
        request.Turns.Add(TurnRole.User, request.Text.Copy(query));
        request.Inputs.AddRange(documents.Select(text => request.Text.Copy(text)));
        return request;
    }

    private static ModelRequest Chat(string model)
    {
        var request = Request(model, ModelOperation.Generate);
        request.Turns.Add(TurnRole.User, request.Text.Copy("w1"));
        return request;
    }

    private sealed class VectorRecorder : IAnswerSink
    {
        public List<int> Indices { get; } = [];
        public List<float[]> Vectors { get; } = [];

        public ValueTask WriteAsync(ModelEvent item)
        {
            Assert.Equal(EventKind.Vector, item.Kind);
            Indices.Add(item.Index);
            Vectors.Add(item.Vector.ToArray());
            return default;
        }
    }
}
