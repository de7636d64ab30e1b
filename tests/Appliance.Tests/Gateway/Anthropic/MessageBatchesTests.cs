using System.Collections.Concurrent;
using System.Text;
using Jesus.Appliance.Gateway.Anthropic;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Tests.Runner;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Tests.Gateway.Anthropic;

public sealed class MessageBatchesTests
{
    [Fact]
    public async Task Each_request_is_answered_in_the_batch_lane_on_its_owners_budget()
    {
        var calls = new ConcurrentBag<(string User, Lane Lane, string Run, string Route)>();
        using var rig = new BatchRig((call, sink, cancel) =>
        {
            calls.Add((call.Principal.User, call.Lane, call.RunId, call.RouteName));
            return BatchRig.Echo(call, sink, cancel);
        });
        var batch = await rig.EndAsync((await rig.CreateAsync(BatchRig.Body("a", "b", "c"))).Id);

        Assert.Equal((0, 3, 0), (batch.Counts.Processing, batch.Counts.Succeeded, batch.Counts.Errored));
        var results = await rig.ResultsAsync(batch);
        Assert.Equal(["a", "b", "c"], results.Select(r => r.Id));
        Assert.Equal(["a", "b", "c"], results.Select(r => r.Result.GetProperty("message").GetProperty("content")[0].GetProperty("text").GetString()));
        Assert.All(calls, call => Assert.Equal(("alice", Lane.Batch, batch.RunId, "nano"), call));
        Assert.Equal(3, calls.Count);
    }

    [Fact]
    public async Task A_request_that_is_wrong_or_refused_is_an_errored_result_beside_the_others()
    {
        using var rig = new BatchRig((call, sink, cancel) => call.RouteName == "nano" ? BatchRig.Echo(call, sink, cancel)
            : new(new Outcome { Error = new ModelError(ErrorCause.ModelNotFound, "no such model"), Reason = FinishReason.Error }));
        var body = $$$"""
            {"requests":[{"custom_id":"good","params":{{{BatchRig.Params("x")}}}},
             {"custom_id":"field","params":{"model":"nano","max_tokens":9,"messages":[{"role":"user","content":"x"}],"best_of":3}},
             {"custom_id":"stream","params":{"model":"nano","max_tokens":9,"messages":[{"role":"user","content":"x"}],"stream":true}},
             {"custom_id":"model","params":{"model":"gone","max_tokens":9,"messages":[{"role":"user","content":"x"}]}}]}
            """;
        var batch = await rig.EndAsync((await rig.CreateAsync(body)).Id);

        Assert.Equal((1, 3), (batch.Counts.Succeeded, batch.Counts.Errored));
        var errors = (await rig.ResultsAsync(batch)).Where(r => r.Type == "errored")
            .Select(r => (r.Id, r.Result.GetProperty("error").GetProperty("error").GetProperty("type").GetString()));
        Assert.Equal([("field", "invalid_request_error"), ("stream", "invalid_request_error"), ("model", "not_found_error")], errors);
    }

    [Fact]
    public async Task A_passing_failure_is_tried_again()
    {
        var tries = 0;
        using var rig = new BatchRig((call, sink, cancel) => Interlocked.Increment(ref tries) > 1 ? BatchRig.Echo(call, sink, cancel)
            : new(new Outcome { Error = new ModelError(ErrorCause.Overloaded, "busy"), Reason = FinishReason.Error }));
        var batch = await rig.EndAsync((await rig.CreateAsync(BatchRig.Body("a"))).Id);
        Assert.Equal((1, 2), (batch.Counts.Succeeded, tries));
    }

    [Fact]
    public async Task The_providers_own_message_is_kept_as_it_came_on_one_line()
    {
        using var rig = new BatchRig(async (call, sink, _) =>
        {
            await sink.WriteAsync(new ModelEvent { Kind = EventKind.Wire, Shape = ApiShape.AnthropicMessages, Utf8 = "{\n \"id\": \"msg_far\" }"u8.ToArray() });
            return new Outcome { Reason = FinishReason.Stop };
        });
        var batch = await rig.EndAsync((await rig.CreateAsync(BatchRig.Body("a"))).Id);
        var line = (await rig.Batches.ResultsAsync(batch, RunnerRig.Alice, CancellationToken.None)).Single();
        Assert.Equal("""{"custom_id":"a","result":{"type":"succeeded","message":{  "id": "msg_far" }}}""" + "\n", Encoding.UTF8.GetString(line.Span));
    }

    [Fact]
    public async Task A_cancelled_batch_keeps_what_was_answered_and_cancels_the_rest()
    {
        var begun = new TaskCompletionSource();
        using var rig = new BatchRig(async (call, sink, cancel) =>
        {
            if (FakeModel.LastText(call.Request) == "slow")
            {
                begun.TrySetResult();
                await Task.Delay(Timeout.Infinite, cancel);
            }

            return await BatchRig.Echo(call, sink, cancel);
        });
        var created = await rig.CreateAsync(BatchRig.Body("slow", "quick"));
        await begun.Task;
        var (cancelled, failure) = await rig.Batches.CancelAsync(created, RunnerRig.Alice, CancellationToken.None);
        Assert.True(failure.IsNone, failure.Message);
        Assert.NotNull(cancelled!.CancelledAt);
        var batch = await rig.EndAsync(created.Id);
        Assert.True(batch.Counts.Canceled >= 1);
        Assert.Equal("canceled", (await rig.ResultsAsync(batch))[0].Type);
        Assert.Equal(2, batch.Counts.Canceled + batch.Counts.Succeeded);

        var (again, none) = await rig.Batches.CancelAsync(batch, RunnerRig.Alice, CancellationToken.None);
        Assert.True(none.IsNone);
        Assert.True(again!.HasEnded);
    }

    [Fact]
    public async Task What_was_not_answered_within_a_day_has_expired()
    {
        var time = new FixedTime();
        BatchViewOf created;
        MemoryJournal journal;
        MemoryBlobs blobs;
        using (var first = new BatchRig((_, _, cancel) => Never(cancel), time: time))
        {
            created = new((await first.CreateAsync(BatchRig.Body("a", "b"))).Id);
            (journal, blobs) = (first.Journal, first.Blobs);
        }

        time.Move(TimeSpan.FromHours(25));
        using var second = new BatchRig(BatchRig.Echo, new MemoryJournal(journal.Records), blobs, time);
        Assert.Equal(1, await second.RecoverAsync());
        var batch = await second.EndAsync(created.Id);
        Assert.Equal((2, 0), (batch.Counts.Expired, batch.Counts.Succeeded));
    }

    [Fact]
    public async Task A_batch_killed_at_any_moment_goes_on_pays_for_no_request_twice_and_counts_what_it_may_have_paid()
    {
        const int Seeds = 60;
        string[] ids = [.. Enumerable.Range(0, 12).Select(i => $"r{i}")];
        var (crashes, lost) = (0, 0);
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var random = new Random(seed);
            var paid = new ConcurrentDictionary<string, int>();
            MemoryJournal? journal = null;
            var blobs = new MemoryBlobs();
            string? id = null;
            for (var life = 0; ; life++)
            {
                var last = life == 6;
                journal = new MemoryJournal(journal?.Records.Select(r => (r.Kind, r.Payload))) { CrashAt = last ? 0 : random.Next(2, 12), LastIsDurable = random.Next(2) == 0 };
                using var rig = new BatchRig((call, sink, cancel) => PayAsync(paid, call, sink, cancel), journal, blobs);
                id ??= (await rig.CreateAsync(BatchRig.Body(ids))).Id;
                await rig.RecoverAsync();
                var ended = rig.EndAsync(id);
                if (await Task.WhenAny(ended, journal.Crashed.Task) == journal.Crashed.Task)
                {
                    crashes++;
                    continue;
                }

                var batch = await ended;
                var results = await rig.ResultsAsync(batch);
                Assert.Equal(ids, results.Select(r => r.Id));
                foreach (var (request, type, result) in results)
                {
                    var times = paid.GetValueOrDefault(request);
                    Assert.True(type == "succeeded" ? times == 1 : times <= 1 && Message(result).Contains("may have been charged", StringComparison.Ordinal),
                        $"seed {seed}: {request} {type} and paid {times} times");
                }

                var run = await rig.RunAsync(batch);
                var expected = (BatchRig.MicroUsd * batch.Counts.Succeeded) + (BatchRig.AtMostMicroUsd * batch.Counts.Errored);
                Assert.True(run!.CostMicroUsd == expected && run.CostIsEstimated == batch.Counts.Errored > 0, $"seed {seed}: {run.CostMicroUsd} for {batch.Counts}");
                lost += batch.Counts.Errored;
                break;
            }
        }

        Assert.True(crashes > Seeds && lost > Seeds / 4, $"only {crashes} crashes and {lost} answers lost");
    }

    [Fact]
    public async Task A_request_that_waits_for_its_turn_at_a_crash_is_answered_after_it()
    {
        using var first = new BatchRig((_, _, cancel) => Never(cancel)); // the queue: nothing was announced
        var created = await first.CreateAsync(BatchRig.Body("a", "b"));
        using var second = new BatchRig(BatchRig.Echo, new MemoryJournal(first.Journal.Records), first.Blobs);
        Assert.Equal(1, await second.RecoverAsync());
        Assert.Equal(2, (await second.EndAsync(created.Id)).Counts.Succeeded);
    }

    [Fact]
    public async Task A_stop_counts_what_was_spent_and_asks_again_after_the_start()
    {
        var begun = new TaskCompletionSource();
        using var first = new BatchRig(async (call, _, cancel) =>
        {
            await BatchRig.AnnounceAsync(call);
            begun.TrySetResult();
            await Task.Delay(Timeout.Infinite, cancel).ContinueWith(_ => { }, TaskScheduler.Default);
            return Cancelled(3);
        });
        var created = await first.CreateAsync(BatchRig.Body("a"));
        await begun.Task;
        await first.StopAsync();

        using var second = new BatchRig(BatchRig.Echo, new MemoryJournal(first.Journal.Records), first.Blobs);
        Assert.Equal(1, await second.RecoverAsync());
        var batch = await second.EndAsync(created.Id);
        var run = await second.RunAsync(batch);
        Assert.Equal((1, 3 + BatchRig.MicroUsd, false), (batch.Counts.Succeeded, run!.CostMicroUsd, run.CostIsEstimated));
    }

    [Fact]
    public async Task A_cancelled_batch_counts_what_its_requests_had_spent_also_where_a_crash_took_it()
    {
        var begun = new TaskCompletionSource();
        using var first = new BatchRig(async (call, _, cancel) =>
        {
            await BatchRig.AnnounceAsync(call);
            begun.TrySetResult();
            await Task.Delay(Timeout.Infinite, cancel).ContinueWith(_ => { }, TaskScheduler.Default);
            return Cancelled(3);
        });
        var created = await first.CreateAsync(BatchRig.Body("a"));
        await begun.Task;
        var before = first.Journal.Records;
        _ = await first.Batches.CancelAsync(created, RunnerRig.Alice, CancellationToken.None);
        var batch = await first.EndAsync(created.Id);
        Assert.Equal((1, 3), (batch.Counts.Canceled, (await first.RunAsync(batch))!.CostMicroUsd));

        // The crash came between the wish to cancel and the cancelled request's end.
        var after = first.Journal.Records.Skip(before.Count).First(r => Encoding.UTF8.GetString(r.Payload).Contains("run.cancelling", StringComparison.Ordinal));
        using var second = new BatchRig(BatchRig.Echo, new MemoryJournal([.. before, after]), first.Blobs);
        Assert.Equal(1, await second.RecoverAsync());
        batch = await second.EndAsync(created.Id);
        var run = await second.RunAsync(batch);
        Assert.Equal((1, BatchRig.AtMostMicroUsd, true), (batch.Counts.Canceled, run!.CostMicroUsd, run.CostIsEstimated));
    }

    [Fact]
    public async Task A_user_sees_its_own_batches_newest_first_and_a_deletion_lasts()
    {
        var time = new FixedTime();
        using var rig = new BatchRig(BatchRig.Echo, time: time);
        var ids = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            time.Move(TimeSpan.FromSeconds(1));
            ids.Insert(0, (await rig.CreateAsync(BatchRig.Body("a"))).Id);
            await rig.EndAsync(ids[0]);
        }

        var other = await rig.CreateAsync(BatchRig.Body("a"), RunnerRig.Bob);
        Assert.Null(await rig.Batches.GetAsync(other.Id, RunnerRig.Alice, CancellationToken.None));
        Assert.Null(await rig.Batches.GetAsync(ids[0], RunnerRig.Bob, CancellationToken.None));
        await AssertPageAsync(rig, new PageQuery("", "", 2), ids[..2], true);
        await AssertPageAsync(rig, new PageQuery(ids[1], "", 2), ids[2..4], true);
        await AssertPageAsync(rig, new PageQuery(ids[3], "", 2), ids[4..], false);
        await AssertPageAsync(rig, new PageQuery("", ids[3], 2), ids[1..3], true);
        await AssertPageAsync(rig, new PageQuery("", ids[1], 2), ids[..1], false);

        await rig.Batches.DeleteAsync((await rig.Batches.GetAsync(ids[1], RunnerRig.Alice, CancellationToken.None))!, RunnerRig.Alice);
        Assert.Null(await rig.Batches.GetAsync(ids[1], RunnerRig.Alice, CancellationToken.None));
        using var later = new BatchRig(BatchRig.Echo, new MemoryJournal(rig.Journal.Records), rig.Blobs, time);
        Assert.Null(await later.Batches.GetAsync(ids[1], RunnerRig.Alice, CancellationToken.None));
        await AssertPageAsync(later, new PageQuery("", "", 2), [ids[0], ids[2]], true);
    }

    [Theory]
    [InlineData("""{"requests":[]}""", "requests")]
    [InlineData("""{}""", "requests")]
    [InlineData("""{"requests":[{"custom_id":"a"}]}""", "requests.0.params")]
    [InlineData("""{"requests":[{"params":{}}]}""", "requests.0.custom_id")]
    [InlineData("""{"requests":[{"custom_id":"a b","params":{}}]}""", "requests.0.custom_id")]
    [InlineData("""{"requests":[{"custom_id":"a","params":{}},{"custom_id":"a","params":{}}]}""", "requests.1.custom_id")]
    [InlineData("""{"requests":[{"custom_id":"a","params":{},"priority":1}]}""", "requests.0.priority")]
    [InlineData("""{"requests":[{"custom_id":"a","params":{}}],"endpoint":"x"}""", "endpoint")]
    public async Task A_body_that_is_no_batch_is_refused_by_its_place(string body, string place)
    {
        using var rig = new BatchRig(BatchRig.Echo);
        var (batch, failure) = await rig.Batches.CreateAsync(Encoding.UTF8.GetBytes(body), RunnerRig.Alice, CancellationToken.None);
        Assert.Null(batch);
        Assert.Equal((400, place), (failure.Status, failure.Param));
    }

    private static async Task AssertPageAsync(BatchRig rig, PageQuery query, List<string> ids, bool more)
    {
        var page = await rig.Batches.ListAsync(query, RunnerRig.Alice, CancellationToken.None);
        Assert.Equal(ids, page.Items.Select(batch => batch.Id));
        Assert.Equal(more, page.HasMore);
    }

    private static string Message(System.Text.Json.JsonElement result) => result.GetProperty("error").GetProperty("error").GetProperty("message").GetString()!;

    private static async ValueTask<Outcome> PayAsync(ConcurrentDictionary<string, int> paid, ModelCall call, IAnswerSink sink, CancellationToken cancel)
    {
        await BatchRig.AnnounceAsync(call);
        _ = paid.AddOrUpdate(FakeModel.LastText(call.Request), 1, (_, times) => times + 1);
        call.BeforeAttempt = null;
        return await BatchRig.Echo(call, sink, cancel);
    }

    private static Outcome Cancelled(long microUsd) =>
        new() { Error = new ModelError(ErrorCause.Cancelled, "cancelled"), Reason = FinishReason.Cancelled, Usage = new Usage { InputTokens = 1 }, CostMicroUsd = microUsd };

    private static async ValueTask<Outcome> Never(CancellationToken cancel)
    {
        await Task.Delay(Timeout.Infinite, cancel);
        return default;
    }

    private readonly record struct BatchViewOf(string Id);
}
