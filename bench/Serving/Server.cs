using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Jesus.Bench.Serving;

/// <summary>A server of one model with an OpenAI-compatible API: a process of ours, ended with it.</summary>
internal sealed class Server : IDisposable
{
    private static readonly TimeSpan ReadyMax = TimeSpan.FromSeconds(120);
    private readonly Process _process;
    private readonly string _folder;
    private readonly List<string> _lines = [];

    private Server(string name, string file, IEnumerable<string> arguments, string folder)
    {
        Name = name;
        _folder = folder;
        var start = new ProcessStartInfo(file, arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        _process = Process.Start(start) ?? throw new InvalidOperationException($"{file} did not start.");
        _process.ErrorDataReceived += (_, line) => Note(line.Data);
        _process.OutputDataReceived += (_, line) => Note(line.Data);
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
    }

    public string Name { get; }
    public Uri Url { get; private set; } = new("http://127.0.0.1");
    public string Model { get; private init; } = "";
    public double ResidentMegabytes
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64 / 1e6;
        }
    }

    /// <summary>The daemon with nothing but this model.</summary>
    /// <param name="ask">A call that succeeds when it is ready; null for a short chat.</param>
    public static async Task<Server> StartJesusAsync(ServingOptions options, string model, int streams, Func<Server, Task>? ask = null)
    {
        var folder = Directory.CreateTempSubdirectory("jesus-serving").FullName;
        var name = Path.GetFileNameWithoutExtension(model);
        var config = Path.Combine(folder, "jesus.json");
        await File.WriteAllTextAsync(config, string.Create(CultureInfo.InvariantCulture, $$"""
            {
              "listen": { "http": "http://127.0.0.1:0" },
              "engine": { "modelFolders": ["{{Path.GetDirectoryName(model)}}"], "preload": ["{{name}}"], "threads": {{options.Threads}}, "draft": "{{options.Draft}}" },
              "limits": { "callsPerMinute": 0, "callsInProgress": {{10 * streams}} },
              "security": { "trustLoopback": true }
            }
            """));
        var program = Path.GetFullPath(options.Jesus);
        string[] serve = ["serve", "--config", config, "--state", Path.Combine(folder, "state")];
        var isLibrary = program.EndsWith(".dll", StringComparison.Ordinal);
        var server = new Server("jesus", isLibrary ? "dotnet" : program, isLibrary ? [program, .. serve] : serve, folder) { Model = name };
        var file = Path.Combine(folder, "state", "url");
        await server.WaitAsync(() => File.Exists(file) && Uri.TryCreate(File.ReadAllText(file), UriKind.Absolute, out var url) ? url : null, ask);
        return server;
    }

    public static async Task<Server> StartLlamaAsync(ServingOptions options, string model, int streams, int contextEach)
    {
        var port = FreePort();
        var server = new Server("llama-server", options.LlamaServer, [
            "-m", model, "--port", Text(port), "--host", "127.0.0.1", "-t", Text(options.Threads), "-tb", Text(options.Threads), "-np", Text(streams),
            "-c", Text(streams * contextEach), "--no-webui"], "")
        { Model = Path.GetFileNameWithoutExtension(model) };
        await server.WaitAsync(() => new Uri($"http://127.0.0.1:{Text(port)}"));
        return server;
    }

    /// <summary>The same server for vectors: texts of up to 512 tokens in as large passes as ours.</summary>
    public static async Task<Server> StartLlamaEmbedderAsync(ServingOptions options, string model, Func<Server, Task> ask)
    {
        const int Streams = 16, ContextEach = 512, PassRows = 2_048;
        var port = FreePort();
        var server = new Server("llama-server", options.LlamaServer, [
            "-m", model, "--port", Text(port), "--host", "127.0.0.1", "-t", Text(options.Threads), "-tb", Text(options.Threads), "-np", Text(Streams),
            "-c", Text(Streams * ContextEach), "-b", Text(PassRows), "-ub", Text(PassRows), "--embedding", "--no-webui"], "")
        { Model = Path.GetFileNameWithoutExtension(model) };
        await server.WaitAsync(() => new Uri($"http://127.0.0.1:{Text(port)}"), ask);
        return server;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
        if (_folder.Length > 0)
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    /// <summary>Ready when a call is answered.</summary>
    private async Task WaitAsync(Func<Uri?> url, Func<Server, Task>? ask = null)
    {
        var clock = Stopwatch.StartNew();
        for (var last = ""; ;)
        {
            if (_process.HasExited || clock.Elapsed > ReadyMax)
            {
                throw new InvalidOperationException($"{Name} did not start: {last}\n{string.Join('\n', _lines)}");
            }

            await Task.Delay(20);
            if (url() is { } there)
            {
                Url = there;
                try
                {
                    await (ask is not null ? ask(this) : new StreamedCall(this, "ready?", 1).RunAsync());
                    return;
                }
                catch (HttpRequestException error)
                {
                    // Not yet, or never: the last answer says why.
                    last = error.Message;
                }
            }
        }
    }

    private static int FreePort()
    {
        using var socket = new TcpListener(IPAddress.Loopback, 0);
        socket.Start();
        return ((IPEndPoint)socket.LocalEndpoint).Port;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private void Note(string? line)
    {
        lock (_lines)
        {
            if (line is not null && _lines.Count < 100)
            {
                _lines.Add(line);
            }
        }
    }
}
