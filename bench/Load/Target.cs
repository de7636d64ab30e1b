using System.Diagnostics;
using System.Globalization;

namespace Jesus.Bench.Load;

/// <summary>A server under load: a process of ours to end, and the port that it answers on.</summary>
internal abstract class Target : IDisposable
{
    private static readonly TimeSpan ReadyMax = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan EndMax = TimeSpan.FromSeconds(10);
    private readonly List<string> _lines = [];

    public abstract string Name { get; }
    public virtual string ExtraHeaders => "";
    public int Port { get; protected set; }

    /// <summary>Empty where the load's own process serves.</summary>
    public IReadOnlyList<int> Pids { get; private set; } = [];

    /// <summary>From exec to the first answer.</summary>
    public double StartMs { get; private set; }
    protected Process? Process { get; private set; }

    public virtual void Dispose()
    {
        if (Process is { HasExited: false })
        {
            // Asked first: what a server does at its end (a daemon's last records, a runtime's own notes) is then done.
            Libc.Terminate(Process.Id);
            if (!Process.WaitForExit(EndMax))
            {
                Process.Kill(entireProcessTree: true);
                Process.WaitForExit();
            }
        }

        Process?.Dispose();
    }

    /// <summary>A port that was free a moment ago.</summary>
    protected static int FreePort()
    {
        var (socket, port) = Libc.Listen(0);
        _ = Libc.Close(socket);
        return port;
    }

    protected void Launch(string file, IEnumerable<string> arguments, Func<int> port, string? folder = null, Dictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(file, arguments) { RedirectStandardError = true, RedirectStandardOutput = true, WorkingDirectory = folder ?? "" };
        foreach (var (name, value) in environment ?? [])
        {
            start.Environment[name] = value;
        }

        var clock = Stopwatch.StartNew();
        Process = Process.Start(start)!;
        Process.ErrorDataReceived += (_, line) => Note(line.Data);
        Process.OutputDataReceived += (_, line) => Note(line.Data);
        Process.BeginErrorReadLine();
        Process.BeginOutputReadLine();
        while (!Answers(port))
        {
            if (Process.HasExited || clock.Elapsed > ReadyMax)
            {
                throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"{Name} did not start: {string.Join('\n', _lines)}"));
            }

            Thread.Sleep(1);
        }

        StartMs = clock.Elapsed.TotalMilliseconds;
        Pids = ProcessMeter.Family(Process.Id);
    }

    /// <summary>One whole answer came.</summary>
    private bool Answers(Func<int> port)
    {
        try
        {
            Port = port();
            return Port > 0 && OneRequest.Send(Port, MockAnswers.Request(MockAnswers.Model, stream: false, ExtraHeaders)) == 200;
        }
        catch (IOException)
        {
            return false;
        }
    }

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
