using System.Security.Cryptography;
using Jesus.Tests.Faults;
using Jesus.Tests.Nats;
using Jesus.Transport.Nats;
using Jesus.Transport.Nats.JetStream;
using Jesus.Transport.Nats.ObjectStore;
using Jesus.Transport.Tests.Nats.JetStream;

namespace Jesus.Transport.Tests.Nats.ObjectStore;

public sealed class ObjectTests
{
    [Fact]
    public async Task An_object_comes_back_as_it_was_put()
    {
        await using var rig = await JetStreamRig.StartAsync();
        var bucket = await BucketAsync(rig);
        foreach (var size in new[] { 0, 1, ObjectBucket.ChunkBytes, (3 * ObjectBucket.ChunkBytes) + 77 })
        {
            var name = $"a name / with *anything* > ü {size}";
            var content = Content(size);
            var put = JetStreamRig.Ok(await bucket.PutAsync(name, new MemoryStream(content), "described", rig.Hang));
            Assert.Equal((size, (size + ObjectBucket.ChunkBytes - 1) / ObjectBucket.ChunkBytes), ((int)put.Size, put.Chunks));
            Assert.Equal(SHA256.HashData(content), put.Digest.ToArray());

            using var back = new MemoryStream();
            var got = JetStreamRig.Ok(await bucket.GetAsync(name, back, rig.Hang));
            Assert.Equal(content, back.ToArray());
            Assert.Equal((put.Id, put.Size, "described", put.Revision), (got.Id, got.Size, got.Description, got.Revision));
        }
    }

    [Fact]
    public async Task Objects_are_listed_replaced_and_deleted_and_leave_no_chunks()
    {
        await using var rig = await JetStreamRig.StartAsync();
        var bucket = await BucketAsync(rig);
        Assert.Empty(JetStreamRig.Ok(await bucket.ListAsync(rig.Hang)));
        _ = JetStreamRig.Ok(await bucket.PutAsync("a", new MemoryStream(Content(400_000)), cancel: rig.Hang));
        _ = JetStreamRig.Ok(await bucket.PutAsync("b", new MemoryStream(Content(10)), cancel: rig.Hang));
        _ = JetStreamRig.Ok(await bucket.PutAsync("a", new MemoryStream(Content(20)), cancel: rig.Hang));
        Assert.Equal([("a", 20L), ("b", 10L)], JetStreamRig.Ok(await bucket.ListAsync(rig.Hang)).Select(o => (o.Name, o.Size)).Order());
        Assert.Equal(4UL, JetStreamRig.Ok(await bucket.StatusAsync(rig.Hang)).Messages);

        Assert.True((await bucket.DeleteAsync("a", rig.Hang)).IsNone);
        Assert.Equal(JetStreamFault.NotFound, (await bucket.InfoAsync("a", rig.Hang)).Error.Fault);
        Assert.Equal(JetStreamFault.NotFound, (await bucket.GetAsync("a", new MemoryStream(), rig.Hang)).Error.Fault);
        Assert.Equal(JetStreamFault.NotFound, (await bucket.DeleteAsync("a", rig.Hang)).Fault);
        Assert.Equal("b", Assert.Single(JetStreamRig.Ok(await bucket.ListAsync(rig.Hang))).Name);
        Assert.Equal(3UL, JetStreamRig.Ok(await bucket.StatusAsync(rig.Hang)).Messages);
        _ = JetStreamRig.Ok(await bucket.PutAsync("a", new MemoryStream(Content(5)), cancel: rig.Hang));
        Assert.Equal(5, JetStreamRig.Ok(await bucket.InfoAsync("a", rig.Hang)).Size);
    }

    [Fact]
    public async Task A_put_that_breaks_off_leaves_the_old_object_or_none_and_no_chunks()
    {
        await using var rig = await JetStreamRig.StartAsync();
        var bucket = await BucketAsync(rig);
        await Assert.ThrowsAsync<IOException>(async () => await bucket.PutAsync("a", new BreakingStream(Content(500_000), 300_000), cancel: rig.Hang));
        Assert.Equal(JetStreamFault.NotFound, (await bucket.InfoAsync("a", rig.Hang)).Error.Fault);
        Assert.Equal(0UL, JetStreamRig.Ok(await bucket.StatusAsync(rig.Hang)).Messages);

        var old = Content(300_000);
        _ = JetStreamRig.Ok(await bucket.PutAsync("a", new MemoryStream(old), cancel: rig.Hang));
        await Assert.ThrowsAsync<IOException>(async () => await bucket.PutAsync("a", new BreakingStream(Content(500_000), 300_000), cancel: rig.Hang));
        using var back = new MemoryStream();
        _ = JetStreamRig.Ok(await bucket.GetAsync("a", back, rig.Hang));
        Assert.Equal(old, back.ToArray());
        Assert.Equal(4UL, JetStreamRig.Ok(await bucket.StatusAsync(rig.Hang)).Messages);
    }

    [Fact]
    public async Task What_a_writer_that_died_left_behind_is_swept_out_and_whole_objects_stay()
    {
        await using var rig = await JetStreamRig.StartAsync();
        var bucket = await BucketAsync(rig);
        _ = JetStreamRig.Ok(await bucket.PutAsync("a", new MemoryStream(Content(200_000)), cancel: rig.Hang));
        _ = JetStreamRig.Ok(await rig.Context.PublishAsync(NatsSubject.Parse("$O.o.C.dead"), Content(1_000), null, rig.Hang));
        _ = JetStreamRig.Ok(await rig.Context.PublishAsync(NatsSubject.Parse("$O.o.C.dead"), Content(1_000), null, rig.Hang));
        Assert.Equal(0, JetStreamRig.Ok(await bucket.SweepAsync(TimeProvider.System.GetUtcNow() - TimeSpan.FromHours(1), rig.Hang)));
        Assert.Equal(1, JetStreamRig.Ok(await bucket.SweepAsync(TimeProvider.System.GetUtcNow() + TimeSpan.FromHours(1), rig.Hang)));
        Assert.Equal(3UL, JetStreamRig.Ok(await bucket.StatusAsync(rig.Hang)).Messages);
        _ = JetStreamRig.Ok(await bucket.GetAsync("a", new MemoryStream(), rig.Hang));
    }

    [Fact]
    public async Task A_damaged_object_is_found_out()
    {
        await using var rig = await JetStreamRig.StartAsync();
        var bucket = await BucketAsync(rig);
        var put = JetStreamRig.Ok(await bucket.PutAsync("a", new MemoryStream(Content(1_000)), cancel: rig.Hang));
        var chunks = NatsSubject.Parse($"$O.o.C.{put.Id}");
        _ = JetStreamRig.Ok(await rig.Context.PurgeStreamAsync("OBJ_o", chunks.ToString(), cancel: rig.Hang));
        Assert.Equal(JetStreamFault.Corrupt, (await bucket.GetAsync("a", new MemoryStream(), rig.Hang)).Error.Fault);

        _ = JetStreamRig.Ok(await rig.Context.PublishAsync(chunks, new byte[1_000], null, rig.Hang));
        var other = await bucket.GetAsync("a", new MemoryStream(), rig.Hang);
        Assert.Equal(JetStreamFault.Corrupt, other.Error.Fault);
        Assert.Contains("SHA-256", other.Error.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_object_is_put_and_got_whole_while_the_link_is_cut_and_the_server_is_killed()
    {
        await using var rig = await JetStreamRig.StartAsync();
        _ = await BucketAsync(rig);
        await using var proxy = FaultProxy.To(rig.Server.Port);
        var context = await rig.ConnectAsync([rig.Server.UrlOf(proxy.Port)]);
        var bucket = JetStreamRig.Ok(await ObjectBucket.OpenAsync(context, "o", rig.Hang));
        var content = Content(24 * ObjectBucket.ChunkBytes);
        var putting = Task.Run(async () => JetStreamRig.Ok(await bucket.PutAsync("a", new MemoryStream(content), cancel: rig.Hang)));
        await DisturbAsync(rig, proxy, FaultWay.ToServer);
        _ = await putting;

        using var back = new MemoryStream();
        var getting = Task.Run(async () => JetStreamRig.Ok(await bucket.GetAsync("a", back, rig.Hang)));
        await DisturbAsync(rig, proxy, FaultWay.ToClient);
        _ = await getting;
        Assert.Equal(content, back.ToArray());
    }

    [Fact]
    public async Task Wrong_names_are_refused()
    {
        await using var rig = await JetStreamRig.StartAsync();
        var bucket = await BucketAsync(rig);
        Assert.Equal(JetStreamFault.WrongName, (await bucket.PutAsync("", new MemoryStream(), cancel: rig.Hang)).Error.Fault);
        Assert.Equal(JetStreamFault.WrongName, (await bucket.InfoAsync(new string('x', 513), rig.Hang)).Error.Fault);
        Assert.Equal(JetStreamFault.WrongName, (await ObjectBucket.CreateAsync(rig.Context, new ObjectConfig { Bucket = "a.b" }, rig.Hang)).Error.Fault);
    }

    /// <summary>Cuts in the middle of chunks, then a killed server.</summary>
    private static async Task DisturbAsync(JetStreamRig rig, FaultProxy proxy, FaultWay way)
    {
        for (var cut = 0; cut < 3; cut++)
        {
            proxy.CutAfter(way, ObjectBucket.ChunkBytes * 3 / 2);
            await Task.Delay(60);
            proxy.CutNever();
            await Task.Delay(20);
        }

        await rig.Server.RestartAsync();
    }

    private static byte[] Content(int size)
    {
        var bytes = new byte[size];
        var dice = new TestDice(size);
        for (var i = 0; i < size; i++)
        {
            bytes[i] = (byte)dice.Next(256);
        }

        return bytes;
    }

    private static async Task<ObjectBucket> BucketAsync(JetStreamRig rig) =>
        JetStreamRig.Ok(await ObjectBucket.CreateAsync(rig.Context, new ObjectConfig { Bucket = "o" }, rig.Hang));

    /// <summary>A source that fails in its middle.</summary>
    private sealed class BreakingStream(byte[] content, int breaksAt) : MemoryStream(content)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            Position >= breaksAt ? throw new IOException("the disk is gone") : base.ReadAsync(buffer[..Math.Min(buffer.Length, (int)(breaksAt - Position))], cancellationToken);
    }
}
