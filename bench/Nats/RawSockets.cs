using System.Diagnostics;
using System.Globalization;

namespace Jesus.Bench.Nats;

/// <summary>The compiled <c>raw.c</c>: the same work without a client.</summary>
internal sealed class RawSockets(string program, int port)
{
    public const int PayloadBytes = 128;

    public Figures Publish(int messages) => Read(Run("publish", Text(messages), Text(PayloadBytes)));

    /// <param name="fresh">A subject for each answer, as a client must have it; else one for each place, which no client could tell late answers by.</param>
    public Figures Request(int outstanding, double seconds, bool fresh) =>
        Read(Run(fresh ? "fresh" : "request", Text(outstanding), Text((int)(seconds * 1000)), Text(PayloadBytes)));

    public Figures Subscribe(int messages)
    {
        using var subscriber = Start("subscribe", Text(messages), Text(PayloadBytes));
        _ = subscriber.StandardOutput.ReadLine();
        Flood(messages);
        return Read(End(subscriber));
    }

    /// <summary>Publishes to whoever subscribes to <c>bench</c>; the same program for us and for the raw subscriber.</summary>
    public void Flood(int messages) => _ = Run("flood", Text(messages), Text(PayloadBytes));

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private string Run(params string[] arguments)
    {
        using var process = Start(arguments);
        return End(process);
    }

    private Process Start(params string[] arguments) =>
        Process.Start(new ProcessStartInfo(Path.GetFullPath(program), [Text(port), .. arguments]) { RedirectStandardOutput = true })!;

    private string End(Process process)
    {
        var line = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? line : throw new InvalidOperationException($"{program} ended with {process.ExitCode}");
    }

    private static Figures Read(string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var messages = After(words, "messages");
        return new Figures(messages / After(words, "seconds"), After(words, "cpu") * 1e9 / messages, After(words, "p50us"), After(words, "p99us"));
    }

    private static double After(string[] words, string name)
    {
        var at = Array.IndexOf(words, name);
        return at < 0 ? 0 : double.Parse(words[at + 1], CultureInfo.InvariantCulture);
    }
}
