using System.Text;
using Jesus.Inference.Adapters.Local;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Tests.Adapters.Local;
using Jesus.Inference.Tests.Engine.Backends;
using Jesus.Tests.Memory;

namespace Jesus.Inference.Tests.Engine.Lora;

/// <summary>Adapters by name, from files to answers: one base in memory, each call with its own.</summary>
public sealed class LoraServingTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("jesus-lora-").FullName;
    private readonly ModelHost _host;
    private readonly LocalAdapter _adapter;

    public LoraServingTests()
    {
        using var plain = LlamaSamples.Open(LoraSamples.Served());
        using var first = LoraSamples.Open(plain, 8, 11);
        Save("base.gguf", LoraSamples.Served());
        Save("merged.gguf", LoraSamples.Served(first));
        Save("first.gguf", LoraSamples.Write(plain, 8, 11));
        Save("second.gguf", LoraSamples.Write(plain, 4, 70));
        Save("wrong.gguf", LoraSamples.Metadata("qwen2"));
        _host = Host();
        _adapter = new LocalAdapter(_host, TimeProvider.System);
        Assert.SkipWhen(NativeBackend.WhyUnavailable is not null, NativeBackend.WhyUnavailable ?? "");
    }

    public void Dispose()
    {
        _host.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_call_that_names_an_adapter_gets_the_answer_of_the_merged_weights_and_others_the_bases()
    {
        var plain = await AskAsync("base");
        var adapted = await AskAsync("base:first");
        Assert.Equal((await AskAsync("merged")).Text, adapted.Text);
        Assert.NotEqual(plain.Text, adapted.Text);
        Assert.NotEqual(adapted.Text, (await AskAsync("base:second")).Text);
        Assert.Equal(["base", "merged"], _host.Loaded.Select(model => model.Name).Order());
    }

    [Fact]
    public async Task Answers_of_all_adapters_at_once_are_those_of_each_alone()
    {
        string[] names = ["base", "base:first", "base:second"];
        var alone = new Dictionary<string, string>();
        foreach (var name in names)
        {
            alone[name] = (await AskAsync(name, choices: 2)).Text;
        }

        var together = await Task.WhenAll(Enumerable.Range(0, 12).Select(i => Task.Run(async () => (Name: names[i % 3], (await AskAsync(names[i % 3], choices: 2)).Text))));
        Assert.All(together, answer => Assert.Equal(alone[answer.Name], answer.Text));
    }

    [Fact]
    public async Task Prompts_that_were_read_under_one_adapter_are_read_again_under_another()
    {
        Assert.Equal(0, (await AskAsync("base:first")).Result.Usage.CachedInputTokens);
        Assert.Equal(0, (await AskAsync("base:second")).Result.Usage.CachedInputTokens);
        Assert.Equal(0, (await AskAsync("base")).Result.Usage.CachedInputTokens);
        Assert.Equal(32, (await AskAsync("base:first")).Result.Usage.CachedInputTokens);
        Assert.Equal(32, (await AskAsync("base:twin")).Result.Usage.CachedInputTokens);
    }

    [Fact]
    public async Task The_profile_tells_adapters_apart_by_their_content_and_goes_on_only_where_it_is_the_same()
    {
        var plain = (await AskAsync("base")).Result.Numerics;
        var first = (await AskAsync("base:first")).Result.Numerics;
        Assert.False(first.IsUnknown);
        Assert.Equal(4, new[] { plain, first, (await AskAsync("base:second")).Result.Numerics, default }.Distinct().Count());
        Assert.Equal(first, (await AskAsync("base:twin")).Result.Numerics);
        Assert.Equal(first, _adapter.Capacity(new ModelKey("base:first")).Numerics);
        Assert.Equal(first, _host.Find("base")!.NumericsOf("base:first"));
        var wrong = await AskAsync("base:second", shown: first);
        Assert.Contains("'base:second'", wrong.Result.Error.Message, StringComparison.Ordinal);
        Assert.True((await AskAsync("base:twin", shown: first)).Result.Succeeded);
    }

    [Fact]
    public async Task An_adapter_that_cannot_be_used_fails_the_calls_that_name_it_and_nothing_else()
    {
        var wrong = await AskAsync("base:wrong");
        Assert.Contains("The adapter base:wrong cannot be used", wrong.Result.Error.Message, StringComparison.Ordinal);
        Assert.Contains("wrong.gguf: at byte", wrong.Result.Error.Message, StringComparison.Ordinal);
        Assert.Equal(wrong.Result.Error.Message, (await AskAsync("base:wrong")).Result.Error.Message);
        Assert.Contains("absent.gguf", (await AskAsync("base:absent")).Result.Error.Message, StringComparison.Ordinal);
        Assert.True((await AskAsync("base")).Result.Succeeded);
        Assert.Equal(ErrorCause.ModelNotFound, (await AskAsync("base:other")).Result.Error.Cause);
        Assert.Equal(ErrorCause.ModelNotFound, (await AskAsync("gone:first")).Result.Error.Cause);
        Assert.Equal(
            [("base", ModelState.Loaded), ("base:absent", ModelState.OnDisk), ("base:first", ModelState.Loaded), ("base:second", ModelState.Loaded),
                ("base:twin", ModelState.Loaded), ("base:wrong", ModelState.OnDisk), ("merged", ModelState.OnDisk)],
            _host.List().Select(file => (file.Name, file.State)));
    }

    [Fact]
    public void Adapters_are_known_and_listed_beside_their_base_and_are_no_models()
    {
        Assert.True(_host.Knows("base:first"));
        Assert.False(_host.Knows("first"));
        Assert.False(_host.Knows("gone:first"));
        Assert.True(_adapter.Capacity(new ModelKey("base:first")).Available);
        Assert.Equal(["base", "base:absent", "base:first", "base:second", "base:twin", "base:wrong", "merged"], _host.List().Select(file => file.Name));
    }

    [Fact]
    public async Task An_embedding_is_asked_of_the_base()
    {
        var refused = (await AskAsync("base:first", operation: ModelOperation.Embed)).Result.Error;
        Assert.Equal(ErrorCause.UnsupportedField, refused.Cause);
        Assert.Contains("ask base for Embed", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Adapters_count_in_the_memory_that_a_load_needs()
    {
        using var host = Host(memory: new FileInfo(Path.Combine(_folder, "base.gguf")).Length + (64L << 20));
        Assert.Contains("bytes for its weights and 3 adapters and", (await host.LoadAsync("base")).Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Looking_an_adapter_up_allocates_nothing()
    {
        _ = await AskAsync("base:second");
        var name = Encoding.UTF8.GetBytes("base:second");
        Assert.Equal(0, Allocation.LeastOf(() =>
        {
            var model = _host.Find(name)!;
            _ = model.NumericsOf(model.AdapterOf(name));
            _ = model.NumericsOf("base:second");
        }));
    }

    private ModelHost Host(long memory = 0) => new(new ModelHostOptions
    {
        ModelsFolder = _folder,
        Adapters = new Dictionary<string, ModelPath>
        {
            ["base:first"] = At("first.gguf"),
            ["base:second"] = At("second.gguf"),
            ["base:twin"] = At("first.gguf"),
            ["base:wrong"] = At("wrong.gguf"),
            ["base:absent"] = At("absent.gguf"),
            ["gone:first"] = At("first.gguf"),
        },
        Threads = 2,
        MemoryBytesMax = memory,
    }, TimeProvider.System);

    private ModelPath At(string file) => new(Path.Combine(_folder, file));

    private void Save(string name, GgufWriter file) => File.WriteAllBytes(Path.Combine(_folder, name), file.ToArray());

    private async Task<(string Text, CallResult Result)> AskAsync(string model, int choices = 1, NumericsProfile shown = default, ModelOperation operation = ModelOperation.Generate)
    {
        var request = new ModelRequest { MaxOutputTokens = 24, Choices = choices, PromptTokens = BackendRuns.Tokens(40, 250) };
        request.Sampling = new() { Temperature = choices > 1 ? 1 : 0, Seed = 3 };
        request.Model = request.Text.Copy(Encoding.UTF8.GetBytes(model));
        request.ShownNumerics = shown;
        request.Operation = operation;
        var sink = new RecordingSink();
        var result = await _adapter.CallAsync(request, sink, CancellationToken.None);
        var ids = Enumerable.Range(0, choices).Select(choice => string.Join(' ', sink.Events.Where(item => item.Choice == choice).SelectMany(item => item.Tokens.Ids.ToArray())));
        return (string.Join('|', ids), result);
    }
}
