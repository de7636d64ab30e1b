using System.Text;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine;
using Jesus.Inference.Engine.Batching;
using Jesus.Inference.Engine.Tokenizers;
using Jesus.Inference.Tests.Engine.Batching;
using Jesus.Inference.Tests.Engine.Tokenizers;

namespace Jesus.Inference.Tests.Engine;

/// <summary>The engine with its thread, on a model that counts up and that a test can hold up.</summary>
public sealed class InferenceEngineTests : IDisposable
{
    private static readonly Tokenizer Bytes = TokenizerSamples.Bytes();
    private readonly ManualResetEventSlim _gate = new(initialState: true);
    private readonly FakeBackend _backend = new(vocabulary: 256);
    private InferenceEngine? _engine;

    public InferenceEngineTests() => _backend.BeforeForward = _ => Assert.True(_gate.Wait(TimeSpan.FromSeconds(60)), "the test never opened the gate");

    public void Dispose()
    {
        _gate.Set();
        _engine?.Dispose();
        _gate.Dispose();
    }

    [Fact]
    public async Task A_submitted_request_is_answered_and_completes()
    {
        var generation = Prompt(tokens: 3);
        Assert.True(Engine().Submit(generation).IsNone);
        Assert.Equal("bcd", await ReadAsync(generation));
        Assert.Equal(FinishReason.Length, generation.Reason);
    }

    [Fact]
    public async Task A_cancelled_request_ends_with_the_pass_under_way()
    {
        var engine = Engine();
        var generation = Prompt(tokens: 4000);
        Assert.True(engine.Submit(generation).IsNone);
        Assert.True(await generation.Answer.WaitAsync());
        _gate.Reset();
        engine.Cancel(generation);
        var passes = _backend.Passes.Count;
        _gate.Set();
        _ = await ReadAsync(generation);
        Assert.Equal(ErrorCause.Cancelled, generation.Error.Cause);
        // One pass may have been under way, and one may have begun before the gate closed.
        Assert.InRange(_backend.Passes.Count, passes, passes + 2);
    }

    [Fact]
    public async Task More_calls_than_may_wait_are_refused_as_overloaded_and_the_others_answered()
    {
        _gate.Reset();
        var engine = Engine(new BatchLimits { SequencesMax = 1, WaitingMax = 2 });
        var accepted = new List<Generation>();
        var refused = new List<ModelError>();
        for (var i = 0; i < 8; i++)
        {
            var generation = Prompt(tokens: 2);
            var error = engine.Submit(generation);
            if (error.IsNone)
            {
                accepted.Add(generation);
            }
            else
            {
                refused.Add(error);
            }
        }

        // One may have begun to run before the others came.
        Assert.InRange(accepted.Count, 2, 3);
        Assert.All(refused, error => Assert.Equal(ErrorCause.Overloaded, error.Cause));
        Assert.All(refused, error => Assert.True(error.RetryAfter > TimeSpan.Zero));
        Assert.Equal(0, engine.Capacity().FreeSlots);
        Assert.True(engine.Capacity().QueueDelay > TimeSpan.Zero);
        _gate.Set();
        foreach (var generation in accepted)
        {
            Assert.Equal("bc", await ReadAsync(generation));
        }
    }

    [Fact]
    public async Task A_stopped_engine_ends_its_calls_as_draining_and_takes_no_more()
    {
        var engine = Engine();
        var generation = Prompt(tokens: 4000);
        Assert.True(engine.Submit(generation).IsNone);
        Assert.True(await generation.Answer.WaitAsync());
        engine.Dispose();
        _ = await ReadAsync(generation);
        Assert.Equal(ErrorCause.Draining, generation.Error.Cause);
        Assert.Equal(ErrorCause.Draining, engine.Submit(Prompt(tokens: 1)).Cause);
        Assert.False(engine.Capacity().Available);
    }

    [Fact]
    public async Task Chosen_tokens_carry_their_log_probability_when_asked()
    {
        _backend.Peak = 20;
        var generation = Prompt(tokens: 3);
        generation.WantsLogProbs = true;
        Assert.True(Engine().Submit(generation).IsNone);
        var logProbs = new List<float>();
        while (await generation.Answer.WaitAsync())
        {
            var page = generation.Answer.Take();
            for (var i = 0; i < page.EventCount; i++)
            {
                logProbs.AddRange(page[i].Tokens.LogProbs.Span);
            }
        }

        // 255 others at e^0 beside one at e^20.
        Assert.Equal(3, logProbs.Count);
        Assert.All(logProbs, value => Assert.Equal(-Math.Log(1 + (255 * Math.Exp(-20))), value, 1e-6));
    }

    [Fact]
    public async Task Many_callers_at_once_each_get_their_own_answer()
    {
        var engine = Engine(new BatchLimits { WaitingMax = 1000 });
        var answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => Task.Run(async () =>
        {
            var generation = Prompt(tokens: 1 + (i % 20));
            Assert.True(engine.Submit(generation).IsNone);
            return await ReadAsync(generation);
        })));
        Assert.Equal(Enumerable.Range(0, 200).Select(i => "bcdefghijklmnopqrstuvwxyz"[..(1 + (i % 20))]), answers);
    }

    private InferenceEngine Engine(BatchLimits? limits = null) => _engine = new InferenceEngine("test", _backend, Bytes, limits ?? new BatchLimits(), TimeProvider.System);

    private static Generation Prompt(int tokens)
    {
        var generation = new Generation { OutputTokensMax = tokens };
        generation.Prompt.Add('a');
        return generation;
    }

    private static async Task<string> ReadAsync(Generation generation)
    {
        var text = new StringBuilder();
        while (await generation.Answer.WaitAsync())
        {
            var page = generation.Answer.Take();
            for (var i = 0; i < page.EventCount; i++)
            {
                text.Append(page[i].Kind == EventKind.Text ? Encoding.UTF8.GetString(page[i].Utf8.Span) : "");
            }
        }

        return text.ToString();
    }
}
