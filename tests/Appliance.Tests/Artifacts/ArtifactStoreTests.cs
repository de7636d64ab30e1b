using System.Text;
using Jesus.Appliance.Artifacts;
using Jesus.Appliance.Tests.Storage;

namespace Jesus.Appliance.Tests.Artifacts;

public sealed class ArtifactStoreTests
{
    private const string Folder = "/state/artifacts";

    private readonly FixedTime _time = new();
    private readonly SimulatedDisk _disk = new(1);

    [Fact]
    public void What_was_put_is_found_under_its_hash()
    {
        var store = Open();
        var put = store.Put("hello"u8, "text/plain");
        Assert.Equal(new ArtifactRef("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", 5, "text/plain"), put.Ref);
        Assert.Equal("hello", Encoding.UTF8.GetString(store.Read(put.Ref.Hash)!));
        Assert.True(_disk.FileExists($"{Folder}/2c/f24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"));
    }

    [Fact]
    public async Task A_stream_gives_the_same_reference_as_its_bytes_and_equal_contents_are_stored_once()
    {
        var store = Open();
        var content = new byte[200_000];
        new Random(7).NextBytes(content);
        var fromStream = await store.PutAsync(new MemoryStream(content), "application/octet-stream", CancellationToken.None);
        var fromBytes = store.Put(content, "application/octet-stream");
        Assert.Equal(fromStream, fromBytes);
        Assert.Equal(content.Length, store.UsedBytes);
        using var read = store.OpenRead(fromBytes.Ref.Hash)!;
        using var copy = new MemoryStream();
        await read.CopyToAsync(copy);
        Assert.Equal(content, copy.ToArray());
        Assert.Empty(_disk.ListFiles($"{Folder}/tmp"));
    }

    [Fact]
    public void An_unknown_or_malformed_hash_is_not_found()
    {
        var store = Open();
        Assert.Null(store.Read(new string('a', 64)));
        Assert.Null(store.OpenRead("../../etc/passwd"));
    }

    [Fact]
    public void A_damaged_artifact_is_never_handed_out_as_whole()
    {
        var store = Open();
        var hash = store.Put("hello"u8, "text/plain").Ref.Hash;
        _disk.Damage($"{Folder}/2c/{hash[2..]}", "hullo"u8.ToArray());
        Assert.Throws<ArtifactDamagedException>(() => store.Read(hash));
        using var stream = store.OpenRead(hash)!;
        Assert.Throws<ArtifactDamagedException>(() => stream.CopyTo(Stream.Null));
    }

    [Fact]
    public void Each_limit_refuses_by_name_and_gives_back_what_it_had_reserved()
    {
        var small = ArtifactStore.Open(_disk, Folder, new ArtifactOptions { QuotaBytes = 10, ArtifactBytesMax = 8, FreeBytesMin = 0 }, _time);
        Assert.Contains("artifactBytesMax", small.Put(new byte[9], "x").Refusal, StringComparison.Ordinal);
        Assert.True(small.Put(new byte[8], "x").Stored);
        Assert.Contains("quotaBytes", small.Put([1, 2, 3], "x").Refusal, StringComparison.Ordinal);
        Assert.Equal(8, small.UsedBytes);
        _disk.Capacity = 1000;
        var careful = ArtifactStore.Open(_disk, Folder, new ArtifactOptions { FreeBytesMin = 2000 }, _time);
        Assert.Contains("freeBytesMin", careful.Put([1, 2, 3], "x").Refusal, StringComparison.Ordinal);
        Assert.Empty(_disk.ListFiles($"{Folder}/tmp"));
    }

    [Fact]
    public void A_sweep_deletes_only_what_is_old_and_unreferenced()
    {
        var store = Open();
        var live = store.Put("live"u8, "text/plain").Ref.Hash;
        var dead = store.Put("dead"u8, "text/plain").Ref.Hash;
        Assert.Equal((0, 0), store.Sweep(new HashSet<string> { live }));
        _time.Move(TimeSpan.FromHours(2));
        var fresh = store.Put("fresh"u8, "text/plain").Ref.Hash;
        Assert.Equal((1, 4), store.Sweep(new HashSet<string> { live }));
        Assert.True(store.Exists(live));
        Assert.False(store.Exists(dead));
        Assert.True(store.Exists(fresh));
        Assert.Equal(9, store.UsedBytes);
    }

    [Fact]
    public void A_stored_artifact_survives_a_power_failure_at_every_sync_point()
    {
        for (var seed = 1; seed <= 100; seed++)
        {
            for (var sync = 1; sync <= 12; sync++)
            {
                CrashAt(seed, sync, after: false);
                CrashAt(seed, sync, after: true);
            }
        }
    }

    private void CrashAt(int seed, int sync, bool after)
    {
        var disk = new SimulatedDisk(seed) { LosePowerAtSync = sync, LosePowerAfter = after };
        var stored = new List<string>();
        try
        {
            var store = ArtifactStore.Open(disk, Folder, new ArtifactOptions { FreeBytesMin = 0 }, _time);
            for (var i = 0; i < 4; i++)
            {
                stored.Add(store.Put(Encoding.UTF8.GetBytes($"content {seed} {i} {new string('x', 700)}"), "text/plain").Ref.Hash);
            }
        }
        catch (PowerLostException)
        {
            // the put in progress was not acknowledged
        }

        disk.Crash();
        var again = ArtifactStore.Open(disk, Folder, new ArtifactOptions { FreeBytesMin = 0 }, _time);
        Assert.Empty(disk.ListFiles($"{Folder}/tmp"));
        foreach (var hash in stored)
        {
            Assert.True(again.Read(hash) is not null, $"seed {seed}, sync {sync}, after {after}: {hash} is gone");
        }
    }

    private ArtifactStore Open() => ArtifactStore.Open(_disk, Folder, new ArtifactOptions { FreeBytesMin = 0 }, _time);
}
