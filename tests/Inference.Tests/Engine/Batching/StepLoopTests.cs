using System.Text;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Batching;
using Jesus.Inference.Engine.Hosting;
using Jesus.Inference.Engine.Tokenizers;
using Jesus.Inference.Engine.ToolCalls;
using Jesus.Inference.Tests.Engine.Tokenizers;
using Jesus.Tests.Clocks;
using Jesus.Tests.Memory;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Tests.Engine.Batching;

/// <summary>The engine's loop without its thread, on a model that counts up: after "a" comes "bcd...".</summary>
public sealed class StepLoopTests : IDisposable
{
    private const int EndToken = 256;
    private static readonly Tokenizer Bytes = TokenizerSamples.Load(
        TokenizerSamples.Gpt2("gpt-2", [], ["<|im_end|>"]).Add("tokenizer.ggml.eos_token_id", (uint)EndToken));

    private readonly FakeBackend _backend = new(vocabulary: 257);
    private readonly ManualTime _time = new();

    public void Dispose() => _backend.Dispose();

    [Fact]
    public void An_answer_ends_at_its_token_limit()
    {
        var generation = Prompt("a", tokens: 4);
        var events = Run(Loop(), generation);
        Assert.Equal("bcde", Text(events));
        Assert.Equal((FinishReason.Length, 4), (generation.Reason, generation.OutputTokens));
        Assert.Equal([EventKind.Started, EventKind.Finished], [events[0].Kind, events[^1].Kind]);
        Assert.Equal(FinishReason.Length, events[^1].Reason);
    }

    [Fact]
    public void An_answer_whose_prompt_is_long_says_each_second_that_it_is_worked_on()
    {
        _backend.BeforeForward = _ => _time.Advance(TimeSpan.FromMilliseconds(400));
        var loop = Loop(new BatchLimits { StepRowsMax = 10 });
        var generation = Prompt(new string('a', 101), tokens: 3);
        loop.Accept(generation);
        var events = new List<ModelEvent>();
        while (loop.HasWork)
        {
            _ = loop.Step();
            events.AddRange(Drain(generation));
        }

        // Eleven passes of 0.4 s read the prompt; the first came with the start, and the third after any sign with the next one.
        Assert.Equal(3, events.Count(item => item.Kind == EventKind.Working));
        Assert.Equal("bcd", Text(events));
        Assert.True(events.FindLastIndex(item => item.Kind == EventKind.Working) < events.FindIndex(item => item.Kind == EventKind.Text));
    }

    [Fact]
    public void An_end_token_ends_the_answer_and_is_no_text()
    {
        _backend.Next = (token, _) => token == 'c' ? EndToken : token + 1;
        var generation = Prompt("a", tokens: 100);
        Assert.Equal("bc", Text(Run(Loop(), generation)));
        Assert.Equal((FinishReason.Stop, 3), (generation.Reason, generation.OutputTokens));
    }

    [Fact]
    public void A_stop_string_across_tokens_ends_the_answer_before_itself()
    {
        var generation = Prompt("a", tokens: 100);
        generation.Stops.Add(new Utf8Slice("def"u8.ToArray()));
        var events = Run(Loop(), generation);
        Assert.Equal("bc", Text(events));
        Assert.Equal((FinishReason.StopSequence, 5), (generation.Reason, generation.OutputTokens));
        Assert.Equal("def", Encoding.UTF8.GetString(events[^1].Utf8.Span));
    }

    [Fact]
    public void A_character_of_several_tokens_comes_out_whole()
    {
        var euro = Encoding.UTF8.GetBytes("€!");
        _backend.Next = (_, position) => position < euro.Length ? euro[position] : EndToken;
        var events = Run(Loop(), Prompt("a", tokens: 100));
        Assert.All(events.Where(item => item.Kind == EventKind.Text), item => Assert.DoesNotContain('\uFFFD', Encoding.UTF8.GetString(item.Utf8.Span)));
        Assert.Equal("€!", Text(events));
    }

    [Fact]
    public void Tokens_of_reasoning_are_counted_with_their_marks_also_of_answers_that_never_come_out_of_it()
    {
        var said = "<think>hm</think>ok"u8.ToArray();
        _backend.Next = (_, position) => position < said.Length ? said[position] : EndToken;
        foreach (var (limit, reasoning) in new[] { (100, "hm</think>".Length + 1), (8, 2), (3, 0) })
        {
            var generation = Prompt("a", tokens: limit);
            generation.Form = new AnswerForm(ToolCallForm.Hermes, ReasoningForm.Think);
            _ = Run(Loop(), generation);
            Assert.Equal((reasoning, Math.Min(limit, said.Length + 1)), (generation.ReasoningTokens, generation.OutputTokens));
        }
    }

    [Fact]
    public void Every_token_of_an_answer_is_named_in_some_event()
    {
        var euro = Encoding.UTF8.GetBytes("€!");
        _backend.Next = (_, position) => position < euro.Length ? euro[position] : EndToken;
        var events = Run(Loop(), Prompt("a", tokens: 100));
        Assert.Equal(euro.Select(value => (int)value), events.SelectMany(item => item.Tokens.Ids.ToArray()));
    }

    [Fact]
    public void A_long_prompt_is_read_in_chunks_and_a_running_answer_gets_a_token_from_every_pass()
    {
        var loop = Loop(new BatchLimits { StepRowsMax = 16, PrefillRowsBesideDecode = 8 });
        var running = Prompt("a", tokens: 200);
        loop.Accept(running);
        Assert.True(loop.Step());
        var later = Prompt(new string('x', 100), tokens: 3);
        loop.Accept(later);
        for (var before = running.OutputTokens; later.OutputTokens == 0; before = running.OutputTokens)
        {
            Assert.True(loop.Step());
            Assert.Equal(before + 1, running.OutputTokens);
        }

        Assert.Equal(13, _backend.Passes.Count(rows => rows is > 1 and <= 9));
    }

    [Fact]
    public void Answers_computed_together_are_those_computed_alone()
    {
        var loop = Loop();
        var generations = Enumerable.Range(0, 10).Select(i => Prompt(new string((char)('a' + i), 1 + (i * 7)), tokens: 5 + i)).ToArray();
        foreach (var generation in generations)
        {
            loop.Accept(generation);
        }

        RunAll(loop);
        for (var i = 0; i < generations.Length; i++)
        {
            var expected = string.Concat(Enumerable.Range(1, 5 + i).Select(step => (char)('a' + i + step)));
            Assert.Equal(expected, Text(Drain(generations[i])));
        }
    }

    [Fact]
    public void Several_choices_of_one_prompt_are_numbered_and_the_answer_completes_once()
    {
        var generation = Prompt("a", tokens: 3);
        generation.Choices = 3;
        var events = Run(Loop(), generation);
        Assert.Equal(["bcd", "bcd", "bcd"], Enumerable.Range(0, 3).Select(choice => Text(events, choice)));
        Assert.Equal(3, events.Count(item => item.Kind == EventKind.Finished));
        Assert.Equal(9, generation.OutputTokens);
    }

    [Fact]
    public void A_cancelled_answer_ends_before_the_next_pass_and_gives_its_blocks_back()
    {
        var loop = Loop();
        var generation = Prompt("a", tokens: 100);
        loop.Accept(generation);
        Assert.True(loop.Step());
        var passes = _backend.Passes.Count;
        generation.RequestCancel();
        Assert.False(loop.Step());
        Assert.Equal(passes, _backend.Passes.Count);
        Assert.Equal((ErrorCause.Cancelled, FinishReason.Cancelled), (generation.Error.Cause, generation.Reason));
        Assert.Equal(0, loop.KvBlocksUsed);
        Assert.DoesNotContain(Drain(generation), item => item.Kind == EventKind.Finished);
        Assert.True(generation.Answer.IsDrained);
    }

    [Fact]
    public void A_deadline_ends_a_waiting_call_as_no_first_token_and_a_running_one_as_stalled()
    {
        var loop = Loop(new BatchLimits { SequencesMax = 1 });
        var running = Prompt("a", tokens: 1000);
        var waiting = Prompt("b", tokens: 10);
        running.Deadline = Deadline.After(_time, TimeSpan.FromSeconds(2));
        waiting.Deadline = Deadline.After(_time, TimeSpan.FromSeconds(1));
        loop.Accept(running);
        loop.Accept(waiting);
        Assert.True(loop.Step());
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(loop.Step());
        Assert.Equal(ErrorCause.FirstTokenTimeout, waiting.Error.Cause);
        Assert.True(running.Error.IsNone);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(loop.Step());
        Assert.Equal(ErrorCause.Stalled, running.Error.Cause);
    }

    [Fact]
    public void Logits_that_are_no_numbers_end_the_answer_with_an_error_and_never_as_finished()
    {
        _backend.Peak = float.NaN;
        var generation = Prompt("a", tokens: 10);
        var events = Run(Loop(), generation);
        Assert.Equal(ErrorCause.Internal, generation.Error.Cause);
        Assert.Contains("not numbers", generation.Error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(events, item => item.Kind == EventKind.Finished);
    }

    [Theory]
    [InlineData(-1, "from the token embedding on")]
    [InlineData(0, "from layer 0 of 1 on (blk.0)")]
    [InlineData(1, "from the output on")]
    [InlineData(null, "found none")]
    public void Logits_that_are_no_numbers_are_blamed_on_where_they_began(int? block, string words)
    {
        _backend.Peak = float.NaN;
        _backend.NotFiniteFrom = (batch, sequence) => batch.RowSequences[^1] == sequence ? block : 99;
        var generation = Prompt("a", tokens: 10);
        _ = Run(Loop(), generation);
        Assert.Contains(words, generation.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_forward_pass_that_fails_ends_every_answer_and_the_next_one_works()
    {
        var loop = Loop();
        var first = Prompt("a", tokens: 10);
        _backend.BeforeForward = _ => throw new BackendException("broken on purpose");
        _ = Run(loop, first);
        Assert.Contains("broken on purpose", first.Error.Message, StringComparison.Ordinal);
        _backend.BeforeForward = null;
        Assert.Equal("bc", Text(Run(loop, Prompt("a", tokens: 2))));
    }

    [Fact]
    public void Answers_that_outgrow_the_pool_give_way_to_the_most_urgent_and_end_all_the_same()
    {
        var backend = new FakeBackend(257, kvBlocks: 4);
        var loop = new StepLoop(backend, Bytes, new BatchLimits(), _time);
        var generations = Enumerable.Range(0, 3).Select(i => Prompt(((char)(' ' + i)).ToString(), tokens: 60)).ToArray();
        foreach (var generation in generations)
        {
            loop.Accept(generation);
        }

        RunAll(loop);
        Assert.All(generations, generation => Assert.Equal(60, generation.OutputTokens));
        Assert.True(loop.Counts.Preemptions > 0);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(string.Concat(Enumerable.Range(1, 60).Select(step => (char)(' ' + i + step))), Text(Drain(generations[i])));
        }

        Assert.Equal(0, loop.KvBlocksUsed);
    }

    [Fact]
    public void A_prompt_is_read_in_small_pieces_while_another_engine_answers_and_in_large_ones_after()
    {
        var cores = new CoreShare(2);
        var others = 0;
        cores.Tell(ref others, 1);
        var backend = new FakeBackend(257, rowsMax: 256);
        var loop = new StepLoop(backend, Bytes, new BatchLimits(), _time, cores);
        _ = Run(loop, Prompt(new string('x', 200), tokens: 1));
        Assert.Equal(BatchLimits.PrefillRowsAtFirst, backend.Passes.Max());
        cores.Tell(ref others, 0);
        _ = Run(loop, Prompt(new string('y', 200), tokens: 3));
        Assert.Equal(200, backend.Passes.Max());
        Assert.False(cores.OthersAnswer(0), "an engine without work still says that it answers");
    }

    [Fact]
    public void Named_beginnings_of_prompts_are_told_until_their_blocks_are_forgotten()
    {
        var backend = new FakeBackend(257, kvBlocks: 4);
        var loop = new StepLoop(backend, Bytes, new BatchLimits(), _time);
        var first = Prompt(new string('x', 40), tokens: 2);
        first.PrefixNames.AddRange([new PrefixName(7, 0.5), new PrefixName(8, 0.1), new PrefixName(9, 1)]);
        _ = Run(loop, first);
        Assert.Equal([7UL, 9UL], loop.WarmPrefixes.ToArray());
        var again = Prompt(new string('x', 40), tokens: 2);
        _ = Run(loop, again);
        Assert.Equal((0, 32), (first.CachedTokens, again.CachedTokens));
        _ = Run(loop, Prompt(new string('y', 60), tokens: 2));
        Assert.Empty(loop.WarmPrefixes.ToArray());
    }

    [Fact]
    public void An_answers_start_says_what_the_cache_had_of_its_prompt()
    {
        var loop = Loop();
        Assert.Equal((40, 0), Start(Run(loop, Prompt(new string('x', 40), tokens: 2))));
        Assert.Equal((40, 32), Start(Run(loop, Prompt(new string('x', 40), tokens: 2))));

        static (int Prompt, int Cached) Start(IReadOnlyList<ModelEvent> events) => (events[0].Index, events[0].CachedTokens);
    }

    [Fact]
    public void A_prompt_of_several_choices_is_read_once()
    {
        var generation = Prompt(new string('x', 33), tokens: 2);
        generation.Choices = 4;
        var loop = Loop();
        _ = Run(loop, generation);
        Assert.Equal(0, generation.CachedTokens);
        Assert.Equal(3 * 32, loop.Counts.TokensReused);
    }

    [Fact]
    public void A_held_answer_stands_still_keeps_or_gives_back_its_blocks_and_goes_on()
    {
        var loop = Loop();
        var generation = Prompt("a", tokens: 4);
        loop.Accept(generation);
        Assert.True(loop.Step());
        generation.Hold = Hold.Paused;
        Assert.False(loop.Step());
        Assert.Equal(1, loop.KvBlocksUsed);
        generation.Hold = Hold.Evicted;
        Assert.False(loop.Step());
        Assert.Equal((0, 1), (loop.KvBlocksUsed, generation.OutputTokens));
        generation.Hold = Hold.None;
        RunAll(loop);
        Assert.Equal("bcde", Text(Drain(generation)));
    }

    [Fact]
    public void A_call_of_an_urgent_lane_takes_the_place_of_one_that_came_first_and_both_are_answered()
    {
        var loop = Loop(new BatchLimits { SequencesMax = 1 });
        var batch = Prompt("a", tokens: 6);
        batch.Priority = 2;
        loop.Accept(batch);
        Assert.True(loop.Step());
        var urgent = Prompt("A", tokens: 3);
        loop.Accept(urgent);
        while (urgent.OutputTokens < 3)
        {
            Assert.True(loop.Step());
            Assert.Equal(1, batch.OutputTokens);
        }

        RunAll(loop);
        Assert.Equal(("BCD", "bcdefg"), (Text(Drain(urgent)), Text(Drain(batch))));
    }

    [Fact]
    public void An_answer_whose_reader_is_behind_pauses_and_goes_on_when_it_is_read()
    {
        var loop = Loop();
        var generation = Prompt("a", tokens: 3000);
        loop.Accept(generation);
        var steps = 0;
        while (loop.Step())
        {
            steps++;
        }

        Assert.InRange(steps, 100, BatchLimits.UnreadEventsMax + 8);
        Assert.True(loop.HasWork);
        var events = Drain(generation);
        while (loop.HasWork)
        {
            _ = loop.Step();
            events.AddRange(Drain(generation));
        }

        Assert.Equal(3000, events.Sum(item => item.Tokens.Ids.Length));
    }

    [Fact]
    public void Tokens_already_shown_are_continued_after_and_not_shown_again()
    {
        var generation = Prompt("abcd", tokens: 5);
        generation.ShownCount = 3;
        Assert.Equal("ef", Text(Run(Loop(), generation)));
        Assert.Equal(2, generation.OutputTokens);
    }

    [Fact]
    public void A_prompt_that_fills_the_context_is_refused_with_both_lengths()
    {
        var generation = Prompt(new string('x', 64), tokens: 0);
        var error = AdmissionRules.Check(generation, new BatchLimits(), contextTokens: 64, vocabularyCount: 257);
        Assert.Equal(ErrorCause.ContextTooSmall, error.Cause);
        Assert.Contains("64 tokens", error.Message, StringComparison.Ordinal);
        Assert.Contains("holds 64", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_limit_the_answer_may_fill_the_context()
    {
        var generation = Prompt("abc", tokens: 0);
        Assert.True(AdmissionRules.Check(generation, new BatchLimits(), contextTokens: 64, vocabularyCount: 257).IsNone);
        Assert.Equal(61, generation.OutputTokensMax);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(17, 1)]
    [InlineData(1, 17)]
    public void Too_many_choices_or_stop_strings_are_refused_by_field(int choices, int stops)
    {
        var generation = Prompt("a", tokens: 1);
        generation.Choices = choices;
        generation.Stops.AddRange(Enumerable.Range(0, stops).Select(_ => new Utf8Slice("x"u8.ToArray())));
        var error = AdmissionRules.Check(generation, new BatchLimits(), 64, 257);
        Assert.Equal(choices == 1 ? "stop" : "n", error.Param);
    }

    [Theory]
    [InlineData(false, 500, 250)]
    [InlineData(true, 280, 40)]
    public void A_step_costs_no_allocation_once_warm(bool speculates, int warmUp, int steps)
    {
        var loop = Loop(new BatchLimits { Speculates = speculates });
        var generation = Prompt("a", tokens: 4000);
        loop.Accept(generation);
        Walk(warmUp);
        _backend.Passes.Capacity = 4096;
        var least = Allocation.LeastOf(() => Walk(steps));
        Assert.Equal(speculates, loop.Counts.DraftsAccepted > 0);
        Assert.Equal(0, least);

        void Walk(int count)
        {
            for (var i = 0; i < count; i++)
            {
                Assert.True(loop.Step());
                _ = generation.Answer.Take();
            }
        }
    }

    private StepLoop Loop(BatchLimits? limits = null) => new(_backend, Bytes, limits ?? new BatchLimits(), _time);

    private static Generation Prompt(string text, int tokens)
    {
        var generation = new Generation { OutputTokensMax = tokens };
        Bytes.Encode(Encoding.UTF8.GetBytes(text), parseSpecial: false, generation.Prompt);
        return generation;
    }

    private static List<ModelEvent> Run(StepLoop loop, Generation generation)
    {
        loop.Accept(generation);
        RunAll(loop);
        return Drain(generation);
    }

    private static void RunAll(StepLoop loop)
    {
        for (var i = 0; loop.HasWork; i++)
        {
            Assert.True(i < 10_000, "the loop does not come to an end");
            _ = loop.Step();
        }
    }

    private static List<ModelEvent> Drain(Generation generation)
    {
        var page = generation.Answer.Take();
        var events = new List<ModelEvent>();
        for (var i = 0; i < page.EventCount; i++)
        {
            var item = page[i];
            events.Add(item with { Utf8 = item.Utf8.ToArray(), Tokens = new TokenSpan(item.Tokens.Ids.ToArray(), item.Tokens.LogProbs.ToArray()) });
        }

        return events;
    }

    private static string Text(List<ModelEvent> events, int choice = 0) =>
        Encoding.UTF8.GetString([.. events.Where(item => item.Kind == EventKind.Text && item.Choice == choice).SelectMany(item => item.Utf8.ToArray())]);
}
