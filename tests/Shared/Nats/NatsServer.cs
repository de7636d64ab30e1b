using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Jesus.Tests.Processes;

namespace Jesus.Tests.Nats;

/// <summary>
/// A real nats-server on loopback, in a folder of its own, started and ended by the test. It is killed when the test ends, whatever happens, and by the
/// kernel when the test host dies (<see cref="ProcessStarter.BoundToUs"/>).
/// </summary>
internal sealed partial class NatsServer : IAsyncDisposable
{
    public const string Program = "/usr/sbin/nats-server";

    /// <summary>A server that does not answer after this hangs; it takes milliseconds on a machine with nothing else to do.</summary>
    private static readonly TimeSpan ReadyMax = TimeSpan.FromSeconds(60);

    /// <summary>Somebody else may take a port between our choice and the server's listening: then other ports are tried, this often.</summary>
    private const int StartsMax = 5;

    private const int SigHup = 1, SigUsr2 = 12, SigTerm = 15, SigStop = 19, SigCont = 18;

    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(20) };

    private readonly StringBuilder _log = new();
    private readonly NatsPorts _ports;
    private Process? _process;

    private NatsServer(NatsServerOptions options, NatsPorts ports, NatsClusterPlace? place)
    {
        (Options, _ports, Place) = (options, ports, place);
        Folder = Directory.CreateTempSubdirectory("jesus-nats").FullName;
    }

    /// <summary>Why there is no server to test with; null when there is one.</summary>
    public static string? WhyMissing => File.Exists(Program) ? null : $"{Program} is not there: run eng/setup-tests.sh, or install the Debian package nats-server.";

    public NatsServerOptions Options { get; private set; }

    /// <summary>Its place in a cluster, when it has one.</summary>
    public NatsClusterPlace? Place { get; }

    public string Folder { get; }
    public int Port => _ports.Client;
    public int LeafPort => _ports.Leaf;

    /// <summary>As a client is given it: the scheme says TLS where the server wants it.</summary>
    public string Url => UrlOf(Port);

    public bool IsRunning => _process is { HasExited: false };

    /// <summary>All that it ever said, over every restart.</summary>
    public string Log
    {
        get
        {
            lock (_log)
            {
                return _log.ToString();
            }
        }
    }

    public static void SkipIfMissing() => Assert.SkipUnless(WhyMissing is null, WhyMissing ?? "");

    /// <summary>Starts one and waits until it accepts; skips the test where no server is installed.</summary>
    public static async Task<NatsServer> StartAsync(NatsServerOptions? options = null)
    {
        SkipIfMissing();
        for (var start = 1; ; start++)
        {
            var server = new NatsServer(options ?? new NatsServerOptions(), NatsPorts.Choose(), null);
            try
            {
                await server.LaunchAsync();
                return server;
            }
            catch (Exception) when (start < StartsMax && server.PortWasTaken)
            {
                await server.DisposeAsync();
            }
            catch
            {
                await server.DisposeAsync();
                throw;
            }
        }
    }

    /// <summary>One of a cluster, not started yet.</summary>
    internal static NatsServer InCluster(NatsServerOptions options, NatsPorts ports, NatsClusterPlace place) => new(options, ports, place);

    internal bool PortWasTaken => Log.Contains("address already in use", StringComparison.Ordinal);

    /// <summary>The same server behind another port (a <see cref="FaultProxy"/>).</summary>
    public string UrlOf(int port) => $"{(Options.Tls is null ? "nats" : "tls")}://127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>Starts it (again) on the same ports and store.</summary>
    public async Task LaunchAsync()
    {
        await BeginAsync();
        await WaitUntilReadyAsync();
    }

    /// <summary>Starts it without waiting, as a cluster's servers wait for each other.</summary>
    internal async Task BeginAsync()
    {
        _process = await ProcessStarter.StartAsync(ProcessStarter.BoundToUs(Program, await WriteConfigAsync()));
        _process.ErrorDataReceived += (_, line) => Note(line.Data);
        _process.OutputDataReceived += (_, line) => Note(line.Data);
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
    }

    /// <summary>SIGKILL: whatever it had not written is gone.</summary>
    public async Task KillAsync()
    {
        _process!.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>Ends it in order: clients are told.</summary>
    public async Task StopAsync()
    {
        Signal(SigTerm);
        await WaitForExitAsync();
    }

    /// <summary>SIGKILL and the same ports and store again.</summary>
    public async Task RestartAsync()
    {
        await KillAsync();
        await LaunchAsync();
    }

    /// <summary>Lame duck mode: it takes no new clients, asks those it has to go (INFO with <c>ldm</c>), and ends when its grace is over.</summary>
    public void LameDuck() => Signal(SigUsr2);

    /// <summary>Waits until it ended by itself, as after <see cref="LameDuck"/>.</summary>
    public async Task WaitForExitAsync()
    {
        using var limit = new CancellationTokenSource(ReadyMax);
        await _process!.WaitForExitAsync(limit.Token);
    }

    /// <summary>Stops its clock: it takes connections (the kernel does) and answers nothing.</summary>
    public void Freeze() => Signal(SigStop);

    public void Thaw() => Signal(SigCont);

    /// <summary>Reads a changed configuration: who is no longer allowed is thrown out.</summary>
    public async Task ReloadAsync(NatsServerOptions options)
    {
        Options = options;
        await WriteConfigAsync();
        var before = Count(Log, "Reloaded server configuration") + Count(Log, "Failed to reload");
        Signal(SigHup);
        await EventuallyAsync(() => Task.FromResult(Count(Log, "Reloaded server configuration") + Count(Log, "Failed to reload") > before), "to reload");
    }

    /// <summary>A page of its monitoring: <c>/varz</c>, <c>/connz?subs=1</c>, <c>/subsz</c>, <c>/jsz</c>, <c>/routez</c>, <c>/leafz</c>.</summary>
    public async Task<JsonDocument> MonitorAsync(string page) =>
        JsonDocument.Parse(await Http.GetStringAsync($"http://127.0.0.1:{_ports.Monitor.ToString(CultureInfo.InvariantCulture)}{page}"));

    public async Task WaitUntilReadyAsync() => await EventuallyAsync(IsReadyAsync, "to be ready");

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            if (!_process.HasExited)
            {
                _process.Kill();
                await _process.WaitForExitAsync();
            }

            _process.Dispose();
        }

        Directory.Delete(Folder, recursive: true);
    }

    /// <summary>The arguments that start the server with its configuration.</summary>
    private async Task<string[]> WriteConfigAsync()
    {
        if (Options.ConfigFile.Length > 0)
        {
            var (client, monitor) = (_ports.Client.ToString(CultureInfo.InvariantCulture), _ports.Monitor.ToString(CultureInfo.InvariantCulture));
            return ["-c", Options.ConfigFile, "-a", "127.0.0.1", "-p", client, "-m", monitor];
        }

        var file = Path.Combine(Folder, "nats.conf");
        await File.WriteAllTextAsync(file, NatsServerConfig.Write(Options, _ports, Folder, Place));
        return ["-c", file];
    }

    private async Task<bool> IsReadyAsync()
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, Port);
            using var health = await Http.GetAsync($"http://127.0.0.1:{_ports.Monitor.ToString(CultureInfo.InvariantCulture)}/healthz");
            return health.IsSuccessStatusCode && (Place is null || !Options.JetStream || await HasMetaLeaderAsync());
        }
        catch (Exception notYet) when (notYet is SocketException or HttpRequestException or OperationCanceledException)
        {
            return false;
        }
    }

    private async Task<bool> HasMetaLeaderAsync()
    {
        using var page = await MonitorAsync("/jsz");
        return page.RootElement.TryGetProperty("meta_cluster", out var meta) && meta.TryGetProperty("leader", out var leader) && leader.GetString() is { Length: > 0 };
    }

    private async Task EventuallyAsync(Func<Task<bool>> happened, string what)
    {
        var waited = Stopwatch.StartNew();
        while (!await happened())
        {
            if (_process is not { HasExited: false })
            {
                throw new InvalidOperationException($"nats-server ended with {_process?.ExitCode}:\n{Log}");
            }

            if (waited.Elapsed > ReadyMax)
            {
                throw new TimeoutException($"nats-server took over {ReadyMax} {what}:\n{Log}");
            }

            await Task.Delay(20);
        }
    }

    private void Signal(int signal)
    {
        if (Kill(_process!.Id, signal) != 0)
        {
            throw new InvalidOperationException($"Signal {signal} to nats-server: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    private void Note(string? line)
    {
        lock (_log)
        {
            _log.AppendLine(line);
        }
    }

    private static int Count(string text, string part) => text.Split(part).Length - 1;

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);
}
