using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Jesus.Bench.Nats;

/// <summary>A nats-server of the bench's own on loopback, ended with it.</summary>
internal sealed class BenchServer : IDisposable
{
    private const int StartsMax = 5;
    private static readonly TimeSpan ReadyMax = TimeSpan.FromSeconds(60);
    private readonly string _folder = Directory.CreateTempSubdirectory("jesus-bench-nats").FullName;
    private Process? _process;

    public BenchServer(string program)
    {
        for (var start = 1; !TryStart(program); start++)
        {
            if (start == StartsMax)
            {
                Dispose();
                throw new InvalidOperationException($"{program} does not start: its log is above");
            }
        }
    }

    public int Port { get; private set; }
    public string Url => string.Create(CultureInfo.InvariantCulture, $"nats://127.0.0.1:{Port}");

    public void Dispose()
    {
        if (_process is { HasExited: false })
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    // Somebody else may take the port between our choice and the server's listening.
    private bool TryStart(string program)
    {
        Port = FreePort();
        var config = Path.Combine(_folder, "nats.conf");

        // A publisher at full speed is up to three times as fast as a subscriber: the server holds what lies between rather than cut the subscriber off.
        File.WriteAllText(config, string.Create(CultureInfo.InvariantCulture, $"listen: \"127.0.0.1:{Port}\"\nmax_pending: 1GB\nwrite_deadline: \"60s\"\n"));
        _process?.Dispose();
        _process = Process.Start(new ProcessStartInfo(program, ["-c", config]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        _process.ErrorDataReceived += static (_, _) => { };
        _process.BeginErrorReadLine();
        var clock = Stopwatch.StartNew();
        while (!Answers())
        {
            if (_process.HasExited || clock.Elapsed > ReadyMax)
            {
                return false;
            }

            Thread.Sleep(1);
        }

        return true;
    }

    private bool Answers()
    {
        try
        {
            using var client = new TcpClient();
            client.Connect(IPAddress.Loopback, Port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
