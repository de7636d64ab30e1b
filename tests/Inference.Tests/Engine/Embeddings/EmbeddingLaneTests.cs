using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Batching;
using Jesus.Inference.Engine.Embeddings;
using Jesus.Inference.Engine.Tokenizers;
using Jesus.Inference.Tests.Engine.Batching;
using Jesus.Inference.Tests.Engine.Tokenizers;
using Jesus.Tests.Clocks;
using Jesus.Tests.Memory;

namespace Jesus.Inference.Tests.Engine.Embeddings;

/// <summary>Texts beside answers in the engine's loop, without its thread.</summary>
public sealed class EmbeddingLaneTests(ITestOutputHelper output) : IDisposable
{
    private static readonly Tokenizer Bytes = TokenizerSamples.Bytes();
    private readonly FakeBackend _backend = new(vocabulary: 257);
    private readonly ManualTime _time = new();

    public void Dispose() => _backend.Dispose();

    [Fact]
    public void A_running_answer_gets_a_token_from_every_pass_while_texts_are_read()
    {
        var loop = Loop(_backend, new BatchLimits { StepRowsMax = 32, PrefillRowsBesideDecode = 8, Speculates = false });
        var running = Prompt("a", 400);
        loop.Accept(running);
        Assert.True(loop.Step());
        var call = Texts(100, 50, 3);
        loop.Accept(call);
        for (var before = running.OutputTokens; call.TextsDone < 3; before = running.OutputTokens)
        {
            Assert.True(loop.Step());
            Assert.Equal(before + 1, running.OutputTokens);
            Assert.InRange(_backend.Passes[^1], 2, 9);
        }

        Assert.True(call.WaitAsync().IsCompletedSuccessfully);
        Assert.True(call.Error.IsNone);
        Assert.Equal(153, call.TokensDone);
    }

    [Fact]
    public void Texts_and_prompts_share_a_passes_rows()
    {
        var loop = Loop(_backend, new BatchLimits { StepRowsMax = 32 });
        loop.Accept(Prompt(new string('x', 300), 1));
        var call = Texts(300);
        loop.Accept(call);
        Assert.True(loop.Step());
        Assert.Equal((32, 16), (_backend.Passes[^1], call.TokensDone));
    }

    [Fact]
    public void A_single_row_beside_answers_goes_to_texts_and_prompts_in_turn()
    {
        var loop = Loop(_backend, new BatchLimits { StepRowsMax = 32, PrefillRowsBesideDecode = 1, Speculates = false });
        loop.Accept(Prompt("a", 400));
        Assert.True(loop.Step());
        var prompt = Prompt(new string('x', 40), 1);
        var call = Texts(40);
        loop.Accept(prompt);
        loop.Accept(call);
        for (var i = 0; i < 200 && (call.TextsDone == 0 || prompt.OutputTokens == 0); i++)
        {
            Assert.True(loop.Step());
        }

        Assert.Equal((1, 1), (call.TextsDone, prompt.OutputTokens));
    }

    [Fact]
    public void One_query_does_not_wait_for_a_whole_library()
    {
        var loop = Loop(_backend, new BatchLimits { StepRowsMax = 32 });
        var library = Texts([.. Enumerable.Repeat(20, 500)]);
        loop.Accept(library);
        Assert.True(loop.Step());
        var query = Texts(10);
        loop.Accept(query);
        Assert.True(loop.Step());
        Assert.Equal(1, query.TextsDone);
        Assert.InRange(library.TextsDone, 1, 3);
    }

    [Fact]
    public void A_cancelled_call_ends_before_the_next_pass_and_gives_its_blocks_back()
    {
        var loop = Loop(_backend, new BatchLimits { StepRowsMax = 16 });
        var call = Texts(100, 100);
        loop.Accept(call);
        Assert.True(loop.Step());
        var passes = _backend.Passes.Count;
        call.RequestCancel();
        Assert.False(loop.Step());
        Assert.Equal((passes, 0, ErrorCause.Cancelled, 16), (_backend.Passes.Count, loop.KvBlocksUsed, call.Error.Cause, call.TokensDone));
        Assert.True(call.WaitAsync().IsCompletedSuccessfully);
        Assert.False(loop.HasWork);
    }

    [Fact]
    public void A_deadline_ends_a_call_and_says_how_far_it_came()
    {
        var loop = Loop(_backend, new BatchLimits { StepRowsMax = 16 });
        var call = Texts(10, 100);
        call.Deadline = Deadline.After(_time, TimeSpan.FromSeconds(1));
        loop.Accept(call);
        Assert.True(loop.Step());
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(loop.Step());
        Assert.Equal(ErrorCause.FirstTokenTimeout, call.Error.Cause);
        Assert.Contains("after 1 of 2 texts", call.Error.Message, StringComparison.Ordinal);
        Assert.Equal(0, loop.KvBlocksUsed);
    }

    [Fact]
    public void A_failed_pass_ends_texts_with_its_words_and_loses_no_blocks()
    {
        var loop = Loop(_backend, new BatchLimits { StepRowsMax = 64 });
        var call = Texts(10, 10, 100);
        loop.Accept(call);
        _backend.BeforeForward = _ => throw new Jesus.Inference.Engine.Backends.BackendException("broken");
        Assert.True(loop.Step());
        Assert.Contains("broken", call.Error.Message, StringComparison.Ordinal);
        Assert.Equal(0, loop.KvBlocksUsed);
    }

    [Fact]
    public void A_vector_that_is_no_number_names_the_layer()
    {
        var loop = Loop(_backend);
        var call = Texts(10);
        loop.Accept(call);
        _backend.BeforeForward = batch => batch.Hidden(0)[3] = float.NaN;
        _backend.NotFiniteFrom = (_, sequence) => sequence == 0 ? 0 : null;
        Assert.True(loop.Step());
        Assert.Contains("text 0 is not made of numbers, from layer 0 of 1 on", call.Error.Message, StringComparison.Ordinal);
    }

    /// <summary>Answers and texts that together want more blocks than there are, with cancels and pauses: all end, and nothing is kept.</summary>
    [Fact]
    public void In_a_storm_over_few_blocks_all_answers_and_all_texts_come_to_their_ends()
    {
        var seed = TestSeed.Next(output);
        var random = new Random(seed);
        for (var round = 0; round < 200; round++)
        {
            using var backend = new FakeBackend(257, context: 256, kvBlocks: 16 + random.Next(8), rowsMax: 48);
            var loop = Loop(backend, new BatchLimits { StepRowsMax = 16 + random.Next(32), SequencesMax = 1 + random.Next(6), Speculates = random.Next(2) == 0 });
            var (answers, calls) = (new List<(Generation Generation, char First)>(), new List<EmbeddingCall>());
            for (var step = 0; step < 5_000 && (loop.HasWork || step < 40); step++)
            {
                if (step < 40 && random.Next(4) == 0)
                {
                    var first = (char)('a' + random.Next(20));
                    var generation = Prompt(new string(first, 1 + random.Next(120)), 1 + random.Next(60));
                    generation.Priority = random.Next(3);
                    answers.Add((generation, first));
                    loop.Accept(generation);
                }

                if (step < 40 && random.Next(4) == 0)
                {
                    var call = Texts([.. Enumerable.Range(0, 1 + random.Next(5)).Select(_ => 1 + random.Next(256))]);
                    call.Priority = random.Next(3);
                    calls.Add(call);
                    loop.Accept(call);
                }

                if (calls.Count > 0 && random.Next(30) == 0)
                {
                    calls[random.Next(calls.Count)].RequestCancel();
                }

                if (answers.Count > 0 && random.Next(10) == 0)
                {
                    var held = answers[random.Next(answers.Count)].Generation;
                    held.Hold = step < 100 && random.Next(2) == 0 ? Hold.Paused : Hold.None;
                }

                if (step == 100)
                {
                    answers.ForEach(answer => answer.Generation.Hold = Hold.None);
                }

                _ = loop.Step();
                _time.Advance(TimeSpan.FromMilliseconds(10));
            }

            Assert.True(!loop.HasWork, $"round {round}: something never ended");
            Assert.Equal(0, loop.KvBlocksUsed);
            Assert.All(calls, call => Assert.True(call.Error.Cause == ErrorCause.Cancelled || (call.Error.IsNone && call.TextsDone == call.Count)));
            Assert.All(answers, answer => Assert.Equal(FinishReason.Length, answer.Generation.Reason));
        }
    }

    [Fact]
    public void Texts_allocate_nothing_in_the_steady_state()
    {
        var loop = Loop(_backend, new BatchLimits { StepRowsMax = 64 });
        var call = new EmbeddingCall();
        var tokens = Enumerable.Range(0, 100).ToArray();
        _backend.Passes.Capacity = 100_000;
        var allocated = Allocation.LeastOf(() =>
        {
            for (var round = 0; round < 20; round++)
            {
                call.Reset();
                for (var i = 0; i < 30; i++)
                {
                    call.Tokens.Add(tokens.AsSpan(0, 10 + (i * 3)));
                    call.EndText();
                }

                loop.Accept(call);
                while (loop.HasWork)
                {
                    _ = loop.Step();
                }
            }
        });
        Assert.Equal(0, allocated);
    }

    private StepLoop Loop(FakeBackend backend, BatchLimits? limits = null) => new(backend, Bytes, limits ?? new BatchLimits(), _time);

    private static EmbeddingCall Texts(params int[] lengths)
    {
        var call = new EmbeddingCall();
        foreach (var length in lengths)
        {
            for (var i = 0; i < length; i++)
            {
                call.Tokens.Add(i % 200);
            }

            call.EndText();
        }

        return call;
    }

    private static Generation Prompt(string text, int tokens)
    {
        var generation = new Generation { OutputTokensMax = tokens };
        Bytes.Encode(System.Text.Encoding.UTF8.GetBytes(text), false, generation.Prompt);
        return generation;
    }
}
