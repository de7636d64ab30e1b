using System.Text;
using Jesus.Inference.Adapters.Local;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Batching;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Tests.Adapters.Local;
using Jesus.Inference.Tests.Engine.Backends;
using Jesus.Inference.Tests.Engine.Lora;
using Jesus.Inference.Tests.Engine.Tokenizers;
using Jesus.Tests.Clocks;

namespace Jesus.Inference.Tests.Engine.Hosting;

/// <summary>Draft models from their files: what is loaded with what, what is refused, and what they take.</summary>
public sealed class DraftFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("jesus-drafts-").FullName;

    public DraftFileTests()
    {
        Save("large.gguf", LoraSamples.Served());
        Save("small.gguf", Small(["<|im_end|>"]));
        Assert.SkipWhen(NativeBackend.WhyUnavailable is not null, NativeBackend.WhyUnavailable ?? "");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_draft_model_is_loaded_with_its_model_counted_in_its_memory_and_changes_neither_answer_nor_profile()
    {
        using var plain = Host(null);
        using var drafted = Host("small.gguf");
        var alone = (await plain.LoadAsync("large")).Model!;
        var both = (await drafted.LoadAsync("large")).Model!;
        Assert.Null(alone.Draft);
        Assert.NotNull(both.Draft);
        Assert.Equal(alone.Numerics, both.Numerics);
        var more = both.Draft.Info.WeightBytes + both.Draft.Info.KvBlocks * both.Draft.Info.KvBlockBytes;
        Assert.InRange(drafted.Memory.Used - plain.Memory.Used, more, more + (4L << 20));
        Assert.Equal(4 * 128 / 16, both.Draft.Info.KvBlocks);
        Assert.Equal(await AskAsync(plain), await AskAsync(drafted));
        _ = await drafted.UnloadAsync("large");
        Assert.Equal(0, drafted.Memory.Used);
    }

    [Fact]
    public async Task Nothing_is_loaded_where_nothing_is_guessed()
    {
        using var host = Host("small.gguf", speculates: false);
        Assert.Null((await host.LoadAsync("large")).Model!.Draft);
    }

    [Fact]
    public async Task Another_vocabulary_is_refused_with_both_models_and_the_first_token_that_differs()
    {
        Save("other.gguf", Small(["<|end|>"]));
        Save("longer.gguf", Small(["<|im_end|>", "<|more|>"]));
        using var host = Host("other.gguf");
        var refused = (await host.LoadAsync("large")).Error.Message;
        Assert.Contains("other.gguf cannot guess for large: token 256 is \"<|end|>\" (a control token) there and \"<|im_end|>\" (a control token) in large", refused,
            StringComparison.Ordinal);
        Assert.Contains("engine.draftModels", refused, StringComparison.Ordinal);
        using var other = Host("longer.gguf");
        Assert.Contains("it has 258 tokens and large 257, and token 257 of the longer list is \"<|more|>\"", (await other.LoadAsync("large")).Error.Message, StringComparison.Ordinal);
        Assert.Equal(0, other.Memory.Used);
    }

    [Fact]
    public async Task Another_end_of_text_is_refused()
    {
        Save("other.gguf", Small(["<|im_end|>"], end: 3));
        using var host = Host("other.gguf");
        Assert.Contains("the end of a text is token 3 there and 256 in large", (await host.LoadAsync("large")).Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_not_there_or_not_whole_is_named_and_the_model_can_be_loaded_again()
    {
        using var host = Host("absent.gguf");
        Assert.Contains("absent.gguf", (await host.LoadAsync("large")).Error.Message, StringComparison.Ordinal);
        File.WriteAllBytes(At("absent.gguf"), File.ReadAllBytes(At("small.gguf"))[..^100]);
        Assert.Contains("absent.gguf: at byte", (await host.LoadAsync("large")).Error.Message, StringComparison.Ordinal);
        File.Copy(At("small.gguf"), At("absent.gguf"), overwrite: true);
        Assert.True((await host.LoadAsync("large")).Succeeded);
    }

    [Fact]
    public async Task Memory_too_small_for_both_is_refused_with_the_numbers_before_anything_is_allocated()
    {
        using var host = Host("small.gguf", memory: 65L << 20);
        Assert.Contains("bytes for its weights and its draft model's and", (await host.LoadAsync("large")).Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Answers_under_adapters_are_the_same_with_a_draft_model_that_knows_none()
    {
        using var file = LlamaSamples.Open(LoraSamples.Served());
        using var adapter = LoraSamples.Open(file, 4, 70);
        using var model = BackendRuns.Native(file, LoraSamples.With(file, adapter));
        using var draft = BackendRuns.Native(file);
        var (plain, _) = Answers(model, null);
        var (drafted, loop) = Answers(model, draft);
        Assert.Equal(plain, drafted);
        Assert.NotEqual(plain[0], plain[1]);
        Assert.True(loop.Counts.Model.Accepted > 20, $"{loop.Counts.Model}");
    }

    private static (string[] Answers, StepLoop Loop) Answers(NativeBackend model, NativeBackend? draft)
    {
        var time = new ManualTime();
        using var slow = new TimedBackend(model, time, TimeSpan.FromMilliseconds(30), TimeSpan.FromMilliseconds(1));
        using var quick = draft is null ? null : new TimedBackend(draft, time, TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(0.1));
        var tokenizer = TokenizerSamples.Load(TokenizerSamples.Gpt2("gpt-2", [], ["<|im_end|>"]).Add("tokenizer.ggml.eos_token_id", 256u));
        var loop = new StepLoop(slow, tokenizer, new BatchLimits(), time, draft: quick);
        var generations = Enumerable.Range(0, 4).Select(i =>
        {
            var generation = new Generation { OutputTokensMax = 48, Adapter = i % 2, KvSalt = (ulong)(i % 2), Seed = 5 };
            generation.Sampling = i < 2 ? default : new Jesus.Inference.Contract.Sampling { Temperature = 1, FrequencyPenalty = 0.5f };
            generation.Prompt.Add(BackendRuns.Tokens(40, 250));
            loop.Accept(generation);
            return generation;
        }).ToArray();
        var answers = generations.Select(_ => new StringBuilder()).ToArray();
        while (loop.HasWork)
        {
            _ = loop.Step();
            foreach (var (generation, answer) in generations.Zip(answers))
            {
                var page = generation.Answer.Take();
                for (var i = 0; i < page.EventCount; i++)
                {
                    _ = answer.AppendJoin(' ', page[i].Tokens.Ids.ToArray()).Append(' ');
                }
            }
        }

        return ([.. answers.Select(answer => answer.ToString())], loop);
    }

    private static async Task<string> AskAsync(ModelHost host)
    {
        var request = new ModelRequest { MaxOutputTokens = 60, Choices = 2, PromptTokens = BackendRuns.Tokens(40, 250) };
        request.Sampling = new Jesus.Inference.Contract.Sampling { Temperature = 1, Seed = 3 };
        request.Model = request.Text.Copy("large"u8);
        var sink = new RecordingSink();
        var result = await new LocalAdapter(host, TimeProvider.System).CallAsync(request, sink, CancellationToken.None);
        Assert.True(result.Succeeded, result.Error.Message);
        return string.Join('|', Enumerable.Range(0, 2).Select(choice => string.Join(' ', sink.Events.Where(item => item.Choice == choice).SelectMany(item => item.Tokens.Ids.ToArray()))));
    }

    /// <summary>Other weights under the bytes and these control tokens.</summary>
    private static GgufWriter Small(string[] specials, uint end = 256)
    {
        var writer = TokenizerSamples.Gpt2("gpt-2", [], specials).Add("tokenizer.ggml.eos_token_id", end);
        return LlamaSamples.AddTensors(LlamaSamples.Metadata(writer), GgufTensorType.Q8_0, tied: false, seed: 9, vocabulary: 256 + specials.Length);
    }

    private ModelHost Host(string? draft, bool speculates = true, long memory = 0) => new(new ModelHostOptions
    {
        ModelsFolder = _folder,
        Drafts = draft is null ? new Dictionary<string, ModelPath>() : new Dictionary<string, ModelPath> { ["large"] = new(At(draft)) },
        Batch = new BatchLimits { Speculates = speculates },
        Threads = 1,
        MemoryBytesMax = memory,
    }, TimeProvider.System);

    private string At(string file) => Path.Combine(_folder, file);

    private void Save(string name, GgufWriter file) => File.WriteAllBytes(At(name), file.ToArray());
}
