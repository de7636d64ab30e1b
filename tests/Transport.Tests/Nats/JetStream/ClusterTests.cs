using System.Globalization;
using System.Text;
using Jesus.Tests.Nats;
using Jesus.Transport.Nats;
using Jesus.Transport.Nats.JetStream;
using Jesus.Transport.Nats.KeyValue;
using NatsServer = Jesus.Tests.Nats.NatsServer;

namespace Jesus.Transport.Tests.Nats.JetStream;

public sealed class ClusterTests
{
    private static readonly TimeSpan Hang = TimeSpan.FromMinutes(4);

    [Fact]
    public async Task Nothing_acknowledged_is_lost_when_the_leader_of_three_replicas_is_killed_in_the_middle_of_it_all()
    {
        await using var cluster = await NatsCluster.StartAsync(new NatsServerOptions { JetStream = true, Name = "n" });
        using var hang = new CancellationTokenSource(Hang);
        await using var connection = JetStreamRig.Open(cluster.Urls);
        Assert.True(await connection.WaitConnectedAsync(Hang, hang.Token));
        var context = JetStreamRig.Patient(connection);
        var made = JetStreamRig.Ok(await context.CreateStreamAsync(new StreamConfig { Name = "s", Subjects = ["s.>"], Replicas = 3 }, hang.Token));
        Assert.Equal(2, made.Followers.Count);
        _ = JetStreamRig.Ok(await context.CreateConsumerAsync("s", new ConsumerConfig { Name = "c", AckWait = TimeSpan.FromSeconds(2) }, hang.Token));

        var publishing = Task.Run(() => PublishAsync(context, 300, hang.Token));
        var ordered = Task.Run(() => ReadInOrderAsync(context, 300, hang.Token));
        var seen = new HashSet<int>();
        await using var pull = JetStreamRig.Ok(context.OpenPull("s", "c", JetStreamRig.Quick));
        NatsServer? killed = null;
        while (seen.Count < 300)
        {
            using var message = JetStreamRig.Ok(await pull.ReadAsync(hang.Token));
            _ = await message.AckAsync(hang.Token);
            _ = seen.Add(JetStreamRig.Number(message));
            if (seen.Count >= 60 && killed is null)
            {
                var leader = JetStreamRig.Ok(await context.StreamInfoAsync("s", hang.Token)).Leader;
                killed = cluster.Servers.Single(s => s.Options.Name == leader);
                await killed.KillAsync();
            }
        }

        await publishing;
        await ordered;
        Assert.Equal(300UL, JetStreamRig.Ok(await context.StreamInfoAsync("s", hang.Token)).Messages);
    }

    [Fact]
    public async Task Of_two_that_compare_and_set_at_the_same_moment_one_wins_also_on_three_replicas_whose_leader_is_killed()
    {
        await using var cluster = await NatsCluster.StartAsync(new NatsServerOptions { JetStream = true, Name = "n" });
        using var hang = new CancellationTokenSource(Hang);
        await using var one = JetStreamRig.Open(cluster.Urls);
        await using var two = JetStreamRig.Open([.. cluster.Urls.Reverse()]);
        Assert.True(await one.WaitConnectedAsync(Hang, hang.Token) && await two.WaitConnectedAsync(Hang, hang.Token));
        var bucket = JetStreamRig.Ok(await KeyValueBucket.CreateAsync(JetStreamRig.Patient(one), new KeyValueConfig { Bucket = "b", Replicas = 3, History = 64 }, hang.Token));
        var other = JetStreamRig.Ok(await KeyValueBucket.OpenAsync(JetStreamRig.Patient(two), "b", hang.Token));
        var first = await Task.WhenAll(bucket.CreateAsync("n", JetStreamRig.Bytes(0), hang.Token).AsTask(), other.CreateAsync("n", JetStreamRig.Bytes(0), hang.Token).AsTask());
        Assert.Single(first, r => r.IsOk);

        // A third writes another key all the time: the stream moves on, the counted key does not.
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(hang.Token);
        var noise = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                _ = await bucket.PutAsync("noise", default, stop.Token);
                await Task.Delay(10, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        });
        var counting = new[] { bucket, other, bucket, other }.Select((b, i) => Task.Run(() => CountAsync(b, $"w{i}", 30, hang.Token))).ToArray();
        while (await ReadAsync(bucket, hang.Token) < 40)
        {
            await Task.Delay(5);
        }

        var leader = JetStreamRig.Ok(await bucket.InfoAsync(hang.Token)).Leader;
        await cluster.Servers.Single(s => s.Options.Name == leader).KillAsync();
        await Task.WhenAll(counting);
        await stop.CancelAsync();
        await noise;
        Assert.Equal(120, await ReadAsync(bucket, hang.Token));
    }

    private static async Task<int> ReadAsync(KeyValueBucket bucket, CancellationToken cancel) =>
        NumberOf(JetStreamRig.Ok(await bucket.GetAsync("n", cancel)));

    /// <summary>Of <c>17 w1-4</c>, or of <c>17</c>.</summary>
    private static int NumberOf(KeyValueEntry entry) => int.Parse(Text(entry).Split(' ')[0], CultureInfo.InvariantCulture);

    private static string Text(KeyValueEntry entry) => Encoding.ASCII.GetString(entry.Value.Span);

    private static async Task PublishAsync(JetStreamContext context, int count, CancellationToken cancel)
    {
        for (var i = 0; i < count; i++)
        {
            _ = JetStreamRig.Ok(await context.PublishAsync(NatsSubject.Parse("s.n"), JetStreamRig.Bytes(i), new JetStreamPublish { MessageId = $"{i}" }, cancel));
        }
    }

    /// <summary>Each success counts one on; what is not known to be one is looked up in the key's history.</summary>
    private static async Task CountAsync(KeyValueBucket bucket, string writer, int times, CancellationToken cancel)
    {
        for (var (i, tries) = (0, 0); i < times; tries++)
        {
            var now = JetStreamRig.Ok(await bucket.GetAsync("n", cancel));
            var next = $"{NumberOf(now) + 1} {writer}-{tries}";
            var written = await bucket.UpdateAsync("n", Encoding.ASCII.GetBytes(next), now.Revision, cancel);
            var isUnknown = written.Error.Fault == JetStreamFault.TimedOut;
            Assert.True(written.IsOk || isUnknown || written.Error.Fault == JetStreamFault.Conflict, written.Error.ToString());
            i += written.IsOk || (isUnknown && JetStreamRig.Ok(await bucket.HistoryAsync("n", cancel)).Any(entry => Text(entry) == next)) ? 1 : 0;
        }
    }

    private static async Task ReadInOrderAsync(JetStreamContext context, int count, CancellationToken cancel)
    {
        await using var reader = JetStreamRig.Ok(context.OpenOrdered("s", new OrderedOptions { Pull = JetStreamRig.Quick }));
        for (var i = 0; i < count; i++)
        {
            using var message = JetStreamRig.Ok(await reader.ReadAsync(cancel));
            Assert.Equal(i, JetStreamRig.Number(message));
        }
    }
}
