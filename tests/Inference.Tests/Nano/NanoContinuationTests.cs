using System.Text;
using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Inference.Tests.Adapters.Local;
using Jesus.Inference.Tests.Engine.Batching;

namespace Jesus.Inference.Tests.Nano;

/// <summary>
/// Answers of the demonstration model that a second engine, with its own memory and threads, goes on with after a random piece: free, constrained and calling
/// tools, greedy and drawn, with penalties, stops and limits. Many run at once on both.
/// </summary>
public sealed class NanoContinuationTests(NanoHost first, NanoContinuationTests.SecondHost second, ITestOutputHelper output)
    : IClassFixture<NanoHost>, IClassFixture<NanoContinuationTests.SecondHost>
{
    private const int Answers = 90;
    private const int CutsEach = 4;
    private const int Together = 8;

    private static readonly string[] Questions = ["Hello", "Tell me of yourself", "Write something", "What can you do?", "Grüße, wie geht's? €🙂"];

    [Fact]
    public async Task An_answer_cut_anywhere_goes_on_elsewhere_token_for_token()
    {
        _ = await first.LoadAsync();
        _ = await second.Host.LoadAsync();
        var cases = File.ReadLines(TestData.Eval("heldout.jsonl")).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        var seed = TestSeed.Next(output);
        var (cuts, pieces, tokens) = (0, 0, 0);
        await Parallel.ForAsync(0, Answers, new ParallelOptions { MaxDegreeOfParallelism = Together }, async (i, _) =>
        {
            var dice = new Random(seed + i);
            var ask = Asking(dice, cases);
            var uncut = new RecordingSink();
            var whole = await first.Adapter.CallAsync(ask(), uncut, CancellationToken.None);
            Assert.True(whole.Succeeded || whole.Error.Cause == ErrorCause.Malformed, whole.Error.Message);
            var count = LostAnswer.Pieces(uncut.Events).Count - (whole.Succeeded ? 1 : 0);
            for (var cut = 0; cut < CutsEach; cut++)
            {
                var lost = new LostAnswer(uncut.Events, dice.Next(count + 1));
                var request = ask();
                request.ShownTokens = lost.Ids;
                var (sink, what) = (new RecordingSink(), $"seed {seed}, answer {i}, {lost.Ids.Length} tokens shown");
                var rest = await (dice.Next(4) == 0 ? first : second.Host).Adapter.CallAsync(request, sink, CancellationToken.None);
                lost.AssertContinuedBy(sink.Events, what);
                Assert.True((whole.Reason, whole.Error, whole.Numerics) == (rest.Reason, rest.Error, rest.Numerics), $"{what}: {rest.Reason} {rest.Error.Message}");
                Assert.True(whole.Usage.OutputTokens == lost.Ids.Length + rest.Usage.OutputTokens, what);
                Assert.True(whole.Usage.InputTokens + lost.Ids.Length == rest.Usage.InputTokens, what);
                Interlocked.Increment(ref cuts);
                Interlocked.Add(ref tokens, lost.Ids.Length);
            }

            Interlocked.Add(ref pieces, count);
        });
        output.WriteLine($"{Answers} answers of {pieces} pieces, {cuts} cuts after {tokens} tokens");
    }

    [Fact]
    public async Task A_call_without_a_seed_is_drawn_by_the_calls_own()
    {
        _ = await first.LoadAsync();
        var texts = new List<string>();
        foreach (var seed in new ulong?[] { 5, 5, 6 })
        {
            var request = Request("Write something");
            (request.Sampling, request.CallSeed, request.MaxOutputTokens) = (new Sampling { Temperature = 2 }, seed, 30);
            var sink = new RecordingSink();
            Assert.True((await first.Adapter.CallAsync(request, sink, CancellationToken.None)).Succeeded);
            texts.Add(sink.Text());
        }

        Assert.Equal(texts[0], texts[1]);
        Assert.NotEqual(texts[0], texts[2]);
    }

    [Fact]
    public async Task Engines_of_one_file_say_that_they_compute_alike_and_one_without_the_model_says_nothing()
    {
        _ = await first.LoadAsync();
        _ = await second.Host.LoadAsync();
        var (one, two) = (first.Adapter.Capacity(new ModelKey("jesus-nano")), second.Host.Adapter.Capacity(new ModelKey("jesus-nano")));
        Assert.False(one.Numerics.IsUnknown);
        Assert.Equal(one.Numerics, two.Numerics);
        Assert.True(first.Adapter.Capacity(new ModelKey("another")).Numerics.IsUnknown);
    }

    /// <summary>A question that can be asked again and again.</summary>
    private static Func<ModelRequest> Asking(Random dice, JsonElement[] cases)
    {
        var item = cases[dice.Next(cases.Length)];
        var (kind, question) = (dice.Next(4), Questions[dice.Next(Questions.Length)]);
        var max = dice.Next(3) == 0 ? dice.Next(1, 30) : dice.Next(30, 120);
        var sampling = SamplingOf(dice);
        string[] stops = dice.Next(3) > 0 ? [] : [Letters(dice), Letters(dice), "\",\"", "e "];
        var logProbs = dice.Next(2) - 1;
        return () =>
        {
            var request = kind == 0 ? Request(question) : ChatJson.Request(item);
            if (kind == 1)
            {
                request.Constraint.Reset();
            }

            (request.MaxOutputTokens, request.Sampling, request.TopLogProbs) = (max, sampling, logProbs);
            request.Stops.AddRange(stops.Select(stop => request.Text.Copy(stop)));
            return request;
        };
    }

    private static Sampling SamplingOf(Random dice)
    {
        var (frequency, presence) = dice.Next(3) == 0 ? (dice.NextSingle() * 2, dice.NextSingle() * 2) : (0, 0);
        var sampling = new Sampling { FrequencyPenalty = frequency, PresencePenalty = presence };
        return dice.Next(3) == 0 ? sampling : sampling with
        {
            Temperature = 0.5f + (dice.NextSingle() * 1.5f),
            TopK = dice.Next(2) == 0 ? 0 : dice.Next(2, 60),
            TopP = dice.Next(2) == 0 ? 0 : 0.5f + (dice.NextSingle() / 2),
            MinP = dice.Next(3) == 0 ? 0.02f : 0,
            Seed = (ulong)dice.NextInt64(),
        };
    }

    /// <summary>Two letters: soon met, and every one of them might be the beginning.</summary>
    private static string Letters(Random dice) => Encoding.ASCII.GetString([(byte)('a' + dice.Next(26)), (byte)('a' + dice.Next(26))]);

    private static ModelRequest Request(string question)
    {
        var request = new ModelRequest();
        request.Model = request.Text.Copy("jesus-nano"u8);
        request.Turns.Add(TurnRole.User, request.Text.Copy(question));
        return request;
    }

    /// <summary>Another box with the same file.</summary>
    public sealed class SecondHost : IDisposable
    {
        internal NanoHost Host { get; } = new();

        public void Dispose() => Host.Dispose();
    }
}
