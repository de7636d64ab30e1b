using System.Collections;
using System.Net;
using System.Runtime.InteropServices;
using System.Text.Json;
using Jesus.Appliance.Config;
using Jesus.Appliance.Host;
using Jesus.Appliance.Router;
using Jesus.Appliance.Telemetry;
using Jesus.Appliance.Tests.Gateway;
using Jesus.Inference.Engine.Backends;

namespace Jesus.Appliance.Tests.Host;

/// <summary>Embeddings and reranking by a local encoder, from HTTP through the rooms of a real daemon and back.</summary>
public sealed class LocalVectorCallTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly LogHub _log = new(new LogOptions { Format = LogFormat.Text }, Stream.Null, isTerminal: false, TimeProvider.System);

    [Fact]
    public async Task Two_hundred_and_fifty_six_texts_come_back_in_order_and_base64_says_the_same_as_numbers()
    {
        await using var rooms = Open();
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = rooms.Pipeline.RunAsync;
        var texts = Enumerable.Range(0, 256).Select(i => $"w{i % 50} w{i % 7}").ToArray();
        var numbers = await PostAsync(gateway, "/v1/embeddings", new { model = "embedder", input = texts });
        var base64 = await PostAsync(gateway, "/v1/embeddings", new { model = "embedder", input = texts, encoding_format = "base64" });
        Assert.Equal(256 * 4, numbers.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
        var vectors = numbers.GetProperty("data").EnumerateArray().Select(d => d.GetProperty("embedding").EnumerateArray().Select(v => v.GetSingle()).ToArray()).ToArray();
        var bytes = base64.GetProperty("data").EnumerateArray().Select(d => d.GetProperty("embedding").GetBytesFromBase64()).ToArray();
        Assert.Equal(256, vectors.Length);
        for (var i = 0; i < vectors.Length; i++)
        {
            Assert.Equal(TinyEncoder.Width, vectors[i].Length);
            Assert.Equal(vectors[i], MemoryMarshal.Cast<byte, float>(bytes[i]).ToArray());
        }

        var alone = await PostAsync(gateway, "/v1/embeddings", new { model = "embedder", input = texts[200] });
        Assert.Equal(vectors[200], alone.GetProperty("data")[0].GetProperty("embedding").EnumerateArray().Select(v => v.GetSingle()));
    }

    [Fact]
    public async Task Token_ids_are_texts_too()
    {
        await using var rooms = Open();
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = rooms.Pipeline.RunAsync;
        var text = await PostAsync(gateway, "/v1/embeddings", new { model = "embedder", input = "w0 w1" });
        var ids = await PostAsync(gateway, "/v1/embeddings", new { model = "embedder", input = new[] { 2, 5, 6, 3 } });
        var arrays = await PostAsync(gateway, "/v1/embeddings", new { model = "embedder", input = new[] { [2, 3], new[] { 2, 5, 6, 3 } } });
        Assert.Equal(Raw(text, 0), Raw(ids, 0));
        Assert.Equal(Raw(text, 0), Raw(arrays, 1));
        Assert.Equal(6, arrays.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
    }

    [Fact]
    public async Task Documents_are_ranked_by_the_models_head()
    {
        await using var rooms = Open();
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = rooms.Pipeline.RunAsync;
        var answer = await PostAsync(gateway, "/v1/rerank", new { model = "ranker", query = "w1 w2", documents = new[] { "w3", "w1 w2", "w40 w41", "w3" } });
        var results = answer.GetProperty("results").EnumerateArray().Select(r => (r.GetProperty("index").GetInt32(), r.GetProperty("relevance_score").GetSingle())).ToArray();
        Assert.Equal([0, 1, 2, 3], results.Select(r => r.Item1).Order());
        Assert.Equal(results.OrderByDescending(r => r.Item2).Select(r => r.Item2), results.Select(r => r.Item2));
        Assert.All(results, r => Assert.InRange(r.Item2, 0, 1));
        Assert.Equal(results.Single(r => r.Item1 == 0).Item2, results.Single(r => r.Item1 == 3).Item2);
    }

    [Theory]
    [InlineData("/v1/embeddings", """{"model":"ranker","input":"w1"}""", "embeddings")]
    [InlineData("/v1/rerank", """{"model":"embedder","query":"w1","documents":["w2"]}""", "rerank")]
    [InlineData("/v1/chat/completions", """{"model":"embedder","messages":[{"role":"user","content":"w1"}]}""", "text")]
    [InlineData("/v1/embeddings", """{"model":"embedder","input":"w1","dimensions":33}""", "33 dimensions")]
    public async Task What_a_model_is_not_for_is_the_callers_mistake(string path, string body, string word)
    {
        await using var rooms = Open();
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = rooms.Pipeline.RunAsync;
        var (status, text, _) = await gateway.PostAsync(path, body);
        Assert.True(status == HttpStatusCode.BadRequest, $"{status}: {text}");
        Assert.Contains(word, text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_text_longer_than_the_context_is_refused_though_many_together_may_be()
    {
        await using var rooms = Open();
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Answer = rooms.Pipeline.RunAsync;
        var longest = string.Join(' ', Enumerable.Repeat("w1", TinyEncoder.Context - 2));
        _ = await PostAsync(gateway, "/v1/embeddings", new { model = "embedder", input = Enumerable.Repeat(longest, 20).ToArray() });
        rooms.Models.Refresh();
        _ = await PostAsync(gateway, "/v1/embeddings", new { model = "embedder", input = Enumerable.Repeat(longest, 20).ToArray() });
        var (status, text, _) = await gateway.PostAsync("/v1/embeddings", JsonSerializer.Serialize(new { model = "embedder", input = new[] { "w1", longest + " w2" } }));
        Assert.True(status == HttpStatusCode.BadRequest, $"{status}: {text}");
        Assert.Contains("Text 1 has 65 tokens, and this model holds 64", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_list_says_what_each_model_is_for_and_routes_know()
    {
        await using var rooms = Open();
        Assert.Equal(
            [("embedder", Abilities.Embeddings), ("ranker", Abilities.Rerank)], rooms.Models.List().OrderBy(m => m.Id, StringComparer.Ordinal).Select(m => (m.Id, m.Abilities)));
        Assert.Equal(Abilities.Embeddings, rooms.Routes.Current.Candidates.Single(c => c.Model == "embedder").Traits.Abilities);
    }

    public void Dispose()
    {
        _log.Dispose();
        _folder.Dispose();
    }

    private Rooms Open()
    {
        Assert.SkipWhen(NativeBackend.WhyUnavailable is not null, NativeBackend.WhyUnavailable ?? "");
        var models = Directory.CreateDirectory(Path.Combine(_folder.Path, "gguf")).FullName;
        File.WriteAllBytes(Path.Combine(models, "embedder.gguf"), TinyEncoder.File(ranks: false));
        File.WriteAllBytes(Path.Combine(models, "ranker.gguf"), TinyEncoder.File(ranks: true));
        var config = JsonSerializer.SerializeToUtf8Bytes(new { engine = new { modelFolders = new[] { models } } });
        var loaded = ConfigLoader.Parse(config, "test.json", new Hashtable());
        Assert.Empty(loaded.Errors);
        var rooms = Rooms.Open(new ServeSettings(null, Path.Combine(_folder.Path, "state"), null, null), loaded.Config, _log, "test");
        _ = rooms.Models.Refresh();
        return rooms;
    }

    private static string Raw(JsonElement answer, int index) => answer.GetProperty("data")[index].GetProperty("embedding").GetRawText();

    private static async Task<JsonElement> PostAsync(GatewayFixture gateway, string path, object body)
    {
        var (status, text, _) = await gateway.PostAsync(path, JsonSerializer.Serialize(body));
        Assert.True(status == HttpStatusCode.OK, $"{status}: {text}");
        return JsonDocument.Parse(text).RootElement;
    }
}
