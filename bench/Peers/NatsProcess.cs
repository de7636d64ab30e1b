using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Jesus.Bench.Peers;

/// <summary>A nats-server of this bench's own.</summary>
internal sealed class NatsProcess : IAsyncDisposable
{
    public const string Program = "/usr/sbin/nats-server";

    private readonly Process _process;

    private NatsProcess(Process process, string url) => (_process, Url) = (process, url);

    public string Url { get; }

    public static NatsProcess Start()
    {
        var port = FreePort().ToString(CultureInfo.InvariantCulture);
        var process = Process.Start(new ProcessStartInfo(Program, ["-a", "127.0.0.1", "-p", port, "-l", "/dev/null"]))
            ?? throw new InvalidOperationException($"{Program} did not start.");
        return new NatsProcess(process, "nats://127.0.0.1:" + port);
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
