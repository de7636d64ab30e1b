using System.Diagnostics;
using System.Runtime.CompilerServices;
using Jesus.Tests.Processes;

namespace Jesus.EndToEnd.Binary;

/// <summary>The published program: JESUS_BIN, else out/jesus of this checkout.</summary>
internal static class JesusBinary
{
    /// <summary>A verb that has not ended after this hangs.</summary>
    private static readonly TimeSpan VerbMax = TimeSpan.FromSeconds(90);

    public static string Root { get; } = FindRoot();
    public static string Path { get; } = Environment.GetEnvironmentVariable("JESUS_BIN") ?? System.IO.Path.Combine(Root, "out/jesus");
    public static string NanoFolder { get; } = System.IO.Path.Combine(Root, "models");

    public static void SkipIfAbsent() => Assert.SkipUnless(File.Exists(Path), $"{Path} is not there: run `make build`, or set JESUS_BIN.");

    /// <summary>Runs a verb to its end.</summary>
    public static async Task<(int Exit, string Out, string Error)> RunAsync(params string[] arguments)
    {
        var start = StartInfo(arguments);
        using var process = await ProcessStarter.StartAsync(start);
        process.StandardInput.Close();
        using var limit = new CancellationTokenSource(VerbMax);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var error = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return (process.ExitCode, await output, await error);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    /// <summary>The program in the checkout's root, with nothing of the tester's own environment that it would heed.</summary>
    public static ProcessStartInfo StartInfo(IEnumerable<string> arguments)
    {
        var start = ProcessStarter.BoundToUs(Path, arguments);
        start.WorkingDirectory = Root;
        foreach (var name in new[] { "JESUS_URL", "JESUS_API_KEY", "NOTIFY_SOCKET", "RUNTIME_DIRECTORY" })
        {
            start.Environment.Remove(name);
        }

        return start;
    }

    private static string FindRoot([CallerFilePath] string file = "")
    {
        var folder = new DirectoryInfo(System.IO.Path.GetDirectoryName(file)!);
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "Jesus.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new DirectoryNotFoundException("Jesus.sln is not above the tests.");
    }
}
