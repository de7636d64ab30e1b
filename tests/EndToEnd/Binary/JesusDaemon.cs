using System.Diagnostics;
using System.Net;
using System.Text;
using Jesus.Tests.Processes;

namespace Jesus.EndToEnd.Binary;

/// <summary>A daemon of the published binary on a free port with a state folder of its own; killed when the test ends, whatever happens.</summary>
internal sealed class JesusDaemon : IAsyncDisposable
{
    private static readonly TimeSpan ReadyMax = TimeSpan.FromSeconds(60);

    private readonly string _models;
    private readonly string[] _arguments;
    private readonly Dictionary<string, string> _environment;
    private readonly StringBuilder _log = new();
    private Process _process = null!;

    private JesusDaemon(string state, string models, string[] arguments, Dictionary<string, string> environment) =>
        (State, _models, _arguments, _environment) = (state, models, arguments, environment);

    public string State { get; }
    public string Url { get; private set; } = "";
    public HttpClient Http { get; private set; } = null!;

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

    public static Task<JesusDaemon> StartAsync(params string[] arguments) => StartAsync([], arguments);

    public static Task<JesusDaemon> StartAsync(Dictionary<string, string> environment, params string[] arguments) =>
        StartWithModelsAsync(JesusBinary.NanoFolder, environment, arguments);

    /// <param name="models">Folder of the models that it has.</param>
    /// <param name="environment">Beside the tests' own.</param>
    /// <param name="arguments">Of <c>serve</c>.</param>
    public static async Task<JesusDaemon> StartWithModelsAsync(string models, Dictionary<string, string> environment, params string[] arguments)
    {
        JesusBinary.SkipIfAbsent();
        var daemon = new JesusDaemon(Directory.CreateTempSubdirectory("jesus-e2e").FullName, models, arguments, environment);
        await daemon.LaunchAsync();
        return daemon;
    }

    /// <summary>Starts it (again) on the same state.</summary>
    public async Task LaunchAsync()
    {
        var start = JesusBinary.StartInfo(["serve", "--state", State, "--models", _models, "--listen", "http://127.0.0.1:0", .. _arguments]);
        foreach (var (name, value) in _environment)
        {
            start.Environment[name] = value;
        }

        File.Delete(Path.Combine(State, "url"));
        _process = await ProcessStarter.StartAsync(start);
        _process.ErrorDataReceived += (_, line) => Note(line.Data);
        _process.OutputDataReceived += (_, line) => Note(line.Data);
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
        Url = await WaitForUrlAsync();
        Http?.Dispose();
        Http = new HttpClient { BaseAddress = new Uri(Url), Timeout = TimeSpan.FromSeconds(120) };
    }

    public async Task<(HttpStatusCode Status, string Body)> PostAsync(string path, string json)
    {
        using var content = new StringContent(json, Encoding.UTF8, "application/json");
        using var response = await Http.PostAsync(path, content);
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    /// <summary>A verb that talks to this daemon.</summary>
    public Task<(int Exit, string Out, string Error)> VerbAsync(params string[] arguments) => JesusBinary.RunAsync([.. arguments, "--url", Url]);

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>SIGTERM, then the exit code.</summary>
    public async Task<int> TerminateAsync()
    {
        using var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
        using var limit = new CancellationTokenSource(ReadyMax);
        await _process.WaitForExitAsync(limit.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
        Http?.Dispose();
        Directory.Delete(State, recursive: true);
    }

    private async Task<string> WaitForUrlAsync()
    {
        var file = Path.Combine(State, "url");
        var waited = Stopwatch.StartNew();
        while (waited.Elapsed < ReadyMax)
        {
            if (File.Exists(file) && await File.ReadAllTextAsync(file) is { Length: > 0 } url)
            {
                return url;
            }

            if (_process.HasExited)
            {
                throw new InvalidOperationException($"The daemon ended with {_process.ExitCode}:\n{Log}");
            }

            await Task.Delay(20);
        }

        throw new TimeoutException($"The daemon was not ready after {ReadyMax}:\n{Log}");
    }

    private void Note(string? line)
    {
        lock (_log)
        {
            _log.AppendLine(line);
        }
    }
}
