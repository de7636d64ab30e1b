using System.Globalization;
using System.Text;
using Jesus.Tests.Nats;
using Jesus.Transport.Nats.JetStream;
using Jesus.Transport.Nats.KeyValue;
using Jesus.Transport.Tests.Nats.JetStream;

namespace Jesus.Transport.Tests.Nats.KeyValue;

public sealed class KeyValueTests
{
    [Fact]
    public async Task A_key_is_created_once_read_overwritten_and_compared_before_it_is_set()
    {
        await using var rig = await JetStreamRig.StartAsync();
        var bucket = await BucketAsync(rig);
        var first = JetStreamRig.Ok(await bucket.CreateAsync("a.b", Utf8("one"), rig.Hang));
        Assert.Equal(JetStreamFault.Conflict, (await bucket.CreateAsync("a.b", Utf8("other"), rig.Hang)).Error.Fault);
        var entry = JetStreamRig.Ok(await bucket.GetAsync("a.b", rig.Hang));
        Assert.Equal(("a.b", "one", first, KeyValueOperation.Put), (entry.Key, Text(entry), entry.Revision, entry.Operation));

        var second = JetStreamRig.Ok(await bucket.UpdateAsync("a.b", Utf8("two"), first, rig.Hang));
        Assert.Equal(JetStreamFault.Conflict, (await bucket.UpdateAsync("a.b", Utf8("late"), first, rig.Hang)).Error.Fault);
        _ = JetStreamRig.Ok(await bucket.PutAsync("a.c", Utf8("whatever"), rig.Hang));
        Assert.Equal("two", Text(JetStreamRig.Ok(await bucket.GetAsync("a.b", rig.Hang))));
        Assert.Equal(second, JetStreamRig.Ok(await bucket.GetAsync("a.b", rig.Hang)).Revision);
        Assert.Equal(JetStreamFault.NotFound, (await bucket.GetAsync("a.d", rig.Hang)).Error.Fault);

        var reopened = JetStreamRig.Ok(await KeyValueBucket.OpenAsync(rig.Context, "b", rig.Hang));
        Assert.Equal("two", Text(JetStreamRig.Ok(await reopened.GetAsync("a.b", rig.Hang))));
        Assert.True((await KeyValueBucket.DeleteBucketAsync(rig.Context, "b", rig.Hang)).IsNone);
        Assert.Equal(JetStreamFault.NotFound, (await KeyValueBucket.OpenAsync(rig.Context, "b", rig.Hang)).Error.Fault);
    }

    [Fact]
    public async Task A_deleted_key_is_not_found_keeps_its_history_and_can_be_created_again_until_it_is_purged()
    {
        await using var rig = await JetStreamRig.StartAsync();
        var bucket = await BucketAsync(rig, c => c with { History = 5 });
        var one = JetStreamRig.Ok(await bucket.PutAsync("k", Utf8("one"), rig.Hang));
        Assert.Equal(JetStreamFault.Conflict, (await bucket.DeleteAsync("k", one + 1, rig.Hang)).Fault);
        Assert.True((await bucket.DeleteAsync("k", one, rig.Hang)).IsNone);
        Assert.Equal(JetStreamFault.NotFound, (await bucket.GetAsync("k", rig.Hang)).Error.Fault);
        var again = JetStreamRig.Ok(await bucket.CreateAsync("k", Utf8("two"), rig.Hang));
        Assert.Equal("one", Text(JetStreamRig.Ok(await bucket.GetAsync("k", one, rig.Hang))));
        Assert.Equal(JetStreamFault.NotFound, (await bucket.GetAsync("other", one, rig.Hang)).Error.Fault);

        var history = JetStreamRig.Ok(await bucket.HistoryAsync("k", rig.Hang));
        Assert.Equal([KeyValueOperation.Put, KeyValueOperation.Delete, KeyValueOperation.Put], history.Select(e => e.Operation));
        Assert.Equal([one, one + 1, again], history.Select(e => e.Revision));
        Assert.Empty(JetStreamRig.Ok(await bucket.HistoryAsync("never", rig.Hang)));

        Assert.True((await bucket.PurgeAsync("k", cancel: rig.Hang)).IsNone);
        Assert.Equal(KeyValueOperation.Purge, Assert.Single(JetStreamRig.Ok(await bucket.HistoryAsync("k", rig.Hang))).Operation);
        _ = JetStreamRig.Ok(await bucket.CreateAsync("k", Utf8("three"), rig.Hang));
    }

    [Fact]
    public async Task Keys_are_those_that_have_a_value()
    {
        await using var rig = await JetStreamRig.StartAsync();
        var bucket = await BucketAsync(rig);
        Assert.Empty(JetStreamRig.Ok(await bucket.KeysAsync(cancel: rig.Hang)));
        foreach (var key in new[] { "a.1", "a.2", "b.1", "a.1" })
        {
            _ = JetStreamRig.Ok(await bucket.PutAsync(key, Utf8("x"), rig.Hang));
        }

        _ = await bucket.DeleteAsync("a.2", cancel: rig.Hang);
        Assert.Equal(["a.1", "b.1"], JetStreamRig.Ok(await bucket.KeysAsync(cancel: rig.Hang)).Order());
        Assert.Equal(["a.1"], JetStreamRig.Ok(await bucket.KeysAsync("a.*", rig.Hang)));
    }

    [Fact]
    public async Task A_watch_of_an_empty_bucket_says_at_once_that_there_is_nothing_and_then_what_comes()
    {
        await using var rig = await JetStreamRig.StartAsync();
        var bucket = await BucketAsync(rig, c => c with { History = 5 });
        await using var watch = JetStreamRig.Ok(bucket.Watch());
        Assert.True(JetStreamRig.Ok(await watch.ReadAsync(rig.Hang)).IsEndOfInitialData);
        _ = JetStreamRig.Ok(await bucket.PutAsync("k", Utf8("v"), rig.Hang));
        _ = await bucket.DeleteAsync("k", cancel: rig.Hang);
        var put = JetStreamRig.Ok(await watch.ReadAsync(rig.Hang)).Entry!;
        Assert.Equal(KeyValueOperation.Put, put.Operation);
        Assert.Equal("v", Text(put));
        Assert.Equal(KeyValueOperation.Delete, JetStreamRig.Ok(await watch.ReadAsync(rig.Hang)).Entry!.Operation);
    }

    [Fact]
    public async Task A_watch_tells_the_last_revision_of_each_key_and_where_that_ends()
    {
        await using var rig = await JetStreamRig.StartAsync();
        var bucket = await BucketAsync(rig, c => c with { History = 3 });
        foreach (var (key, value) in new[] { ("a", "1"), ("b", "1"), ("a", "2"), ("c.x", "1") })
        {
            _ = JetStreamRig.Ok(await bucket.PutAsync(key, Utf8(value), rig.Hang));
        }

        await using var watch = JetStreamRig.Ok(bucket.Watch());
        var told = new List<string>();
        while (JetStreamRig.Ok(await watch.ReadAsync(rig.Hang)) is { IsEndOfInitialData: false } update)
        {
            told.Add($"{update.Entry!.Key}={Text(update.Entry)}");
        }

        Assert.Equal(["b=1", "a=2", "c.x=1"], told);
        await using var changes = JetStreamRig.Ok(bucket.Watch("c.*", changesOnly: true));
        Assert.True(JetStreamRig.Ok(await changes.ReadAsync(rig.Hang)).IsEndOfInitialData);
        _ = JetStreamRig.Ok(await bucket.PutAsync("a", Utf8("3"), rig.Hang));
        _ = JetStreamRig.Ok(await bucket.PutAsync("c.x", Utf8("2"), rig.Hang));
        Assert.Equal("2", Text(JetStreamRig.Ok(await changes.ReadAsync(rig.Hang)).Entry!));
    }

    [Fact]
    public async Task A_watch_misses_nothing_and_tells_nothing_twice_while_the_server_is_killed_and_restarted()
    {
        await using var rig = await JetStreamRig.StartAsync();
        var bucket = await BucketAsync(rig, c => c with { History = 64 });
        await using var watch = JetStreamRig.Ok(bucket.Watch("k"));
        Assert.True(JetStreamRig.Ok(await watch.ReadAsync(rig.Hang)).IsEndOfInitialData);
        var writing = Task.Run(async () =>
        {
            for (var i = 0; i < 60; i++)
            {
                _ = JetStreamRig.Ok(await bucket.PutAsync("k", JetStreamRig.Bytes(i), rig.Hang));
                await Task.Delay(5);
            }
        });
        Task? restart = null;
        for (var i = 0; i < 60; i++)
        {
            Assert.Equal(i, NumberOf(JetStreamRig.Ok(await watch.ReadAsync(rig.Hang)).Entry!));
            restart ??= i == 20 ? rig.Server.RestartAsync() : null;
        }

        await writing;
        await restart!;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(64)]
    public async Task Counting_by_compare_and_set_loses_and_doubles_nothing_while_the_server_is_killed_and_the_link_is_cut(int history)
    {
        await using var rig = await JetStreamRig.StartAsync();
        _ = await BucketAsync(rig, c => c with { History = history });
        await using var proxy = FaultProxy.To(rig.Server.Port);
        var context = await rig.ConnectAsync([rig.Server.UrlOf(proxy.Port)]);
        var bucket = JetStreamRig.Ok(await KeyValueBucket.OpenAsync(context, "b", rig.Hang));
        _ = JetStreamRig.Ok(await bucket.CreateAsync("n", Utf8("0"), rig.Hang));
        var counting = Enumerable.Range(0, 4).Select(_ => Task.Run(() => CountAsync(bucket, 50, rig.Hang))).ToArray();
        for (var cut = 0; cut < 8; cut++)
        {
            await Task.Delay(30);
            proxy.CutAfter(cut % 2 == 0 ? FaultWay.ToClient : FaultWay.ToServer, 300 + (cut * 37));
            await Task.Delay(20);
            proxy.CutNever();
            if (cut == 4)
            {
                await rig.Server.RestartAsync();
            }
        }

        var unknown = (await Task.WhenAll(counting)).Sum();
        var counted = NumberOf(JetStreamRig.Ok(await bucket.GetAsync("n", rig.Hang)));
        Assert.InRange(counted, 200, 200 + unknown);
        Assert.InRange(unknown, 0, 12);
    }

    /// <summary>What is written reaches the server or not, its answer is lost, another writes over it, and the server may be killed before it is sent again.</summary>
    [Theory]
    [InlineData(1, true, false, JetStreamFault.None)]
    [InlineData(1, true, true, JetStreamFault.TimedOut)]
    [InlineData(1, false, true, JetStreamFault.TimedOut)]
    [InlineData(64, true, true, JetStreamFault.None)]
    [InlineData(64, false, true, JetStreamFault.Conflict)]
    public async Task A_write_whose_answer_was_lost_is_never_said_to_be_another_s_where_that_is_not_known(int history, bool arrives, bool kill, JetStreamFault told)
    {
        await using var rig = await JetStreamRig.StartAsync();
        var direct = await BucketAsync(rig, c => c with { History = history });
        await using var proxy = FaultProxy.To(rig.Server.Port);
        var context = await rig.ConnectAsync([rig.Server.UrlOf(proxy.Port)]);
        var bucket = JetStreamRig.Ok(await KeyValueBucket.OpenAsync(context, "b", rig.Hang));
        var first = JetStreamRig.Ok(await bucket.CreateAsync("k", Utf8("first"), rig.Hang));
        (arrives ? proxy.ToClient : proxy.ToServer).Close();
        var writing = bucket.UpdateAsync("k", Utf8("ours"), first, rig.Hang).AsTask();
        var last = first;
        while (arrives && last == first)
        {
            last = JetStreamRig.Ok(await direct.GetAsync("k", rig.Hang)).Revision;
        }

        var others = JetStreamRig.Ok(await direct.UpdateAsync("k", Utf8("another's"), last, rig.Hang));
        await proxy.RefuseAsync();
        if (kill)
        {
            await rig.Server.RestartAsync();
        }

        (arrives ? proxy.ToClient : proxy.ToServer).Open();
        proxy.Accept();
        var written = await writing;
        Assert.True(written.Error.Fault == told, written.Error.ToString());
        Assert.True(!written.IsOk || written.Value == last, "the revision is the one it was written as");
        Assert.Equal(("another's", others), (Text(JetStreamRig.Ok(await direct.GetAsync("k", rig.Hang))), others));
    }

    [Fact]
    public async Task A_key_of_a_bucket_with_a_time_to_live_goes_by_itself()
    {
        await using var rig = await JetStreamRig.StartAsync();
        var bucket = await BucketAsync(rig, c => c with { Ttl = TimeSpan.FromSeconds(2) });
        Assert.Equal(TimeSpan.FromSeconds(2), JetStreamRig.Ok(await bucket.InfoAsync(rig.Hang)).Config.MaxAge);
        _ = JetStreamRig.Ok(await bucket.PutAsync("k", Utf8("v"), rig.Hang));
        while ((await bucket.GetAsync("k", rig.Hang)).IsOk)
        {
            await Task.Delay(50, rig.Hang);
        }

        Assert.Equal(JetStreamFault.NotFound, (await bucket.GetAsync("k", rig.Hang)).Error.Fault);
        _ = JetStreamRig.Ok(await bucket.CreateAsync("k", Utf8("again"), rig.Hang));
    }

    [Fact]
    public async Task A_bucket_that_is_deleted_ends_its_watch()
    {
        await using var rig = await JetStreamRig.StartAsync();
        var bucket = await BucketAsync(rig);
        await using var watch = JetStreamRig.Ok(bucket.Watch());
        _ = JetStreamRig.Ok(await watch.ReadAsync(rig.Hang));
        Assert.True((await KeyValueBucket.DeleteBucketAsync(rig.Context, "b", rig.Hang)).IsNone);
        Assert.Equal(JetStreamFault.NotFound, (await watch.ReadAsync(rig.Hang)).Error.Fault);
    }

    [Fact]
    public async Task Wrong_keys_patterns_and_buckets_are_refused_before_anything_is_sent()
    {
        await using var rig = await JetStreamRig.StartAsync();
        var bucket = await BucketAsync(rig);
        foreach (var key in new[] { "", ".a", "a.", "a..b", "a b", "a\r\nPUB x 0", "a*", ">", "ä" })
        {
            Assert.Equal(JetStreamFault.WrongName, (await bucket.GetAsync(key, rig.Hang)).Error.Fault);
            Assert.Equal(JetStreamFault.WrongName, (await bucket.PutAsync(key, default, rig.Hang)).Error.Fault);
            Assert.Equal(JetStreamFault.WrongName, (await bucket.CreateAsync(key, default, rig.Hang)).Error.Fault);
            Assert.Equal(JetStreamFault.WrongName, (await bucket.DeleteAsync(key, cancel: rig.Hang)).Fault);
            Assert.Equal(JetStreamFault.WrongName, (await bucket.HistoryAsync(key, rig.Hang)).Error.Fault);
        }

        Assert.Equal(JetStreamFault.WrongName, bucket.Watch("a b").Error.Fault);
        Assert.Equal(JetStreamFault.WrongName, bucket.Watch("a.>.b").Error.Fault);
        Assert.Equal(JetStreamFault.WrongName, (await KeyValueBucket.CreateAsync(rig.Context, new KeyValueConfig { Bucket = "a.b" }, rig.Hang)).Error.Fault);
        Assert.Equal(JetStreamFault.WrongName, (await KeyValueBucket.CreateAsync(rig.Context, new KeyValueConfig { Bucket = "x", History = 65 }, rig.Hang)).Error.Fault);
        Assert.Equal(0UL, JetStreamRig.Ok(await bucket.InfoAsync(rig.Hang)).LastSequence);
    }

    /// <summary>Each success counts one on.</summary>
    /// <returns>How many more than those it may have counted: their answers were lost, and a killed server knows only what it still keeps.</returns>
    private static async Task<int> CountAsync(KeyValueBucket bucket, int times, CancellationToken cancel)
    {
        var unknown = 0;
        for (var i = 0; i < times;)
        {
            var now = JetStreamRig.Ok(await bucket.GetAsync("n", cancel));
            var written = await bucket.UpdateAsync("n", JetStreamRig.Bytes(NumberOf(now) + 1), now.Revision, cancel);
            Assert.True(written.IsOk || written.Error.Fault is JetStreamFault.Conflict or JetStreamFault.TimedOut, written.Error.ToString());
            i += written.IsOk ? 1 : 0;
            unknown += written.Error.Fault == JetStreamFault.TimedOut ? 1 : 0;
        }

        return unknown;
    }

    private static async Task<KeyValueBucket> BucketAsync(JetStreamRig rig, Func<KeyValueConfig, KeyValueConfig>? more = null)
    {
        var config = new KeyValueConfig { Bucket = "b" };
        return JetStreamRig.Ok(await KeyValueBucket.CreateAsync(rig.Context, more?.Invoke(config) ?? config, rig.Hang));
    }

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private static string Text(KeyValueEntry entry) => Encoding.UTF8.GetString(entry.Value.Span);

    private static int NumberOf(KeyValueEntry entry) => int.Parse(entry.Value.Span, CultureInfo.InvariantCulture);
}
