using System.Text;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Batching;
using Jesus.Inference.Engine.Constraints;
using Jesus.Inference.Engine.Tokenizers;
using Jesus.Inference.Tests.Engine.Tokenizers;
using Jesus.Tests.Clocks;
using Jesus.Tests.Memory;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Tests.Engine.Batching;

/// <summary>A small model that guesses for a large one: both are fakes whose next token depends on all tokens before, and whose passes take time.</summary>
public sealed class DraftModelTests : IDisposable
{
    private const int EndToken = 256;
    private static readonly Tokenizer Bytes = TokenizerSamples.Load(
        TokenizerSamples.Gpt2("gpt-2", [], ["<|im_end|>"]).Add("tokenizer.ggml.eos_token_id", (uint)EndToken));

    private readonly ManualTime _time = new();
    private readonly FakeBackend _backend;
    private readonly FakeBackend _draft;

    public DraftModelTests()
    {
        _backend = new FakeBackend(257, kvBlocks: 1024, rowsMax: 256) { NextOfAll = NextOf, BeforeForward = batch => Pass(30, 1, batch) };
        _draft = new FakeBackend(257, kvBlocks: 1024, rowsMax: 256) { NextOfAll = NextOf, BeforeForward = batch => Pass(3, 0.1, batch) };
    }

    public void Dispose()
    {
        _backend.Dispose();
        _draft.Dispose();
    }

    [Fact]
    public void A_draft_model_that_is_always_right_saves_most_passes_and_changes_no_token()
    {
        var (plain, passes, seconds) = Run(Loop(draft: null), Ask(40, 400));
        var loop = Loop(_draft);
        var (drafted, fewer, less) = Run(loop, Ask(40, 400));
        Assert.Equal(plain, drafted);
        Assert.True(fewer < passes / 4, $"{fewer} of {passes} passes");
        Assert.True(less < seconds / 2, $"{less} of {seconds} s");
        Assert.InRange(loop.Counts.Model.Accepted, 400 * 3 / 4, loop.Counts.Model.Computed);
        Assert.Equal(0, loop.Drafts!.KvBlocksUsed);
    }

    [Fact]
    public void Wrong_guesses_are_rolled_back_so_that_later_ones_are_right_again()
    {
        _draft.NextOfAll = state => state / 64 % 5 == 0 ? 'a' : NextOf(state);
        var (plain, _, _) = Run(Loop(draft: null), Ask(40, 1_000));
        var loop = Loop(_draft);
        var (drafted, _, _) = Run(loop, Ask(40, 1_000));
        Assert.Equal(plain, drafted);

        // Four of five are right by themselves; one wrong key or value would make every later guess wrong.
        Assert.True(loop.Counts.Model.Accepted > 1_000 / 2, $"{loop.Counts.Model} of 1,000 tokens");
    }

    [Fact]
    public void A_draft_model_that_is_never_right_costs_little()
    {
        _draft.NextOfAll = state => NextOf(state) == 'q' ? 'r' : 'q';
        var (plain, _, seconds) = Run(Loop(draft: null), Ask(40, 1_000));
        var (drafted, _, more) = Run(Loop(_draft), Ask(40, 1_000));
        Assert.Equal(plain, drafted);
        Assert.True(more < seconds * 1.05, $"{more} instead of {seconds} s");
    }

    [Fact]
    public void A_draft_model_that_is_as_slow_as_the_model_is_left_alone()
    {
        _draft.BeforeForward = batch => Pass(30, 1, batch);
        var (_, _, seconds) = Run(Loop(draft: null), Ask(8, 500));
        var loop = Loop(_draft);
        var (_, _, more) = Run(loop, Ask(8, 500));
        Assert.True(_draft.Passes.Count < 20, $"{_draft.Passes.Count} passes");
        Assert.True(more < seconds * 1.05, $"{more} instead of {seconds} s");
    }

    [Fact]
    public void It_is_asked_again_when_it_begins_to_be_right()
    {
        var isRight = false;
        _draft.NextOfAll = state => isRight ? NextOf(state) : 'q';
        var loop = Loop(_draft);
        var generation = Ask(40, 3_000);
        loop.Accept(generation);
        while (loop.HasWork)
        {
            isRight = generation.OutputTokens > 600;
            Step(loop, generation);
        }

        Assert.True(loop.Counts.Model.Accepted > 1_000, $"{loop.Counts.Model}");
    }

    [Fact]
    public void Logits_that_are_no_numbers_end_the_guessing_for_their_sequence_and_nothing_else()
    {
        var (plain, _, _) = Run(Loop(draft: null), Ask(40, 300));
        var passes = 0;
        _draft.BeforeForward = batch =>
        {
            _draft.Peak = ++passes == 12 ? float.NaN : 1;
            Pass(3, 0.1, batch);
        };
        var loop = Loop(_draft);
        var generation = Ask(40, 300);
        var (drafted, _, _) = Run(loop, generation);
        Assert.Equal((FinishReason.Length, true), (generation.Reason, generation.Error.IsNone));
        Assert.Equal(plain, drafted);
        Assert.Equal((12, 0), (_draft.Passes.Count, loop.Drafts!.KvBlocksUsed));
        _ = Run(loop, Ask(41, 100));
        Assert.True(_draft.Passes.Count > 12);
    }

    [Fact]
    public void A_pass_that_fails_ends_the_guessing_and_no_answer()
    {
        var (plain, _, _) = Run(Loop(draft: null), Ask(40, 300));
        _draft.BeforeForward = batch =>
        {
            Pass(3, 0.1, batch);
            if (_draft.Passes.Count == 10)
            {
                throw new BackendException("broken on purpose");
            }
        };
        var loop = Loop(_draft);
        var generation = Ask(40, 300);
        Assert.Equal(plain, Run(loop, generation).Tokens);
        Assert.True(generation.Error.IsNone);
        Assert.Equal((10, 0), (_draft.Passes.Count, loop.Drafts!.KvBlocksUsed));
    }

    [Theory]
    [InlineData(2, 4096)]
    [InlineData(1024, 64)]
    public void Where_blocks_or_context_end_the_answer_goes_on_alone(int kvBlocks, int context)
    {
        using var draft = new FakeBackend(257, context, kvBlocks, rowsMax: 256) { NextOfAll = NextOf, BeforeForward = batch => Pass(3, 0.1, batch) };
        var (plain, _, _) = Run(Loop(draft: null), Ask(20, 300));
        var loop = Loop(draft);
        Assert.Equal(plain, Run(loop, Ask(20, 300)).Tokens);
        Assert.True(loop.Counts.Model.Accepted > 0);
        Assert.Equal(0, loop.Drafts!.KvBlocksUsed);
    }

    [Fact]
    public void A_long_prompt_is_read_in_pieces_that_no_running_answer_waits_long_for()
    {
        // The draft model reads slowly: 2,000 tokens take a second.
        _draft.BeforeForward = batch => Pass(3, 0.5, batch);
        var loop = Loop(_draft);
        var running = Ask(8, 2_000);
        loop.Accept(running);
        for (var i = 0; i < 20; i++)
        {
            Step(loop, running);
        }

        var late = Ask(2_000, 1_500);
        loop.Accept(late);
        var worst = TimeSpan.Zero;
        while (loop.HasWork)
        {
            var before = _time.GetTimestamp();
            Step(loop, running);
            _ = late.Answer.Take();
            worst = TimeSpan.FromTicks(Math.Max(worst.Ticks, _time.GetTimestamp() - before));
        }

        Assert.True(_draft.Passes.Max() > 16, "nothing was read");
        Assert.True(_draft.Passes.Sum() > 2_000, "the prompt was not read");
        Assert.InRange(worst.TotalMilliseconds, 30, 300);
    }

    [Fact]
    public void While_prompts_are_read_beside_it_nothing_is_guessed()
    {
        var loop = Loop(_draft);
        var running = Ask(8, 1_000);
        loop.Accept(running);
        for (var i = 0; i < 20; i++)
        {
            Step(loop, running);
        }

        var late = Ask(2_000, 100);
        loop.Accept(late);
        var passes = _draft.Passes.Count;
        while (late.OutputTokens == 0)
        {
            Step(loop, running);
        }

        Assert.Equal(passes, _draft.Passes.Count);
        while (loop.HasWork)
        {
            Step(loop, running);
            _ = late.Answer.Take();
        }
    }

    [Fact]
    public void Where_a_constraint_holds_nothing_is_guessed()
    {
        var constraint = new OutputConstraint { Kind = ConstraintKind.Regex, Source = new Utf8Slice("[a-m]+"u8.ToArray()) };
        Assert.True(new ConstraintCompiler(VocabularyIndex.Build(new TokenizerVocabulary(Bytes))).TryCompile(constraint, default, out var compiled, out var error), error.Message);
        var generation = Ask(40, 200);
        generation.Constraint = compiled;
        var (tokens, _, _) = Run(Loop(_draft), generation);
        Assert.Equal((200, FinishReason.Length), (tokens.Length, generation.Reason));
        Assert.Empty(_draft.Passes);
        generation.Reset();
    }

    [Fact]
    public void Stop_strings_and_penalties_act_as_without_a_draft_model()
    {
        var (all, _, _) = Run(Loop(draft: null), Ask(40, 400));
        var end = Encoding.ASCII.GetBytes([.. all.AsSpan(200, 3).ToArray().Select(token => (char)token)]);
        foreach (var penalty in new[] { 0f, 0.9f })
        {
            var (plain, drafted) = (With(end, penalty), With(end, penalty));
            var (one, _, _) = Run(Loop(draft: null), plain);
            var loop = Loop(_draft);
            Assert.Equal(one, Run(loop, drafted).Tokens);
            Assert.Equal((plain.Reason, plain.OutputTokens), (drafted.Reason, drafted.OutputTokens));
            Assert.True(loop.Counts.Model.Accepted > 10, $"{loop.Counts.Model}");
        }

        static Generation With(byte[] stop, float penalty)
        {
            var generation = Ask(40, 400);
            generation.Stops.Add(new Utf8Slice(stop));
            generation.Sampling = new Jesus.Inference.Contract.Sampling { Temperature = 0.2f, FrequencyPenalty = penalty };
            generation.Seed = 7;
            return generation;
        }
    }

    [Fact]
    public void Choices_of_one_prompt_share_what_the_draft_model_read()
    {
        var generation = Ask(320, 60);
        generation.Choices = 3;
        var loop = Loop(_draft);
        _ = Run(loop, generation);
        Assert.True(loop.Counts.Model.Accepted > 60);
        Assert.True(_draft.Passes.Sum() < 2 * 320, $"{_draft.Passes.Sum()} rows");
    }

    [Fact]
    public void What_the_draft_model_computed_is_the_calls_compute_time()
    {
        var generation = Ask(40, 200);
        var before = _time.GetTimestamp();
        _ = Run(Loop(_draft), generation);
        Assert.Equal(_time.GetTimestamp() - before, generation.ComputeTicks / _backend.Info.Threads, 1.0);
    }

    [Fact]
    public void A_step_with_a_draft_model_costs_no_allocation_once_warm()
    {
        _draft.NextOfAll = state => state / 64 % 5 == 0 ? 'a' : NextOf(state);
        var loop = Loop(_draft);
        var generation = Ask(40, 4_000);
        loop.Accept(generation);
        _backend.Passes.Capacity = 8192;
        _draft.Passes.Capacity = 8192;
        Walk(300);
        var least = Allocation.LeastOf(() => Walk(40));
        Assert.True(loop.Counts.Model.Accepted > 500);
        Assert.Equal(0, least);

        void Walk(int steps)
        {
            for (var i = 0; i < steps; i++)
            {
                Step(loop, generation);
            }
        }
    }

    private StepLoop Loop(FakeBackend? draft) => new(_backend, Bytes, new BatchLimits(), _time, draft: draft);

    private static void Step(StepLoop loop, Generation generation)
    {
        Assert.True(loop.Step());
        _ = generation.Answer.Take();
    }

    private (int[] Tokens, int Passes, double Seconds) Run(StepLoop loop, Generation generation)
    {
        var (before, passes) = (_time.GetTimestamp(), _backend.Passes.Count);
        var tokens = new List<int>();
        loop.Accept(generation);
        while (loop.HasWork)
        {
            _ = loop.Step();
            var page = generation.Answer.Take();
            for (var i = 0; i < page.EventCount; i++)
            {
                if (page[i].Choice == 0)
                {
                    tokens.AddRange(page[i].Tokens.Ids.Span);
                }
            }
        }

        return ([.. tokens], _backend.Passes.Count - passes, (_time.GetTimestamp() - before) / (double)_time.TimestampFrequency);
    }

    private void Pass(double milliseconds, double each, ForwardBatch batch) => _time.Advance(TimeSpan.FromMilliseconds(milliseconds + (each * batch.Rows)));

    /// <summary>Letters, so that every token is a piece of text at once; nothing repeats, so that lookup has nothing to say.</summary>
    private static int NextOf(ulong state) => 'a' + (int)((state >> 8) % 26);

    private static Generation Ask(int prompt, int tokens)
    {
        var generation = new Generation { OutputTokensMax = tokens };
        generation.Prompt.Add([.. Enumerable.Range(0, prompt).Select(i => 'a' + (i * 7 + prompt) % 26)]);
        return generation;
    }
}
