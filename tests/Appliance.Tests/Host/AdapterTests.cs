using System.Collections;
using System.Text;
using Jesus.Appliance.Config;
using Jesus.Appliance.Host;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Telemetry;
using Jesus.Appliance.Tests.Pipeline;
using Jesus.Appliance.Tests.Rescue;
using Jesus.Inference.Engine.Gguf;

namespace Jesus.Appliance.Tests.Host;

/// <summary>The rooms of a real daemon whose configuration names an adapter of the demonstration model.</summary>
public sealed class AdapterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly LogHub _log = new(new LogOptions { Format = LogFormat.Text }, Stream.Null, isTerminal: false, TimeProvider.System);

    public void Dispose()
    {
        _log.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task An_adapter_of_the_configuration_is_listed_routed_and_answers_by_its_name()
    {
        var models = Directory.CreateDirectory(Path.Combine(_folder.Path, "models")).FullName;
        File.CreateSymbolicLink(Path.Combine(models, "nano.gguf"), NanoBoxes.File);
        File.WriteAllBytes(Path.Combine(models, "other.gguf"), Adapter());
        var read = Load("""
            { "engine": { "adapters": { "nano:other": "other.gguf" } },
              "routes": { "mine": { "candidates": [ { "provider": "local", "model": "nano:other" } ] } } }
            """);
        Assert.Empty(read.Errors);
        await using var rooms = Rooms.Open(new ServeSettings(null, _folder.Path, null, null), read.Config, _log, "test");
        _ = rooms.Models.Refresh();
        Assert.Equal(["mine", "nano", "nano:other"], rooms.Models.List().Select(model => model.Id).Order(StringComparer.Ordinal));
        Assert.Contains(rooms.Routes.Current.Candidates, candidate => candidate.Label == "local/nano:other");
        Assert.True(rooms.Engine.Knows("nano:other"));
        Assert.Null(await rooms.Models.RescanAsync("nano:other", TestContext.Current.CancellationToken));
        Assert.NotEqual(rooms.Engine.Find("nano")!.NumericsOf("nano"), rooms.Engine.Find("nano")!.NumericsOf("nano:other"));
        var answers = new List<string>();
        foreach (var name in new[] { "nano", "nano:other", "mine" })
        {
            answers.Add(await AskAsync(rooms.Pipeline, name));
        }

        Assert.Equal(answers[1], answers[2]);
        Assert.NotEqual(answers[0], answers[1]);
    }

    [Fact]
    public void A_name_that_is_none_of_an_adapter_is_an_error_at_its_place()
    {
        var error = Assert.Single(Load("""{ "engine": { "adapters": { "nano": "other.gguf" } } }""").Errors);
        Assert.Contains("MODEL:ADAPTER", error.ToString(), StringComparison.Ordinal);
    }

    private static async Task<string> AskAsync(ModelPipeline pipeline, string model)
    {
        var sink = new CollectingSink();
        var call = TestPipeline.Call();
        call.RouteName = model;
        call.Request.MaxOutputTokens = 40;
        call.Request.Sampling = call.Request.Sampling with { Temperature = 0, Seed = 1 };
        var outcome = await pipeline.RunAsync(call, sink, CancellationToken.None);
        Assert.True(outcome.Succeeded, outcome.Error.Message);
        return sink.Text;
    }

    /// <summary>Rank 2 beside the first block's query, key and down matrices, strong enough that answers differ.</summary>
    private static byte[] Adapter()
    {
        using var model = GgufFile.Open(NanoBoxes.File);
        var writer = new GgufWriter().Add("general.type", "adapter").Add("general.architecture", "llama").Add("adapter.type", "lora").Add("adapter.lora.alpha", 4f);
        var random = new Random(1);
        foreach (var tensor in model.Tensors.Where(tensor => tensor.Name is "blk.0.attn_q.weight" or "blk.0.attn_v.weight" or "blk.0.ffn_down.weight"))
        {
            _ = writer.AddTensor(tensor.Name + ".lora_a", GgufTensorType.F32, [tensor.Columns, 2], Values(random, tensor.Columns * 2))
                .AddTensor(tensor.Name + ".lora_b", GgufTensorType.F32, [2, tensor.Rows], Values(random, tensor.Rows * 2));
        }

        return writer.ToArray();
    }

    private static byte[] Values(Random random, long count)
    {
        var values = Enumerable.Range(0, (int)count).Select(_ => random.NextSingle() - 0.5f).ToArray();
        var bytes = new byte[values.Length * sizeof(float)];
        Buffer.BlockCopy(values, 0, bytes, 0, bytes.Length);
        return bytes;
    }

    private static LoadedConfig Load(string json) => ConfigLoader.Parse(Encoding.UTF8.GetBytes(json), "test.json", new Hashtable());
}
