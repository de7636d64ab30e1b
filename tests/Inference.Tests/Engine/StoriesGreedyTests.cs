using System.Text;
using System.Text.Json;
using Jesus.Inference.Adapters.Local;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.Tokenizers;
using Jesus.Inference.Tests.Adapters.Local;

namespace Jesus.Inference.Tests.Engine;

/// <summary>Greedy continuations of a real trained model against those of an independent engine, text for text, through the whole local path.</summary>
public sealed class StoriesGreedyTests
{
    [Theory]
    [InlineData(true, KvElementType.F32)]
    [InlineData(false, KvElementType.F32)]
    [InlineData(false, KvElementType.F16)]
    public async Task Greedy_continuations_equal_those_of_an_independent_engine(bool reference, KvElementType kvType)
    {
        Assert.SkipUnless(TestData.HasStories, TestData.StoriesMissing);
        Assert.SkipWhen(!reference && NativeBackend.WhyUnavailable is not null, NativeBackend.WhyUnavailable ?? "");
        using var host = new ModelHost(Options(reference, kvType), TimeProvider.System);
        var adapter = new LocalAdapter(host, TimeProvider.System);
        using var golden = JsonDocument.Parse(File.ReadAllText(TestData.StoriesGreedy));
        foreach (var item in golden.RootElement.GetProperty("cases").EnumerateArray())
        {
            var prompt = item.GetProperty("prompt").GetString()!;
            Assert.Equal(item.GetProperty("text").GetString(), prompt + await Continue(adapter, prompt));
        }
    }

    [Fact]
    public async Task Continuations_computed_together_equal_those_computed_alone()
    {
        Assert.SkipUnless(TestData.HasStories, TestData.StoriesMissing);
        Assert.SkipWhen(NativeBackend.WhyUnavailable is not null, NativeBackend.WhyUnavailable ?? "");
        using var host = new ModelHost(Options(false, KvElementType.F16), TimeProvider.System);
        var adapter = new LocalAdapter(host, TimeProvider.System);
        string[] prompts = ["Once upon a time", "Zoo", "Tom and Lily went to the park", "The dog", "One day a girl saw"];
        var alone = new List<string>();
        foreach (var prompt in prompts)
        {
            alone.Add(await Continue(adapter, prompt));
        }

        var together = await Task.WhenAll(prompts.Select(prompt => Task.Run(() => Continue(adapter, prompt))));
        Assert.Equal(alone, together);
    }

    private static ModelHostOptions Options(bool reference, KvElementType kvType) => new()
    {
        Paths = new Dictionary<string, ModelPath> { ["stories"] = new(TestData.StoriesModel) },
        UseReferenceBackend = reference,
        KvType = kvType,
        Threads = 2,
    };

    private static async Task<string> Continue(LocalAdapter adapter, string prompt)
    {
        using var file = GgufFile.Open(TestData.StoriesModel);
        var ids = new TokenBuffer();
        TokenizerLoader.Load(file.Metadata).EncodePrompt(Encoding.UTF8.GetBytes(prompt), default, ids);
        var request = new ModelRequest { PromptTokens = ids.Span.ToArray(), MaxOutputTokens = 120 };
        request.Model = request.Text.Copy("stories"u8);
        var sink = new RecordingSink();
        var result = await adapter.CallAsync(request, sink, CancellationToken.None);
        Assert.True(result.Succeeded, result.Error.Message);
        Assert.Equal(FinishReason.Length, result.Reason);
        Assert.Equal(120, result.Usage.OutputTokens);
        return sink.Text();
    }
}
