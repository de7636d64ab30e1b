using System.Text;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Batching;
using Jesus.Inference.Engine.Tokenizers;
using Jesus.Inference.Tests.Engine.Tokenizers;
using Jesus.Tests.Clocks;
using Jesus.Transport.Buffers;

namespace Jesus.Inference.Tests.Engine.Batching;

/// <summary>Answers that another engine goes on with, on a model that says what it is told: every piece of every answer is a place to be lost at.</summary>
public sealed class ContinuationTests(ITestOutputHelper output)
{
    private const string Call = "<tool_call>\n{\"name\":\"f\",\"arguments\":{\"a\":\"<é\"}}\n</tool_call>";

    /// <summary>Texts of which answers are made: characters of one to four bytes, what begins like stops and calls, whole calls and broken ones.</summary>
    private static readonly string[] Texts =
        ["a", "b", "ab", "é", "€", "🙂", "hello", "sto", "stop", "st€p", "<", "<tool", "<tool_call", Call, Call + " \n", "<tool_call>{\"name\":\"g\"}</tool_call>", "{\"x\":", "\n", " "];

    private static readonly string[] Stops = ["stop", "topab", "€p", "b<", "🙂a", "\n\n", "é€"];
    private static readonly Tokenizer Tokens = TokenizerSamples.Load(
        TokenizerSamples.Gpt2("gpt-2", ["a b", "s t", "o p", "l l"], ["<|im_end|>", "<tool_call>", "</tool_call>"], ["aé", "hello", "\"}}"]).Add("tokenizer.ggml.eos_token_id", (uint)EndToken));

    private const int EndToken = 256 + 4 + 3;
    private const int Prompt = 3;

    [Fact]
    public void An_answer_lost_after_any_piece_goes_on_with_the_next()
    {
        var dice = new Random(TestSeed.Next(output));
        var (cuts, repeated, overAtOnce) = (0, 0, 0);
        for (var round = 0; round < 120; round++)
        {
            var script = Script(dice);
            var stops = dice.Next(2) == 0 ? [] : Enumerable.Range(0, dice.Next(1, 4)).Select(_ => Stops[dice.Next(Stops.Length)]).ToArray();
            var (calls, max) = (dice.Next(2) == 0, dice.Next(2) == 0 ? script.Length + 10 : dice.Next(1, script.Length + 1));
            var (whole, events) = Run(script, stops, calls, max, []);
            var pieces = LostAnswer.Pieces(events).Count;
            for (var shown = 0; shown <= pieces - (whole.Error.IsNone ? 1 : 0); shown++)
            {
                var lost = new LostAnswer(events, shown);
                var (rest, more) = Run(script, stops, calls, max, lost.Ids);
                var what = $"round {round}, cut after {shown} of {pieces}";
                lost.AssertContinuedBy(more, what);
                Assert.True((whole.Reason, whole.Error) == (rest.Reason, rest.Error), $"{what}: ended {rest.Reason} {rest.Error.Message}, not {whole.Reason} {whole.Error.Message}");
                Assert.True(whole.OutputTokens == lost.Ids.Length + rest.OutputTokens, $"{what}: {lost.Ids.Length} and {rest.OutputTokens} tokens, not {whole.OutputTokens}");
                (cuts, repeated, overAtOnce) = (cuts + 1, repeated + (lost.Repeated > 0 ? 1 : 0), overAtOnce + (rest.OutputTokens == 0 ? 1 : 0));
            }
        }

        output.WriteLine($"{cuts} cuts, {repeated} inside of what a token says, {overAtOnce} where only the end was missing");
        Assert.True(repeated > 0 && overAtOnce > 0, "the answers are too plain to say anything");
    }

    [Fact]
    public void Tokens_of_an_answer_that_has_as_many_as_were_asked_for_end_it_without_a_pass()
    {
        var backend = new FakeBackend(Tokens.Vocabulary.Count);
        var generation = new Generation { OutputTokensMax = 2, ShownCount = 2 };
        generation.Prompt.Add([1, 'a', 'b']);
        var loop = new StepLoop(backend, Tokens, new BatchLimits(), new ManualTime());
        Assert.True(AdmissionRules.Check(generation, new BatchLimits(), loop.ContextTokens, Tokens.Vocabulary.Count).IsNone);
        loop.Accept(generation);
        Assert.False(loop.Step());
        Assert.True(generation.Answer.WaitAsync().IsCompleted);
        Assert.Equal((FinishReason.Length, 0, 0), (generation.Reason, generation.OutputTokens, backend.Passes.Count));
        Assert.Equal(0, loop.KvBlocksUsed);
    }

    [Fact]
    public void More_shown_tokens_than_were_asked_for_or_than_the_context_holds_are_refused()
    {
        var generation = new Generation { OutputTokensMax = 2, ShownCount = 3 };
        generation.Prompt.Add([1, 2, 3, 4]);
        Assert.Equal("max_tokens", AdmissionRules.Check(generation, new BatchLimits(), 64, 257).Param);
        generation.OutputTokensMax = 0;
        Assert.Equal(ErrorCause.ContextTooSmall, AdmissionRules.Check(generation, new BatchLimits(), 3, 257).Cause);
        Assert.True(AdmissionRules.Check(generation, new BatchLimits(), 4, 257).IsNone);
        generation.Choices = 2;
        Assert.Equal("n", AdmissionRules.Check(generation, new BatchLimits(), 64, 257).Param);
    }

    private static int[] Script(Random dice)
    {
        var script = new List<int>();
        for (var i = dice.Next(1, 12); i > 0; i--)
        {
            var text = dice.Next(12) == 0 ? [(byte)dice.Next(256)] : Encoding.UTF8.GetBytes(Texts[dice.Next(Texts.Length)]);
            var ids = new TokenBuffer();
            Tokens.Encode(text, parseSpecial: dice.Next(2) == 0, ids);
            script.AddRange(ids.Span);
        }

        return [.. script.Take(150), EndToken];
    }

    private static (Generation Generation, List<ModelEvent> Events) Run(int[] script, string[] stops, bool calls, int max, int[] shown)
    {
        using var backend = new FakeBackend(Tokens.Vocabulary.Count) { Next = (_, position) => script[Math.Min(position - Prompt + 1, script.Length - 1)] };
        var loop = new StepLoop(backend, Tokens, new BatchLimits(), new ManualTime());
        var generation = new Generation { OutputTokensMax = max, ShownCount = shown.Length, ParsesCalls = calls, WantsLogProbs = true };
        generation.Prompt.Add([.. Enumerable.Repeat(1, Prompt), .. shown]);
        generation.Stops.AddRange(stops.Select(stop => new Utf8Slice(Encoding.UTF8.GetBytes(stop))));
        Assert.Equal("", AdmissionRules.Check(generation, new BatchLimits(), loop.ContextTokens, Tokens.Vocabulary.Count).Message ?? "");
        loop.Accept(generation);
        var events = new List<ModelEvent>();
        for (var i = 0; loop.HasWork; i++)
        {
            Assert.True(i < 1_000, "the loop does not come to an end");
            _ = loop.Step();
            var page = generation.Answer.Take();
            for (var k = 0; k < page.EventCount; k++)
            {
                events.Add(Kept(page[k]));
            }
        }

        return (generation, events);
    }

    private static ModelEvent Kept(in ModelEvent item) =>
        item with { Utf8 = item.Utf8.ToArray(), Tokens = new TokenSpan(item.Tokens.Ids.ToArray(), item.Tokens.LogProbs.ToArray()) };
}
