using System.Globalization;

namespace Jesus.Bench.Nats;

/// <summary>
/// The NATS client beside plain sockets (<c>raw.c</c>), against one real server on loopback with which all share the machine: rounds over all rows, ours and the raw
/// ones in turn, so that the machine's moods hit both alike; medians of the rounds.
/// </summary>
public static class NatsBench
{
    private static readonly int[] Outstanding = [1, 16, 256];
    private static readonly double[] RequestBars = [0.95, 0.8, 0.65];

    public static async Task RunAsync(NatsBenchOptions options, TextWriter output)
    {
        if (!File.Exists(options.Server))
        {
            output.WriteLine($"{options.Server} is not there: nothing to measure with (--server FILE)");
            return;
        }

        using var server = new BenchServer(options.Server);
        await using var ours = await OurClient.ConnectAsync(server.Url);
        var raw = File.Exists(options.Raw) ? new RawSockets(options.Raw, server.Port) : null;
        if (raw is null)
        {
            output.WriteLine($"{options.Raw} is not compiled (gcc -O2 -pthread bench/Nats/raw.c): its figures and the row of subscribing are left out");
        }

        var rows = Rows(options, ours, raw).Where(row => options.Only.Count == 0 || options.Only.Any(only => row.Name.StartsWith(only, StringComparison.Ordinal))).ToList();
        foreach (var row in rows)
        {
            // Pools and buffers fill once.
            _ = await row.Ours();
        }

        for (var round = 0; round < options.Rounds; round++)
        {
            foreach (var row in rows)
            {
                await row.RunAsync(round);
            }
        }

        Print(rows, output);
    }

    private static List<NatsRow> Rows(NatsBenchOptions options, OurClient ours, RawSockets? raw)
    {
        var rows = new List<NatsRow>
        {
            new("publish", "M msg/s", 1e6, 0.8, () => ours.PublishAsync(options.Messages), raw is null ? null : () => raw.Publish(options.Messages)),
        };
        if (raw is not null)
        {
            rows.Add(new NatsRow("subscribe", "M msg/s", 1e6, 0.9, () => ours.SubscribeAsync(options.Messages, raw.Flood), () => raw.Subscribe(options.Messages)));
        }

        for (var i = 0; i < Outstanding.Length; i++)
        {
            var outstanding = Outstanding[i];
            rows.Add(new NatsRow(
                string.Create(CultureInfo.InvariantCulture, $"request {outstanding}"), "k req/s", 1e3, RequestBars[i],
                () => ours.RequestAsync(outstanding, options.Seconds),
                raw is null ? null : () => raw.Request(outstanding, options.Seconds, fresh: false),
                raw is null ? null : () => raw.Request(outstanding, options.Seconds, fresh: true)));
        }

        return rows;
    }

    private static void Print(List<NatsRow> rows, TextWriter output)
    {
        output.WriteLine(
            $"{"128 B messages",-14}{"",9}{"raw",9}{"ours",9}{"ratio",7}{"bar",7}{"fresh",9}{"ratio",7}{"CPU ns: raw",13}{"ours",8}{"p50 us: raw",13}{"ours",9}{"p99 us: raw",13}{"ours",9}{"B/msg",8}");
        foreach (var row in rows)
        {
            row.Print(output);
        }

        output.WriteLine("fresh: raw sockets with a subject for each answer, as long as ours; plain raw ones use a slot's again, which spares the server a search for each answer");
        output.WriteLine("CPU is the measured process's own (a requester and a responder in one); ours allocates for both sides together what the last column says");
    }
}
