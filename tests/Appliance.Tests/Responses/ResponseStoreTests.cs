using System.Text;
using Jesus.Appliance.Artifacts;
using Jesus.Appliance.Responses;
using Jesus.Appliance.Storage.Journal;
using Jesus.Appliance.Tests.Storage;

namespace Jesus.Appliance.Tests.Responses;

public sealed class ResponseStoreTests : IDisposable
{
    private readonly FixedTime _time = new();
    private readonly SimulatedDisk _disk = new(1);
    private readonly List<Journal> _journals = [];
    private ArtifactStore _artifacts = null!;

    [Fact]
    public async Task What_was_kept_survives_a_loss_of_power()
    {
        var store = Open();
        Assert.Null(await store.KeepAsync(Response("resp_1", "key:a", "hello")));
        store = Crash();
        var found = store.Find("resp_1", "key:a")!;
        Assert.Equal("{\"text\":\"hello\"}", Encoding.UTF8.GetString(found.Response.Span));
        Assert.Equal("\"the input\"", Encoding.UTF8.GetString(found.Input.Span));
        Assert.Equal(("resp_0", true, false), (found.Previous, found.Ended, found.Background));
        Assert.Equal(_time.GetUtcNow(), found.Created);
    }

    [Fact]
    public async Task Only_the_owner_finds_or_drops_a_response()
    {
        var store = Open();
        Assert.Null(await store.KeepAsync(Response("resp_1", "key:a", "hello")));
        Assert.Null(store.Find("resp_1", "key:b"));
        Assert.False(await store.DropAsync("resp_1", "key:b"));
        Assert.NotNull(store.Find("resp_1", "key:a"));
    }

    [Fact]
    public async Task Another_principals_response_is_never_replaced_by_one_of_the_same_id()
    {
        var store = Open();
        Assert.Null(await store.KeepAsync(Response("resp_1", "key:a", "hers")));
        Assert.Contains("resp_1", await store.KeepAsync(Response("resp_1", "key:b", "his")), StringComparison.Ordinal);
        Assert.Equal("{\"text\":\"hers\"}", Encoding.UTF8.GetString(store.Find("resp_1", "key:a")!.Response.Span));
    }

    [Fact]
    public async Task A_dropped_response_is_gone_from_the_disk_and_stays_gone_after_a_restart()
    {
        var store = Open();
        Assert.Null(await store.KeepAsync(Response("resp_1", "key:a", "hello")));
        Assert.True(_artifacts.UsedBytes > 0);
        Assert.True(await store.DropAsync("resp_1", "key:a"));
        Assert.Equal(0, _artifacts.UsedBytes);
        Assert.Null(store.Find("resp_1", "key:a"));
        Assert.Null(Crash().Find("resp_1", "key:a"));
    }

    [Fact]
    public async Task A_response_that_was_begun_and_never_ended_is_found_as_such_after_a_crash()
    {
        var store = Open();
        var begun = Response("resp_1", "key:a", "queued") with { Background = true, Ended = false };
        Assert.Null(await store.KeepAsync(begun));
        store = Crash();
        Assert.Equal((true, false), (store.Find("resp_1", "key:a")!.Background, store.Find("resp_1", "key:a")!.Ended));

        Assert.Null(await store.KeepAsync(begun with { Ended = true, Response = "{}"u8.ToArray() }));
        Assert.True(Crash().Find("resp_1", "key:a")!.Ended);
        Assert.Equal(1, Crash().Count);
    }

    [Fact]
    public async Task A_response_older_than_the_retention_is_not_found_and_its_bytes_go_with_the_next_one_kept()
    {
        var store = Open(new ResponseOptions { RetentionDays = 30 });
        Assert.Null(await store.KeepAsync(Response("resp_1", "key:a", new string('x', 1_000))));
        _time.Move(TimeSpan.FromDays(29.9));
        Assert.NotNull(store.Find("resp_1", "key:a"));
        _time.Move(TimeSpan.FromDays(0.1));
        Assert.Null(store.Find("resp_1", "key:a"));

        Assert.Null(await store.KeepAsync(Response("resp_2", "key:a", "y")));
        Assert.Equal(1, store.Count);
        Assert.True(_artifacts.UsedBytes < 1_000);
    }

    [Fact]
    public async Task The_oldest_make_room_for_everybody_and_for_each_principal()
    {
        var store = Open(new ResponseOptions { KeptMax = 4, KeptPerPrincipalMax = 2 });
        foreach (var (id, owner) in new[] { ("resp_1", "a"), ("resp_2", "b"), ("resp_3", "a"), ("resp_4", "a") })
        {
            Assert.Null(await store.KeepAsync(Response(id, owner, "t")));
        }

        Assert.Null(store.Find("resp_1", "a"));
        Assert.NotNull(store.Find("resp_2", "b"));
        Assert.NotNull(store.Find("resp_3", "a"));

        Assert.Null(await store.KeepAsync(Response("resp_5", "c", "t")));
        Assert.Null(await store.KeepAsync(Response("resp_6", "d", "t")));
        Assert.Null(store.Find("resp_2", "b"));
        Assert.Equal(4, store.Count);
        _journals[^1].Dispose(); // the records of what made room are written without anybody waiting for them
        Assert.Equal(4, Crash(new ResponseOptions { KeptMax = 4, KeptPerPrincipalMax = 2 }).Count);
    }

    [Fact]
    public async Task A_full_artifact_store_is_named_and_nothing_is_kept()
    {
        var store = Open(artifacts: new ArtifactOptions { FreeBytesMin = 0, QuotaBytes = 64 });
        Assert.Contains("artifacts.quotaBytes", await store.KeepAsync(Response("resp_1", "key:a", new string('x', 1_000))), StringComparison.Ordinal);
        Assert.Null(store.Find("resp_1", "key:a"));
    }

    public void Dispose() => _journals.ForEach(j => j.Dispose());

    private StoredResponse Response(string id, string owner, string text) => new(
        id, owner, _time.GetUtcNow(), Background: false, Ended: true, "resp_0", "\"the input\""u8.ToArray(), Encoding.UTF8.GetBytes($"{{\"text\":\"{text}\"}}"));

    private ResponseStore Crash(ResponseOptions? options = null)
    {
        _disk.Crash();
        return Open(options);
    }

    private ResponseStore Open(ResponseOptions? options = null, ArtifactOptions? artifacts = null)
    {
        var journal = Journal.Open(_disk, "/state/journal", new JournalOptions { SegmentBytes = 1 << 20, PendingBytesMax = 1 << 17, ZeroAheadBytes = 1 << 12 }, _time);
        _journals.Add(journal);
        _artifacts = ArtifactStore.Open(_disk, "/state/artifacts", artifacts ?? new ArtifactOptions { FreeBytesMin = 0 }, _time);
        var store = new ResponseStore(journal, _artifacts, options ?? new ResponseOptions(), _time);
        _ = JournalReplay.Run(journal, store);
        store.Trim();
        return store;
    }
}
