using System.Text;
using Jesus.Appliance.Cache;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Cache;

public sealed class AnswerCacheTests
{
    private const long Minute = 60_000;

    [Fact]
    public void An_answer_is_given_again_until_its_time_is_over()
    {
        var cache = new AnswerCache(100_000, Minute);
        cache.Store(Key("a"), Answer("one"), nowMs: 0);
        Assert.NotNull(cache.Find(Key("a"), Minute - 1));
        Assert.Null(cache.Find(Key("b"), 0));
        Assert.Null(cache.Find(Key("a"), Minute));
        Assert.Equal((0, 0), (cache.Count, cache.Bytes));
    }

    [Fact]
    public void What_was_used_longest_ago_goes_first()
    {
        var each = Answer("one").Bytes;
        var cache = new AnswerCache(each * 3, Minute);
        foreach (var name in new[] { "a", "b", "c" })
        {
            cache.Store(Key(name), Answer("one"), 0);
        }

        Assert.NotNull(cache.Find(Key("a"), 0));
        cache.Store(Key("d"), Answer("one"), 0);
        Assert.Null(cache.Find(Key("b"), 0));
        Assert.NotNull(cache.Find(Key("a"), 0));
        Assert.Equal(each * 3, cache.Bytes);
    }

    [Fact]
    public void An_answer_that_alone_is_longer_than_the_bound_is_not_kept()
    {
        var cache = new AnswerCache(64 * 1024, Minute);
        cache.Store(Key("a"), Answer("short"), 0);
        cache.Store(Key("b"), Answer(new string('x', 70_000)), 0);
        Assert.Null(cache.Find(Key("b"), 0));
        Assert.NotNull(cache.Find(Key("a"), 0));
    }

    [Fact]
    public async Task Many_at_once_keep_to_the_bound_and_only_get_what_was_stored_under_their_key()
    {
        var cache = new AnswerCache(40_000, Minute);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
        {
            for (var i = 0; i < 4_000; i++)
            {
                var name = $"{(worker + i) % 97}";
                if (cache.Find(Key(name), i) is { } found)
                {
                    Assert.Equal(name, await TextAsync(found));
                }
                else
                {
                    cache.Store(Key(name), Answer(name), i);
                }

                Assert.InRange(cache.Bytes, 0, 40_000);
            }
        })));
        Assert.Equal(cache.Bytes, cache.Count * Answer("00").Bytes, tolerance: cache.Count * 2.0);
    }

    [Fact]
    public void Every_field_that_an_answer_depends_on_changes_the_key()
    {
        var keys = new HashSet<CacheKey>();
        var changes = Changes();
        foreach (var change in changes)
        {
            var request = Request();
            change(request);
            Assert.True(keys.Add(CacheKeyHash.Begin().Add(request).End()), $"change {keys.Count} has the key of one before");
        }

        Assert.Equal(changes.Length, keys.Count);
    }

    [Fact]
    public void What_an_answer_does_not_depend_on_leaves_the_key()
    {
        var plain = CacheKeyHash.Begin().Add(Request()).End();
        Action<ModelRequest>[] changes =
        [
            r => r.Model = r.Text.Copy("other"), r => r.Streams = true, r => r.Ids = new CallIds(r.Text.Copy("x")), r => r.Deadline = new Deadline(5),
            r => (r.Body, r.BodyShape) = ("{}"u8.ToArray(), ApiShape.OpenAiChat), r => r.Turns.Replace(0, r.Turns.Parts[0] with { Cache = CacheMark.OneHour }),
        ];
        foreach (var change in changes)
        {
            var request = Request();
            change(request);
            Assert.Equal(plain, CacheKeyHash.Begin().Add(request).End());
        }
    }

    [Fact]
    public void Texts_that_run_together_to_the_same_bytes_have_different_keys()
    {
        var (one, two) = (Request(), Request());
        one.Stops.AddRange([one.Text.Copy("ab"), one.Text.Copy("c")]);
        two.Stops.AddRange([two.Text.Copy("a"), two.Text.Copy("bc")]);
        Assert.NotEqual(CacheKeyHash.Begin().Add(one).End(), CacheKeyHash.Begin().Add(two).End());
    }

    private static Action<ModelRequest>[] Changes() =>
    [
        _ => { },
        r => r.Operation = ModelOperation.Embed,
        r => r.Turns.Add(TurnRole.User, r.Text.Copy("more")),
        r => r.Turns.Add(TurnRole.Assistant, r.Text.Copy("more")),
        r => r.Turns.Replace(0, r.Turns.Parts[0] with { IsError = true }),
        r => r.Turns.Replace(0, r.Turns.Parts[0] with { InResult = true }),
        r => r.Turns.Replace(0, r.Turns.Parts[0] with { Signature = r.Text.Copy("s") }),
        r => r.Tools.Add(new ToolDefinition(r.Text.Copy("t"), default, default)),
        r => r.Tools.Add(new ToolDefinition(r.Text.Copy("t"), default, default) { Strict = true }),
        r => r.ToolChoice = new ToolChoice(ToolChoiceMode.None),
        r => r.ParallelToolCalls = true,
        r => r.ParallelToolCalls = false,
        r => r.Reasoning = new ReasoningWish(ReasoningEffort.High),
        r => r.Reasoning = new ReasoningWish(ReasoningEffort.Unset, BudgetTokens: 9),
        r => r.Reasoning = new ReasoningWish(ReasoningEffort.Unset, Summary: true),
        r => r.Constraint.Kind = ConstraintKind.JsonObject,
        r => r.Constraint.Source = r.Text.Copy("{}"),
        r => r.Constraint.Inputs.Add(new NamedInput(r.Text.Copy("a"), r.Text.Copy("b"))),
        r => r.Sampling = new Sampling { Temperature = 0.5f },
        r => r.Sampling = new Sampling { Given = SamplingFields.Temperature },
        r => r.Sampling = new Sampling { TopP = 0.5f },
        r => r.Sampling = new Sampling { TopK = 5 },
        r => r.Sampling = new Sampling { MinP = 0.5f },
        r => r.Sampling = new Sampling { Seed = 0 },
        r => r.Sampling = new Sampling { Seed = 1 },
        r => r.Sampling = new Sampling { FrequencyPenalty = 0.5f },
        r => r.Sampling = new Sampling { PresencePenalty = 0.5f },
        r => r.LogitBias.Add(new TokenBias(1, 2)),
        r => r.Inputs.Add(r.Text.Copy("embed me")),
        r => r.EmbedDimensions = 3,
        r => r.MaxOutputTokens = 3,
        r => r.Stops.Add(r.Text.Copy("stop")),
        r => r.Choices = 2,
        r => r.TopLogProbs = 0,
        r => r.PromptTokens = new[] { 1 },
        r => r.Betas = r.Text.Copy("beta"),
        r => (r.VerbatimOnly, r.Body, r.BodyShape) = ("web_search", "{1}"u8.ToArray(), ApiShape.OpenAiChat),
        r => (r.VerbatimOnly, r.Body, r.BodyShape) = ("web_search", "{2}"u8.ToArray(), ApiShape.OpenAiChat),
    ];

    private static ModelRequest Request()
    {
        var request = new ModelRequest();
        request.Turns.Add(TurnRole.User, request.Text.Copy("hello"));
        return request;
    }

    private static CacheKey Key(string name) => CacheKeyHash.Begin().Add(name).End();

    private static CachedAnswer Answer(string text)
    {
        var recorder = new AnswerRecorder();
        recorder.Begin(null, 1_000_000);
        Write(recorder, new ModelEvent { Kind = EventKind.Text, Utf8 = Encoding.UTF8.GetBytes(text) });
        Write(recorder, new ModelEvent { Kind = EventKind.Finished, Reason = FinishReason.Stop });
        return recorder.Finish(new ModelRequest(), "a/m", FinishReason.Stop, default)!;
    }

    private static void Write(AnswerRecorder recorder, ModelEvent item) => Assert.True(recorder.WriteAsync(item).IsCompletedSuccessfully);

    private static async Task<string> TextAsync(CachedAnswer answer)
    {
        var sink = new Pipeline.CollectingSink();
        await answer.ReplayAsync(new ModelRequest(), sink);
        return sink.Text;
    }
}
