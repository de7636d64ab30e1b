using System.Text;
using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Inference.Engine;
using Jesus.Inference.Engine.Backends;
using Jesus.Inference.Engine.Batching;
using Jesus.Inference.Engine.Gguf;
using Jesus.Inference.Engine.ToolCalls;
using Jesus.Inference.Tests.Engine.Backends;
using Jesus.Inference.Tests.Engine.Gguf;
using Jesus.Tests.Clocks;

namespace Jesus.Inference.Tests.Nano;

/// <summary>
/// A request's tokens and log probabilities depend on nothing but the request: not on who is computed beside it, on threads, chunks, a warm or a cold cache, guesses,
/// a draft model's among them, or on having been paused or evicted in between. Answers of the demonstration model, free and constrained, greedy and drawn, alone and then in random company.
/// </summary>
public sealed class BatchInvarianceTests(NanoHost host, ITestOutputHelper output) : IClassFixture<NanoHost>
{
    private const int Cases = 64;
    private const int Mixes = 10;
    private const int Together = 16;

    [Theory]
    [InlineData(KvElementType.F16)]
    [InlineData(KvElementType.Q8_0)]
    public async Task A_request_has_the_same_answer_in_any_company(KvElementType kvType)
    {
        var model = await host.LoadAsync();
        Assert.SkipWhen(kvType == KvElementType.Q8_0 && model.Backend.Shape.HeadDim % 32 != 0, "the demonstration model's heads are no multiple of 32 wide");
        var seed = TestSeed.Next(output);
        var dice = new Random(seed);
        var held = File.ReadLines(TestData.Eval("heldout.jsonl")).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        var asks = Enumerable.Range(0, Cases).Select(_ => Asking(dice, held)).ToArray();
        using var plain = Load(threads: 1, blocks: 512, kvType);
        var alone = asks.Select(ask => Alone(model, plain, ask)).ToArray();

        // Two pools: one that holds every answer's blocks, one in which they have to give way.
        using var wide = Load(threads: 2, blocks: 512, kvType);
        using var narrow = Load(threads: 1, blocks: 56, kvType);

        // Three draft models: the model itself, itself with damaged weights, and the damaged one with few blocks.
        using var same = Load(threads: 1, blocks: 512, kvType);
        using var damaged = Load(threads: 2, blocks: 512, kvType, Damaged(dice));
        using var cramped = Load(threads: 1, blocks: 24, kvType, Damaged(dice));
        var drafts = new[] { null, same, damaged, cramped };
        var counts = new long[5];
        for (var mix = 0; mix < Mixes; mix++)
        {
            var time = new ManualTime();
            using var backend = new TimedBackend(mix % 2 == 0 ? wide : narrow, time, TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(0.5));
            using var draft = new TimedBackend(drafts[mix % drafts.Length] ?? same, time, TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(0.1));
            var loop = new StepLoop(backend, model.Tokenizer, Limits(dice), time, draft: drafts[mix % drafts.Length] is null ? null : draft);
            for (var round = 0; round < 2; round++)
            {
                var chosen = Enumerable.Range(0, Together).Select(_ => dice.Next(Cases)).ToArray();
                var answers = Run(loop, [.. chosen.Select(i => Generate(model, asks[i]()))], dice);
                for (var i = 0; i < Together; i++)
                {
                    answers[i].AssertEquals(alone[chosen[i]], $"seed {seed}, mix {mix}, round {round}, case {chosen[i]}");
                }
            }

            counts = [counts[0] + loop.Counts.TokensReused, counts[1] + loop.Counts.Preemptions, counts[2] + loop.Counts.Lookup.Accepted, counts[3] + loop.Counts.Model.Accepted,
                counts[4] + loop.Steps];
            Assert.Equal((0, 0), (loop.KvBlocksUsed, loop.Drafts?.KvBlocksUsed ?? 0));
        }

        output.WriteLine($"{Mixes * 2 * Together} answers of {Cases} requests in {counts[4]} passes: {counts[0]} tokens reused, {counts[1]} evictions, "
            + $"{counts[2]} guesses of lookup and {counts[3]} of draft models accepted");
        Assert.All(counts, count => Assert.True(count > 0));
    }

    private static BatchLimits Limits(Random dice) => new()
    {
        StepRowsMax = dice.Next(17, 256),
        PrefillRowsBesideDecode = dice.Next(1, 100),
        SequencesMax = dice.Next(4, 17),
        Speculates = dice.Next(3) > 0,
        SharesPrefixes = dice.Next(4) > 0,
    };

    private static Recorded Alone(LoadedModel model, NativeBackend backend, Func<ModelRequest> ask)
    {
        var limits = new BatchLimits { Speculates = false, SharesPrefixes = false };
        return Run(new StepLoop(backend, model.Tokenizer, limits, new ManualTime()), [Generate(model, ask())], null)[0];
    }

    /// <summary>With dice, requests come late, are paused and evicted, and go on.</summary>
    private static Recorded[] Run(StepLoop loop, Generation[] generations, Random? dice)
    {
        var answers = generations.Select(generation => new Recorded(generation)).ToArray();
        var arrivals = generations.Select(_ => dice?.Next(3) == 0 ? dice.Next(60) : 0).ToArray();
        for (var step = 0; step <= 60 || loop.HasWork; step++)
        {
            for (var i = 0; i < generations.Length; i++)
            {
                if (arrivals[i] == step)
                {
                    loop.Accept(generations[i]);
                }

                if (dice is not null)
                {
                    generations[i].Hold = dice.Next(60) == 0 ? Hold.Evicted : dice.Next(30) == 0 ? Hold.Paused : dice.Next(5) == 0 ? Hold.None : generations[i].Hold;
                }

                answers[i].Read();
            }

            Assert.True(step < 50_000, "the loop does not come to an end");
            _ = loop.Step();
        }

        foreach (var (generation, answer) in generations.Zip(answers))
        {
            answer.Read();
            generation.Reset();
        }

        return answers;
    }

    private static Generation Generate(LoadedModel model, ModelRequest request)
    {
        var generation = new Generation
        {
            OutputTokensMax = request.MaxOutputTokens,
            Sampling = request.Sampling,
            Seed = request.Sampling.Seed ?? 1,
            Choices = request.Choices,
            Priority = request.Priority,
            WantsLogProbs = true,
        };
        Assert.True(model.Prompts.Render(request, generation.Prompt).IsNone);
        _ = AnswerGrammar.TryCompile(model.Constraints, request, default, false, out var compiled, out var error);
        Assert.True(error.IsNone, error.Message);
        generation.Constraint = compiled;
        generation.LogitBias.AddRange(request.LogitBias);
        generation.Stops.AddRange(request.Stops);
        Assert.Equal("", AdmissionRules.Check(generation, new BatchLimits(), 512, model.Tokenizer.Vocabulary.Count).Message ?? "");
        return generation;
    }

    private static Func<ModelRequest> Asking(Random dice, JsonElement[] held)
    {
        var (item, kind, max, choices, priority) = (held[dice.Next(held.Length)], dice.Next(3), dice.Next(8, 48), dice.Next(6) == 0 ? 3 : 1, dice.Next(3));
        var bias = new TokenBias(dice.Next(100), dice.NextSingle() * 4);
        var stop = dice.Next(5) == 0 ? Encoding.UTF8.GetBytes(dice.Next(2) == 0 ? "e" : " the ") : null;
        var penalty = dice.Next(3) == 0 ? dice.NextSingle() : 0;
        var sampling = new Sampling { FrequencyPenalty = penalty, RepetitionPenalty = dice.Next(4) == 0 ? 1.2f : 0 };
        sampling = dice.Next(3) == 0 ? sampling : sampling with { Temperature = 0.3f + dice.NextSingle(), TopP = 0.95f, Seed = (ulong)dice.NextInt64() };
        return () =>
        {
            var request = ChatJson.Request(item);
            if (kind == 0)
            {
                request.Constraint.Reset();
                request.LogitBias.Add(bias);
                if (stop is not null)
                {
                    request.Stops.Add(request.Text.Copy(stop));
                }
            }

            (request.MaxOutputTokens, request.Choices, request.Priority, request.Sampling) = (max, choices, priority, sampling);
            return request;
        };
    }

    /// <summary>The demonstration model with one byte of a hundred of its matrices drawn anew: near enough to be right now and then.</summary>
    private static byte[] Damaged(Random dice)
    {
        var bytes = File.ReadAllBytes(TestData.NanoModel);
        using var file = GgufFile.Open(TestData.NanoModel);
        foreach (var tensor in file.Tensors.Where(tensor => tensor.Type == GgufTensorType.Q8_0 && tensor.Name.StartsWith("blk.", StringComparison.Ordinal)))
        {
            for (var i = 0; i < tensor.ByteLength / 100; i++)
            {
                // The codes alone: a scale could become no number.
                var at = tensor.FileOffset + (dice.NextInt64(tensor.ByteLength / 34) * 34) + 2 + dice.Next(32);
                bytes[at] = (byte)dice.Next(256);
            }
        }

        return bytes;
    }

    private static NativeBackend Load(int threads, int blocks, KvElementType kvType, byte[]? content = null)
    {
        using var file = content is null ? GgufFile.Open(TestData.NanoModel) : GgufFile.Open(new MemoryByteSource(content), "damaged.gguf");
        return NativeBackend.Load(file, new BackendOptions { Threads = threads, BatchRowsMax = 256, KvBlocks = blocks, KvType = kvType });
    }

    private sealed class Recorded(Generation generation)
    {
        private readonly List<(int Choice, int Token, float LogProb)> _tokens = [];
        private ModelError _error;
        private FinishReason _reason;
        private bool _isOver;

        public void Read()
        {
            if (_isOver)
            {
                return;
            }

            var page = generation.Answer.Take();
            for (var i = 0; i < page.EventCount; i++)
            {
                var tokens = page[i].Tokens;
                for (var at = 0; at < tokens.Ids.Length; at++)
                {
                    _tokens.Add((page[i].Choice, tokens.Ids.Span[at], tokens.LogProbs.Length > at ? tokens.LogProbs.Span[at] : 0));
                }
            }

            _isOver = generation.Answer.IsDrained;
            (_error, _reason) = (generation.Error, generation.Reason);
        }

        public void AssertEquals(Recorded alone, string what)
        {
            Assert.True(_isOver && alone._isOver, $"{what}: not over");
            Assert.True((_error.Cause, _reason) == (alone._error.Cause, alone._reason), $"{what}: {_reason} {_error.Message} instead of {alone._reason} {alone._error.Message}");
            foreach (var choice in alone._tokens.Select(token => token.Choice).Distinct())
            {
                var (wanted, got) = (alone._tokens.Where(token => token.Choice == choice), _tokens.Where(token => token.Choice == choice));
                Assert.True(wanted.SequenceEqual(got), $"{what}, choice {choice}: other tokens or log probabilities than alone");
            }
        }
    }
}
