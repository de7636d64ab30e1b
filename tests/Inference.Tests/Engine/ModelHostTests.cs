using Jesus.Inference.Contract;
using Jesus.Inference.Engine;
using Jesus.Inference.Engine.Tools;
using Jesus.Inference.Tests.Engine.Gguf;

namespace Jesus.Inference.Tests.Engine;

public sealed class ModelHostTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("jesus-models-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Models_are_the_folders_files_and_the_configured_paths()
    {
        File.WriteAllBytes(Path.Combine(_folder, "one.gguf"), GgufSamples.Sample());
        File.WriteAllText(Path.Combine(_folder, "notes.txt"), "no model");
        using var host = Host(new ModelPath("/nowhere/two.gguf"));
        var files = host.List();
        Assert.Equal(["one", "other"], files.Select(file => file.Name));
        Assert.Equal([ModelState.OnDisk, ModelState.OnDisk], files.Select(file => file.State));
        Assert.Equal([GgufSamples.Sample().LongLength, 0], files.Select(file => file.Bytes));
    }

    [Fact]
    public async Task A_name_is_never_a_path()
    {
        using var host = Host();
        File.WriteAllBytes(Path.Combine(_folder, "one.gguf"), GgufSamples.Sample());
        Assert.Equal(ErrorCause.ModelNotFound, (await host.LoadAsync("../" + Path.GetFileName(_folder) + "/one")).Error.Cause);
    }

    [Fact]
    public async Task A_file_that_is_no_model_is_an_error_that_names_it_and_can_be_tried_again()
    {
        File.WriteAllText(Path.Combine(_folder, "bad.gguf"), "this is no model file");
        using var host = Host();
        for (var i = 0; i < 2; i++)
        {
            var load = await host.LoadAsync("bad");
            Assert.Equal(ErrorCause.Internal, load.Error.Cause);
            Assert.Contains("bad.gguf: at byte 0, magic", load.Error.Message, StringComparison.Ordinal);
        }

        Assert.Equal(ModelState.OnDisk, Assert.Single(host.List()).State);
    }

    [Fact]
    public async Task A_file_with_another_hash_than_configured_is_refused()
    {
        var path = Path.Combine(_folder, "sample.gguf");
        File.WriteAllBytes(path, GgufSamples.Sample());
        using var host = Host(new ModelPath(path, new string('0', 64)));
        var load = await host.LoadAsync("other");
        Assert.Contains(FileHash.OfFile(path), load.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_larger_than_the_memory_cap_is_refused_with_the_numbers()
    {
        Assert.SkipUnless(TestData.HasNano, TestData.NanoMissing);
        var options = new ModelHostOptions { Paths = new Dictionary<string, ModelPath> { ["nano"] = new(TestData.NanoModel) }, MemoryBytesMax = 1_000_000 };
        using var host = new ModelHost(options, TimeProvider.System);
        var load = await host.LoadAsync("nano");
        Assert.Contains("all models together may take 1,000,000", load.Error.Message, StringComparison.Ordinal);
        Assert.Empty(host.Loaded);
    }

    [Fact]
    public async Task A_stopped_host_loads_nothing()
    {
        var host = Host();
        host.Dispose();
        Assert.Equal(ErrorCause.Draining, (await host.LoadAsync("one")).Error.Cause);
    }

    [Fact]
    public void Inspecting_lists_keys_and_tensors_and_says_why_a_file_cannot_run()
    {
        var path = Path.Combine(_folder, "sample.gguf");
        File.WriteAllBytes(path, GgufSamples.Sample());
        var inspection = ModelTools.Inspect(path).Value!;
        Assert.Equal(("llama", "sample", 3), (inspection.Architecture, inspection.Name, inspection.Tensors.Count));
        Assert.Contains(inspection.Metadata, key => key is { Key: "tokenizer.ggml.tokens", Type: "String[]" });
        Assert.NotNull(inspection.Problem);
        Assert.Equal(ErrorCause.ModelNotFound, ModelTools.Inspect(Path.Combine(_folder, "absent.gguf")).Error.Cause);
    }

    [Fact]
    public void The_tools_tokenize_and_come_back_and_measure()
    {
        Assert.SkipUnless(TestData.HasNano, TestData.NanoMissing);
        var ids = ModelTools.Tokenize(TestData.NanoModel, "Hello, world!").Value!;
        Assert.Equal("Hello, world!", ModelTools.Detokenize(TestData.NanoModel, ids).Value);
        Assert.False(ModelTools.Detokenize(TestData.NanoModel, new[] { 99_999 }).Succeeded);
        Assert.SkipWhen(Inference.Engine.Backends.NativeBackend.WhyUnavailable is not null, "the kernels are not built");
        var all = ModelTools.Logits(TestData.NanoModel, ids, all: true).Value!;
        Assert.Equal(ids.Length, all.Length);
        Assert.Equal(ModelTools.Logits(TestData.NanoModel, ids).Value![0], all[^1]);
        var bench = ModelTools.Bench(TestData.NanoModel, promptTokens: 16, generateTokens: 4, threads: 1, repeat: 1).Value!;
        Assert.True(bench.PromptTokensPerSecond > 0 && bench.GenerateTokensPerSecond > 0 && bench.ReadGbPerSecond > 0);
        Assert.Equal(1, bench.Threads);
        Assert.Contains("holds 1 to 1024", ModelTools.Bench(TestData.NanoModel, promptTokens: 1000, generateTokens: 100).Error.Message, StringComparison.Ordinal);
    }

    private ModelHost Host(ModelPath? other = null) => new(new ModelHostOptions
    {
        ModelsFolder = _folder,
        Paths = other is null ? new Dictionary<string, ModelPath>() : new Dictionary<string, ModelPath> { ["other"] = other },
    }, TimeProvider.System);
}
