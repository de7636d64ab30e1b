using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Jesus.Appliance.Federation;
using Jesus.Appliance.Federation.Membership;
using Jesus.Transport.Http;
using Jesus.Transport.Nats;
using Microsoft.Extensions.Logging.Abstractions;

namespace Jesus.Bench.Peers;

/// <summary>
/// A whole box's hub over a real nats-server, against a process that speaks for all the others: processor time and memory of this process, beside what it takes alone.
/// </summary>
internal static class BoxBench
{
    private const string Server = "/usr/sbin/nats-server";

    /// <summary>Of each measurement of a box's cost.</summary>
    public const int Seconds = 20;

    /// <param name="cost">What other boxes cost this one.</param>
    /// <param name="calls">What the way to another adds to a call.</param>
    public static async Task RunAsync(TextWriter output, bool tiny, bool cost = true, bool calls = true, int seconds = Seconds)
    {
        if (!File.Exists(Server))
        {
            await output.WriteLineAsync($"a box over NATS: not measured, {Server} is not there (apt-get install nats-server)");
            return;
        }

        (var peers, seconds) = tiny ? (50, 1) : (1_000, seconds);
        var port = FreePort();
        using var server = Start(new ProcessStartInfo(Server, ["-a", "127.0.0.1", "-p", port.ToString(CultureInfo.InvariantCulture), "-l", "/dev/null"]));
        try
        {
            var url = $"nats://127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)}";
            if (calls)
            {
                await CallBench.RunAsync(output, url, tiny);
            }

            if (!cost)
            {
                return;
            }

            await using var hub = new FederationHub(SetupOf(url));
            hub.Start();
            _ = await hub.Nats.WaitConnectedAsync(TimeSpan.FromSeconds(30), CancellationToken.None);
            var (alone, before) = await MeasureAsync(seconds);
            await output.WriteLineAsync($"a box over NATS, {seconds} s each; alone it takes {alone:F2} % of a core");

            // The bound of 2,000 deliveries a second in all gives each of 1,000 boxes two statuses a second to read.
            foreach (var perSecond in new[] { 2, peers })
            {
                using var speaker = Speak(url, peers, perSecond);
                _ = await speaker.StandardOutput.ReadLineAsync();
                while (hub.Peers.Current.Length < peers)
                {
                    await Task.Delay(20);
                }

                var (percent, memory) = await MeasureAsync(seconds);
                await output.WriteLineAsync($"  {peers} peers, {perSecond,4} statuses a second: {percent,5:F2} % of a core ({percent - alone:+0.00;-0.00} %), "
                    + $"{(memory - before) / 1e6:F1} MB more on the heap");
                speaker.Kill();
                await speaker.WaitForExitAsync();
            }
        }
        finally
        {
            server.Kill();
            await server.WaitForExitAsync();
        }
    }

    /// <summary>A quarter of the time goes by first: what the compiler does in a new process is none of a box's work, which is compiled ahead.</summary>
    private static async Task<(double Percent, long Heap)> MeasureAsync(int seconds)
    {
        await Task.Delay(TimeSpan.FromSeconds(seconds / 4.0));
        using var process = Process.GetCurrentProcess();
        var heap = GC.GetTotalMemory(forceFullCollection: true);
        var (cpu, started) = (process.TotalProcessorTime, Stopwatch.GetTimestamp());
        await Task.Delay(TimeSpan.FromSeconds(seconds));
        process.Refresh();
        return ((process.TotalProcessorTime - cpu).TotalSeconds * 100 / Stopwatch.GetElapsedTime(started).TotalSeconds, heap);
    }

    private static FederationSetup SetupOf(string url) => new()
    {
        Options = new FederationOptions { Cluster = "bench", Peer = "me", Nats = new NatsServerOptions { Urls = [url] } },
        Nats = new NatsOptions { Urls = [url], NoEcho = true },
        Network = TcpNetwork.Instance,
        Time = TimeProvider.System,
        Log = NullLogger.Instance,
        Version = "0.1.0",
        Host = "bench",
        Models = static () => [new PeerModelView { Name = "m", NameUtf8 = "m"u8.ToArray() }],
        Dice = static () => (ulong)Random.Shared.NextInt64(),
    };

    private static Process Speak(string url, int peers, int perSecond) => Start(new ProcessStartInfo("dotnet",
        [typeof(Speaker).Assembly.Location, "speak", url, peers.ToString(CultureInfo.InvariantCulture), perSecond.ToString(CultureInfo.InvariantCulture)])
    {
        RedirectStandardOutput = true,
    });

    private static Process Start(ProcessStartInfo start) => Process.Start(start) ?? throw new InvalidOperationException($"{start.FileName} did not start.");

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
