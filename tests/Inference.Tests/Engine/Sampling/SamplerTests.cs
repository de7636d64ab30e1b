using Jesus.Inference.Contract;
using Jesus.Inference.Engine.Sampling;
using Jesus.Tests.Memory;
using SamplingSettings = Jesus.Inference.Contract.Sampling;

namespace Jesus.Inference.Tests.Engine.Sampling;

public sealed class SamplerTests
{
    private static readonly float[] Logits = [1f, 3f, 2f, 3f, -1f, float.NegativeInfinity];
    private static SamplingSettings Greedy => new();

    [Fact]
    public void Greedy_takes_the_likeliest_and_of_equals_the_lowest_id()
    {
        Assert.Equal(1, Draw(Logits, Greedy).Token);
    }

    [Fact]
    public void A_masked_token_is_never_taken()
    {
        Assert.Equal(3, Draw(Logits, Greedy, [0b111101]).Token);
        for (var position = 0; position < 500; position++)
        {
            Assert.Contains(Draw(Logits, new SamplingSettings { Temperature = 2 }, [0b010100], position).Token, new[] { 2, 4 });
        }
    }

    [Fact]
    public void A_temperature_draws_in_the_proportions_of_the_softmax()
    {
        var settings = new SamplingSettings { Temperature = 1.5f };
        var shares = Shares(settings);
        AssertShares(Softmax(1.5), shares);
    }

    [Fact]
    public void Top_k_keeps_the_k_likeliest_and_of_equals_the_lowest_ids()
    {
        Assert.Equal([1, 3], Drawn(new SamplingSettings { Temperature = 5, TopK = 2 }));
        Assert.Equal([1], Drawn(new SamplingSettings { Temperature = 5, TopK = 1 }));
        Assert.Equal([0, 1, 2, 3, 4], Drawn(new SamplingSettings { Temperature = 5, TopK = 99 }));
    }

    [Fact]
    public void Top_p_keeps_the_smallest_set_that_reaches_the_share()
    {
        // Probabilities at temperature 1: 1 and 3 have 0.398 each, 2 has 0.146, 0 has 0.054, 4 has 0.007.
        Assert.Equal([1], Drawn(new SamplingSettings { Temperature = 1, TopP = 0.3f }));
        Assert.Equal([1, 3], Drawn(new SamplingSettings { Temperature = 1, TopP = 0.5f }));
        Assert.Equal([1, 2, 3], Drawn(new SamplingSettings { Temperature = 1, TopP = 0.9f }));
        Assert.Equal([0, 1, 2, 3, 4], Drawn(new SamplingSettings { Temperature = 1, TopP = 1f }));
    }

    [Fact]
    public void Min_p_drops_what_falls_below_its_share_of_the_likeliest()
    {
        Assert.Equal([1, 2, 3], Drawn(new SamplingSettings { Temperature = 1, MinP = 0.3f }));
        Assert.Equal([1, 3], Drawn(new SamplingSettings { Temperature = 1, MinP = 0.4f }));
    }

    [Fact]
    public void Filters_work_one_after_another()
    {
        // Of the three kept by top-k, token 2 has 0.155; top-p 0.8 drops it.
        Assert.Equal([1, 3], Drawn(new SamplingSettings { Temperature = 1, TopK = 3, TopP = 0.8f }));
    }

    [Fact]
    public void Penalties_lower_what_was_said_before()
    {
        var presence = new SamplingSettings { PresencePenalty = 0.1f };
        Assert.Equal(3, Draw(Logits, presence, history: Said(presence, 1)).Token);
        var frequency = new SamplingSettings { FrequencyPenalty = 0.1f };
        Assert.Equal(1, Draw(Logits, frequency, history: Said(frequency, 1, 3, 3)).Token);
        frequency = new SamplingSettings { FrequencyPenalty = 2f };
        Assert.Equal(2, Draw(Logits, frequency, history: Said(frequency, 1, 3, 3)).Token);
    }

    [Fact]
    public void A_repetition_penalty_counts_the_prompt_and_forgets_what_lies_before_its_window()
    {
        var whole = new SamplingSettings { RepetitionPenalty = 2 };
        var history = new TokenHistory();
        history.Begin([1, 3, 0, 0], whole);
        Assert.Equal(2, Draw(Logits, whole, history: history).Token);
        var window = whole with { RepetitionLastN = 3 };
        history.Begin([1, 3, 0, 0], window);
        Assert.Equal(1, Draw(Logits, window, history: history).Token);
        history.Add(1);
        Assert.Equal(3, Draw(Logits, window, history: history).Token);
        history.Begin([1, 3], whole with { RepetitionLastN = -1 });
        Assert.Equal(1, Draw(Logits, whole, history: history).Token);
    }

    [Fact]
    public void A_repetition_penalty_makes_a_negative_logit_more_negative()
    {
        var settings = new SamplingSettings { RepetitionPenalty = 1.5f };
        Assert.Equal(1, Draw([-1f, -1.2f, -9, -9, -9, -9], settings, history: Said(settings, 0)).Token);
    }

    [Fact]
    public void A_bias_moves_one_token_under_a_mask_or_without()
    {
        TokenBias[] biases = [new(4, 10), new(1, -100)];
        var sampler = new Sampler(6);
        Assert.Equal(4, sampler.Sample(Logits, [], Greedy, 1, 0, 0, biases: biases).Token);
        Assert.Equal(3, sampler.Sample(Logits, [0b101111], Greedy, 1, 0, 0, biases: biases).Token);
        Assert.Equal(Math.Log(Softmax(1)[4]), sampler.Sample(Logits, [], Greedy, 1, 0, 0, null, true, biases).LogProb, 5);
    }

    [Fact]
    public void Typical_keeps_the_tokens_whose_surprise_is_nearest_to_the_entropy()
    {
        // Probabilities 0.70, 0.10, 0.10, 0.05, 0.05; the entropy is 1.01, the surprises 0.36, 2.30, 2.30, 3.00, 3.00.
        float[] logits = [.. new[] { 0.7, 0.1, 0.1, 0.05, 0.05, 0 }.Select(p => (float)Math.Log(p))];
        Assert.Equal([0], Drawn(logits, new SamplingSettings { Temperature = 1, TypicalP = 0.5f }));
        Assert.Equal([0, 1], Drawn(logits, new SamplingSettings { Temperature = 1, TypicalP = 0.75f }));

        // Probabilities 0.4, 0.3, 0.2, 0.1; the entropy is 1.28: the likeliest (0.92) is further from it than the second (1.20) and the third (1.61).
        logits = [.. new[] { 0.4, 0.3, 0.2, 0.1, 0, 0 }.Select(p => (float)Math.Log(p))];
        Assert.Equal([1, 2], Drawn(logits, new SamplingSettings { Temperature = 1, TypicalP = 0.45f }));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void A_broken_logit_is_an_error_even_where_it_is_not_allowed(float broken)
    {
        Assert.Equal(SampleError.NotANumber, Draw([1f, broken, 0f, 0f, 0f, 0f], Greedy, [1]).Error);
    }

    [Fact]
    public void Nothing_allowed_is_an_error()
    {
        Assert.Equal(SampleError.NothingAllowed, Draw(Logits, Greedy, [0]).Error);
        Assert.Equal(SampleError.NothingAllowed, Draw(Logits, Greedy, [1 << 5]).Error);
    }

    [Fact]
    public void Log_probabilities_are_the_models_own_whatever_the_mask()
    {
        var drawn = new Sampler(6).Sample(Logits, [0b010000], Greedy, 1, 0, 0, null, true);
        Assert.Equal(Math.Log(Softmax(1)[4]), drawn.LogProb, 5);
        var top = new TokenAlternative[3];
        Assert.Equal(3, new Sampler(6).TopLogProbs(Logits, top));
        Assert.Equal([1, 3, 2], top.Select(entry => entry.Token));
        Assert.Equal(Math.Log(Softmax(1)[2]), top[2].LogProb, 5);
    }

    [Fact]
    public void A_draw_depends_on_seed_choice_and_position_only()
    {
        var settings = new SamplingSettings { Temperature = 1, TopP = 0.95f };
        var sampler = new Sampler(6);
        var first = Enumerable.Range(0, 100).Select(position => sampler.Sample(Logits, [], settings, 9, 1, position).Token).ToArray();
        var again = Enumerable.Range(0, 100).Reverse().Select(position => new Sampler(6).Sample(Logits, [], settings, 9, 1, position).Token).Reverse();
        Assert.Equal(first, again);
        Assert.NotEqual(first, Enumerable.Range(0, 100).Select(position => sampler.Sample(Logits, [], settings, 10, 1, position).Token));
        Assert.NotEqual(first, Enumerable.Range(0, 100).Select(position => sampler.Sample(Logits, [], settings, 9, 2, position).Token));
    }

    [Fact]
    public void The_filters_agree_with_a_plain_sort_on_random_logits()
    {
        const int Seed = 11;
        var random = new Random(Seed);
        for (var round = 0; round < 200; round++)
        {
            var logits = Enumerable.Range(0, 300).Select(_ => MathF.Round((float)(random.NextDouble() * 12), 1)).ToArray();
            var settings = new SamplingSettings { Temperature = 0.7f, TopK = random.Next(2) * random.Next(1, 300), TopP = (float)random.NextDouble(), MinP = (float)random.NextDouble() * 0.1f };
            var kept = Kept(logits, settings);
            var sampler = new Sampler(300);
            for (var position = 0; position < 20; position++)
            {
                Assert.Contains(sampler.Sample(logits, [], settings, Seed, round, position).Token, kept);
            }
        }
    }

    [Fact]
    public void Sampling_allocates_nothing()
    {
        var sampler = new Sampler(6);
        var settings = new SamplingSettings { Temperature = 1, TopK = 4, TypicalP = 0.99f, TopP = 0.9f, MinP = 0.01f, FrequencyPenalty = 0.5f, RepetitionPenalty = 1.1f };
        var history = new TokenHistory();
        history.Add(1);
        ulong[] mask = [63];
        var allocated = Allocation.LeastOf(() =>
        {
            for (var position = 0; position < 1000; position++)
            {
                sampler.Sample(Logits, mask, settings, 1, 0, position, history, true);
            }
        });

        Assert.Equal(0, allocated);
    }

    [Theory]
    [InlineData(0.02)]
    [InlineData(1)]
    [InlineData(4)]
    public void Over_a_large_vocabulary_the_filters_keep_what_a_plain_sort_keeps(double spread)
    {
        const int Seed = 12, Count = 40_003;
        var random = new Random(Seed);
        for (var round = 0; round < 12; round++)
        {
            var logits = Enumerable.Range(0, Count).Select(_ => (float)(spread * Normal(random))).ToArray();
            var settings = new SamplingSettings
            {
                Temperature = 0.8f,
                TopK = random.Next(2) * random.Next(1, 9000),
                TopP = (float)random.NextDouble(),
                MinP = (float)random.NextDouble() * 0.1f,
            };
            var kept = Kept(logits, settings);
            var sampler = new Sampler(Count);
            var drawn = Enumerable.Range(0, 400).Select(position => sampler.Sample(logits, [], settings, Seed, round, position).Token).ToHashSet();
            Assert.Subset(kept, drawn);
            Assert.True(drawn.Count > Math.Min(kept.Count, 400) / 4, $"{drawn.Count} of {kept.Count} were drawn");
        }
    }

    [Fact]
    public void A_mask_gives_the_same_token_whether_it_allows_few_or_nearly_all()
    {
        const int Seed = 13, Count = 20_000;
        var random = new Random(Seed);
        var logits = Enumerable.Range(0, Count).Select(_ => (float)random.NextDouble()).ToArray();
        var most = new ulong[(Count + 63) / 64];
        var few = new ulong[(Count + 63) / 64];
        most.AsSpan().Fill(ulong.MaxValue);
        for (var token = 0; token < Count; token += 7)
        {
            few[token >> 6] |= 1UL << (token & 63);
            logits[token] += 30;
        }

        var sampler = new Sampler(Count);
        var settings = new SamplingSettings { Temperature = 1, TopK = 50, TopP = 0.9f };
        for (var position = 0; position < 100; position++)
        {
            var token = sampler.Sample(logits, few, settings, Seed, 0, position).Token;
            Assert.Equal(0, token % 7);
            Assert.Equal(token, sampler.Sample(logits, most, settings, Seed, 0, position).Token);
            Assert.Equal(token, sampler.Sample(logits, [], settings, Seed, 0, position).Token);
        }
    }

    private static SampledToken Draw(float[] logits, SamplingSettings settings, ulong[]? mask = null, int position = 0, TokenHistory? history = null) =>
        new Sampler(logits.Length).Sample(logits, mask, settings, 42, 0, position, history);

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    private static double[] Softmax(double temperature)
    {
        var weights = Logits.Select(logit => Math.Exp(logit / temperature)).ToArray();
        return [.. weights.Select(weight => weight / weights.Sum())];
    }

    private static double[] Shares(SamplingSettings settings)
    {
        const int Draws = 50_000;
        var sampler = new Sampler(Logits.Length);
        var counts = new double[Logits.Length];
        for (var position = 0; position < Draws; position++)
        {
            counts[sampler.Sample(Logits, [], settings, 3, 0, position).Token] += 1.0 / Draws;
        }

        return counts;
    }

    private static void AssertShares(double[] expected, double[] actual)
    {
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.InRange(actual[i], expected[i] - 0.01, expected[i] + 0.01);
        }
    }

    private static int[] Drawn(SamplingSettings settings) =>
        Drawn(Logits, settings);

    private static int[] Drawn(float[] logits, SamplingSettings settings) =>
        [.. Enumerable.Range(0, 4000).Select(position => Draw(logits, settings, position: position).Token).Distinct().Order()];

    private static TokenHistory Said(SamplingSettings settings, params int[] tokens)
    {
        var history = new TokenHistory();
        history.Begin([], settings);
        foreach (var token in tokens)
        {
            history.Add(token);
        }

        return history;
    }

    private static HashSet<int> Kept(float[] logits, SamplingSettings settings)
    {
        var ranked = Enumerable.Range(0, logits.Length).OrderByDescending(i => logits[i]).ThenBy(i => i).ToList();
        ranked = settings.TopK > 0 ? [.. ranked.Take(settings.TopK)] : ranked;
        var weights = ranked.ToDictionary(i => i, i => Math.Exp((logits[i] - logits[ranked[0]]) / settings.Temperature));
        var total = weights.Values.Sum();
        var sum = 0.0;
        var kept = new HashSet<int>();
        foreach (var token in ranked.TakeWhile(_ => sum < total * (settings.TopP + 1e-5)))
        {
            sum += weights[token];
            kept.Add(token);
        }

        kept.RemoveWhere(token => weights[token] < settings.MinP * (1 - 1e-5));
        return kept;
    }
}
