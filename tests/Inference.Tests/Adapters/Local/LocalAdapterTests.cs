using System.Text;
using System.Text.Json;
using Jesus.Inference.Adapters.Local;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine;
using Jesus.Inference.Engine.Hosting;
using Jesus.Inference.Tests.Nano;

namespace Jesus.Inference.Tests.Adapters.Local;

/// <summary>The whole local path on the demonstration model: template, tokenizer, engine, constraint, tool calls, events.</summary>
public sealed class LocalAdapterTests(NanoHost host) : IClassFixture<NanoHost>
{
    [Fact]
    public async Task A_chat_answer_streams_as_started_text_finished()
    {
        _ = await host.LoadAsync();
        var sink = new RecordingSink();
        var result = await host.Adapter.CallAsync(Chat("Hello", tokens: 40), sink, CancellationToken.None);
        Assert.True(result.Succeeded, result.Error.Message);
        Assert.Equal((EventKind.Started, result.Usage.InputTokens), (sink.Events[0].Kind, sink.Events[0].Index));
        Assert.Equal(EventKind.Finished, sink.Events[^1].Kind);
        Assert.True(sink.Events.Count(item => item.Kind == EventKind.Text) > 1, "the answer came in one piece");
        Assert.NotEmpty(sink.Text());
    }

    [Fact]
    public async Task A_warm_prompts_start_tells_the_tokens_of_the_cache_apart_as_its_usage_does()
    {
        _ = await host.LoadAsync();
        var words = "warm " + string.Join(' ', Enumerable.Range(100, 20));
        _ = await host.Adapter.CallAsync(Chat(words, tokens: 2), new RecordingSink(), CancellationToken.None);
        var sink = new RecordingSink();
        var usage = (await host.Adapter.CallAsync(Chat(words, tokens: 2), sink, CancellationToken.None)).Usage;
        Assert.InRange(sink.Events[0].CachedTokens, 1, usage.InputTokens - 1);
        Assert.Equal((usage.InputTokens, usage.CachedInputTokens), (sink.Events[0].Index, sink.Events[0].CachedTokens));
    }

    [Fact]
    public async Task Usage_is_exact_and_the_profile_names_the_arithmetic()
    {
        var model = await host.LoadAsync();
        var request = Chat("Hello", tokens: 5);
        request.Constraint.Kind = ConstraintKind.JsonSchema;
        request.Constraint.Source = request.Text.Copy("""{"type":"string","minLength":50}"""u8);
        var sink = new RecordingSink();
        var result = await host.Adapter.CallAsync(request, sink, CancellationToken.None);
        Assert.Equal((11, 5, FinishReason.Length), (result.Usage.InputTokens, result.Usage.OutputTokens, result.Reason));
        Assert.Equal(11, host.Adapter.CountInputTokens(request));
        Assert.True(result.Usage.ComputeMicroseconds > 0);
        Assert.Equal(UsageQuality.Exact, result.Quality);
        Assert.False(result.Numerics.IsUnknown);
        Assert.Equal(model.Sha256![..16], result.Numerics.ModelHash.ToString("x16", System.Globalization.CultureInfo.InvariantCulture));
        Assert.NotEqual(0UL, result.Numerics.TemplateHash);
    }

    [Fact]
    public async Task Equal_seeds_give_equal_answers_whatever_else_is_computed()
    {
        _ = await host.LoadAsync();
        var alone = await SampleAsync(seed: 7);
        var together = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() => SampleAsync(seed: i % 2 == 0 ? 7UL : 100UL + (ulong)i))));
        Assert.All(together.Where((_, i) => i % 2 == 0), text => Assert.Equal(alone, text));
        Assert.Contains(together, text => text != alone);
    }

    [Fact]
    public async Task Choices_of_one_seed_differ_and_are_numbered()
    {
        _ = await host.LoadAsync();
        var request = Chat("Write something", tokens: 30);
        request.Choices = 3;
        request.Sampling = new Sampling { Temperature = 2, Seed = 1 };
        var sink = new RecordingSink();
        var result = await host.Adapter.CallAsync(request, sink, CancellationToken.None);
        Assert.True(result.Succeeded, result.Error.Message);
        Assert.Equal(3, sink.Events.Count(item => item.Kind == EventKind.Finished));
        Assert.Equal(3, Enumerable.Range(0, 3).Select(choice => sink.Text(choice)).Distinct().Count());
    }

    [Fact]
    public async Task A_schema_keeps_the_answer_valid_whatever_is_drawn()
    {
        _ = await host.LoadAsync();
        const string Line = "Nov 22 14:03:11 web-3 sshd[2211]: Failed password";
        var request = Chat($"Extract the fields of this log line.\n{Line}", tokens: 300);
        request.Sampling = new Sampling { Temperature = 1.5f, Seed = 3 };
        request.Constraint.Kind = ConstraintKind.JsonSchema;
        request.Constraint.Source = request.Text.Copy("""{"type":"object","properties":{"host":{"type":"string","x-span-of":"line"},"n":{"type":"integer","maximum":9}},"required":["host","n"]}"""u8);
        request.Constraint.Inputs.Add(new NamedInput(request.Text.Copy("line"u8), request.Text.Copy(Line)));
        var sink = new RecordingSink();
        var result = await host.Adapter.CallAsync(request, sink, CancellationToken.None);
        Assert.Equal(FinishReason.Stop, result.Reason);
        using var answer = JsonDocument.Parse(sink.Text());
        Assert.Contains(answer.RootElement.GetProperty("host").GetString()!, Line, StringComparison.Ordinal);
        Assert.InRange(answer.RootElement.GetProperty("n").GetInt64(), long.MinValue, 9);
    }

    [Fact]
    public async Task A_required_tool_is_called_with_arguments_that_fit_its_schema()
    {
        _ = await host.LoadAsync();
        var request = Chat("What is 3 + 4?", tokens: 200);
        request.Tools.Add(new ToolDefinition(request.Text.Copy("calc"u8), request.Text.Copy("Computes an expression."u8),
            request.Text.Copy("""{"type":"object","properties":{"expression":{"type":"string","maxLength":20}},"required":["expression"]}"""u8)));
        request.ToolChoice = new ToolChoice(ToolChoiceMode.Required);
        var sink = new RecordingSink();
        var result = await host.Adapter.CallAsync(request, sink, CancellationToken.None);
        Assert.True(result.Succeeded, result.Error.Message);
        Assert.Equal(FinishReason.ToolCalls, result.Reason);
        var start = sink.Events.First(item => item.Kind == EventKind.ToolCallStart);
        Assert.Equal("calc", Encoding.UTF8.GetString(start.Utf8.Span));
        Assert.StartsWith("call_", Encoding.UTF8.GetString(start.ToolCallId.Span), StringComparison.Ordinal);
        using var arguments = JsonDocument.Parse(sink.Join(EventKind.ToolCallArguments, index: 0));
        Assert.Equal(JsonValueKind.String, arguments.RootElement.GetProperty("expression").ValueKind);
    }

    [Fact]
    public async Task Cancelling_ends_the_call_as_cancelled_with_what_was_used()
    {
        var model = await host.LoadAsync();
        using var cancel = new CancellationTokenSource();
        var texts = 0;
        var sink = new RecordingSink(async item =>
        {
            if (item.Kind == EventKind.Text && ++texts == 3)
            {
                await cancel.CancelAsync();
            }
        });
        var result = await host.Adapter.CallAsync(Endless(), sink, cancel.Token);
        Assert.Equal((ErrorCause.Cancelled, FinishReason.Cancelled), (result.Error.Cause, result.Reason));
        Assert.InRange(result.Usage.OutputTokens, 3, 900);
        Assert.DoesNotContain(sink.Events, item => item.Kind == EventKind.Finished);
        await IdleAsync(model);
    }

    [Fact]
    public async Task A_sink_that_throws_gets_its_exception_back_and_the_engine_lets_go_of_the_call()
    {
        var model = await host.LoadAsync();
        var sink = new RecordingSink(item => item.Kind == EventKind.Text ? throw new InvalidOperationException("full") : default);
        var error = await Assert.ThrowsAsync<InvalidOperationException>(async () => await host.Adapter.CallAsync(Endless(), sink, CancellationToken.None));
        Assert.Equal("full", error.Message);
        await IdleAsync(model);
    }

    [Fact]
    public async Task A_prompt_longer_than_the_context_is_refused_with_both_lengths()
    {
        _ = await host.LoadAsync();
        var result = await host.Adapter.CallAsync(Chat(string.Concat(Enumerable.Repeat("word ", 2000)), tokens: 5), new RecordingSink(), CancellationToken.None);
        Assert.Equal(ErrorCause.ContextTooSmall, result.Error.Cause);
        Assert.Contains("1024", result.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_that_is_not_here_is_refused_by_name()
    {
        var request = Chat("Hello", tokens: 5);
        request.Model = request.Text.Copy("no-such-model"u8);
        var result = await host.Adapter.CallAsync(request, new RecordingSink(), CancellationToken.None);
        Assert.Equal(ErrorCause.ModelNotFound, result.Error.Cause);
        Assert.Contains("no-such-model", result.Error.Message, StringComparison.Ordinal);
        Assert.False(host.Adapter.Capacity(new ModelKey("no-such-model")).Available);
    }

    [Fact]
    public async Task A_model_is_loaded_by_the_first_call_and_calls_at_once_share_the_load()
    {
        _ = await host.LoadAsync();
        using var models = new ModelHost(new ModelHostOptions { ModelsFolder = Path.GetDirectoryName(TestData.NanoModel) }, TimeProvider.System);
        var adapter = new LocalAdapter(models, TimeProvider.System);
        Assert.Empty(models.Loaded);
        Assert.True(adapter.CountInputTokens(Chat("Hello", 3)) >= 11, "the bound before loading is too low");
        var results = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () => await adapter.CallAsync(Chat("Hello", 3), new RecordingSink(), default))));
        Assert.All(results, result => Assert.True(result.Succeeded, result.Error.Message));
        Assert.Single(models.Loaded);
        Assert.Equal(UnloadOutcome.Unloaded, (await models.UnloadAsync("jesus-nano")).Outcome);
        Assert.Empty(models.Loaded);
    }

    private async Task<string> SampleAsync(ulong seed)
    {
        var request = Chat("Tell me of yourself", tokens: 40);
        request.Sampling = new Sampling { Temperature = 1.5f, TopP = 0.95f, Seed = seed };
        var sink = new RecordingSink();
        var result = await host.Adapter.CallAsync(request, sink, CancellationToken.None);
        Assert.True(result.Succeeded, result.Error.Message);
        return sink.Text();
    }

    private static ModelRequest Chat(string text, int tokens)
    {
        var request = new ModelRequest { MaxOutputTokens = tokens };
        request.Model = request.Text.Copy("jesus-nano"u8);
        request.Turns.Add(TurnRole.User, request.Text.Copy(text));
        return request;
    }

    /// <summary>A schema that the answer cannot fill soon.</summary>
    private static ModelRequest Endless()
    {
        var request = Chat("Hello", tokens: 0);
        request.Constraint.Kind = ConstraintKind.JsonSchema;
        request.Constraint.Source = request.Text.Copy("""{"type":"string","minLength":4000}"""u8);
        return request;
    }

    private static async Task IdleAsync(LoadedModel model)
    {
        for (var i = 0; model.Engine.Snapshot is { Running: > 0 } or { Waiting: > 0 } or { KvBlocksUsed: > 0 }; i++)
        {
            Assert.True(i < 1000, "the engine does not let go of the call");
            await Task.Delay(5);
        }
    }
}
