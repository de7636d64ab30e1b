using Jesus.Transport.Http;
using Jesus.Transport.Nats;

namespace Jesus.Bench.Peers;

/// <summary>All other boxes of the fleet in one process: publishes their statuses evenly, until it is killed.</summary>
public static class Speaker
{
    /// <summary>Statuses are sent in groups this far apart, since a timer that is finer would only burn the processor.</summary>
    private const int GroupMs = 20;

    public static async Task RunAsync(string url, int peers, int perSecond)
    {
        await using var nats = new NatsConnection(new NatsOptions { Urls = [url] }, TcpNetwork.Instance, TimeProvider.System);
        nats.Start();
        if (!await nats.WaitConnectedAsync(TimeSpan.FromSeconds(30), CancellationToken.None))
        {
            throw new InvalidOperationException($"{url} is not reachable.");
        }

        var subjects = Enumerable.Range(0, peers).Select(p => NatsSubject.Parse($"jesus.bench.peer.{Fleet.NameOf(p)}.status")).ToArray();
        var interval = (int)Math.Max(1_000, peers * 1_000L / perSecond);
        for (var peer = 0; peer < peers; peer++)
        {
            _ = await nats.PublishAsync(subjects[peer], Fleet.Status(peer, 1, interval, withDigests: true));
        }

        // The bench waits for this line before it measures.
        Console.WriteLine("introduced");
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(GroupMs));
        var (sent, started) = (0L, TimeProvider.System.GetTimestamp());
        while (await timer.WaitForNextTickAsync())
        {
            var due = (long)(TimeProvider.System.GetElapsedTime(started).TotalSeconds * perSecond);
            for (; sent < due; sent++)
            {
                var peer = (int)(sent % peers);
                _ = await nats.PublishAsync(subjects[peer], Fleet.Status(peer, 2 + (ulong)(sent / peers), interval, withDigests: false));
            }
        }
    }
}
