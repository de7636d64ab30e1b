using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Batching;

namespace Jesus.Inference.Tests.Engine.Embeddings;

/// <summary>Vectors and scores through the whole engine: against numpy's, and against themselves in other company.</summary>
public sealed class EmbeddingGoldenTests(ITestOutputHelper output) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("jesus-embeddings-").FullName;

    public static TheoryData<string> Names => [.. EmbeddingSamples.Names];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Names))]
    public async Task The_kernels_give_the_golden_vectors(string name)
    {
        Assert.SkipWhen(NativeBackend.WhyUnavailable is not null, NativeBackend.WhyUnavailable ?? "");
        await AssertGoldenAsync(name, reference: false);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public Task The_reference_gives_the_golden_vectors(string name) => AssertGoldenAsync(name, reference: true);

    /// <summary>Alone, among 255 others, on one thread and on two, and for decoders in chunks of any length: the same bits.</summary>
    [Theory]
    [InlineData("bert-cls")]
    [InlineData("bert-ranker-dense")]
    [InlineData("nomic-mean")]
    [InlineData("qwen3-last")]
    [InlineData("llama-mean")]
    public async Task A_texts_vector_is_bit_equal_in_any_company(string name)
    {
        Assert.SkipWhen(NativeBackend.WhyUnavailable is not null, NativeBackend.WhyUnavailable ?? "");
        var sample = EmbeddingSamples.Of(name);
        var alone = new List<float[]>();
        using (var host = EmbeddingSamples.Host(_folder, name, threads: 1))
        {
            var model = await EmbeddingSamples.LoadAsync(host, name);
            for (var i = 0; i < sample.Texts.Length; i++)
            {
                alone.AddRange(await EmbeddingSamples.RunAsync(model, [sample.Texts[i]], [sample.Seconds[i]]));
            }
        }

        foreach (var (threads, rows) in new[] { (1, 256), (2, 256), (2, 40), (1, 7) })
        {
            using var host = EmbeddingSamples.Host(_folder, name, threads, new BatchLimits { StepRowsMax = rows });
            var model = await EmbeddingSamples.LoadAsync(host, name);
            var order = Enumerable.Range(0, 256).Select(i => i * 5 % sample.Texts.Length).ToArray();
            var together = await EmbeddingSamples.RunAsync(model, [.. order.Select(i => sample.Texts[i])], [.. order.Select(i => sample.Seconds[i])]);
            for (var i = 0; i < order.Length; i++)
            {
                Assert.True(alone[order[i]].AsSpan().SequenceEqual(together[i]), $"text {order[i]} at place {i}, {threads} threads, passes of {rows} rows");
            }
        }
    }

    [Fact]
    public async Task Texts_of_256_callers_at_once_are_those_of_one()
    {
        Assert.SkipWhen(NativeBackend.WhyUnavailable is not null, NativeBackend.WhyUnavailable ?? "");
        var sample = EmbeddingSamples.Of("bert-cls");
        using var host = EmbeddingSamples.Host(_folder, "bert-cls");
        var model = await EmbeddingSamples.LoadAsync(host, "bert-cls");
        var expected = await EmbeddingSamples.RunAsync(model, sample.Texts, sample.Seconds);
        for (var round = 0; round < 8; round++)
        {
            var calls = await Task.WhenAll(Enumerable.Range(0, 32).Select(i => Task.Run(() =>
                EmbeddingSamples.RunAsync(model, [sample.Texts[i % sample.Texts.Length]], [-1]))));
            Assert.All(Enumerable.Range(0, 32), i => Assert.Equal(expected[i % sample.Texts.Length], calls[i][0]));
        }
    }

    [Fact]
    public async Task Two_hundred_and_fifty_six_short_texts_are_one_pass_of_an_encoder()
    {
        Assert.SkipWhen(NativeBackend.WhyUnavailable is not null, NativeBackend.WhyUnavailable ?? "");
        using var host = EmbeddingSamples.Host(_folder, "bert-cls");
        var model = await EmbeddingSamples.LoadAsync(host, "bert-cls");
        var texts = Enumerable.Range(0, 256).Select(i => Enumerable.Range(0, 8).Select(j => (i + (j * 7)) % 96).ToArray()).ToArray();
        _ = await EmbeddingSamples.RunAsync(model, texts, [.. texts.Select(_ => -1)]);
        while (model.Engine.Snapshot.Texts.CallsUnderWay > 0)
        {
            await Task.Delay(1);
        }

        var snapshot = model.Engine.Snapshot;
        Assert.Equal((1L, 256L, 2048L), (snapshot.Steps, snapshot.Texts.Texts, snapshot.Texts.Tokens));
    }

    private async Task AssertGoldenAsync(string name, bool reference)
    {
        var sample = EmbeddingSamples.Of(name);
        using var host = EmbeddingSamples.Host(_folder, name, reference: reference, kv: KvElementType.F32);
        var model = await EmbeddingSamples.LoadAsync(host, name);
        var vectors = await EmbeddingSamples.RunAsync(model, sample.Texts, sample.Seconds);
        Assert.Equal(sample.Vectors.Select(vector => vector.Length), vectors.Select(vector => vector.Length));
        var worst = sample.Vectors.Zip(vectors, (e, a) => e.Zip(a, (x, y) => Math.Abs(x - y)).Max()).Max();
        output.WriteLine($"{name}: {worst:E1}");
        Assert.True(worst <= 1e-4, $"{name}: {worst}");
        if (!sample.Ranks)
        {
            Assert.All(vectors, vector => Assert.Equal(1.0, vector.Sum(value => (double)value * value), 5));
        }
    }
}
