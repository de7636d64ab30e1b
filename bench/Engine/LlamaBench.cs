using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Jesus.Bench.Engine;

/// <summary>A developer's own llama-bench, run beside for comparison: one process for each figure, so that both share the machine's moods.</summary>
internal sealed class LlamaBench(string program, string model)
{
    /// <summary>Loading and one run of the 1.1B shape take seconds, minutes on a busy machine.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    /// <summary>Tokens a second of one prompt (<paramref name="generate"/> 0) or of decoding (<paramref name="prompt"/> 0); NaN, with the reason, when it fails.</summary>
    public double Run(int prompt, int generate, int threads, out string problem)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        string[] arguments = ["-m", model, "-p", Text(prompt), "-n", Text(generate), "-t", Text(threads), "-r", "1", "-o", "json"];
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        try
        {
            using var process = Process.Start(start)!;
            process.ErrorDataReceived += (_, _) => { };
            process.BeginErrorReadLine();
            var output = process.StandardOutput.ReadToEndAsync();
            if (!output.Wait(Limit))
            {
                process.Kill(entireProcessTree: true);
                problem = $"{program} did not end within {Limit.TotalSeconds} s";
                return double.NaN;
            }

            process.WaitForExit();
            using var json = JsonDocument.Parse(output.Result);
            problem = "";
            return json.RootElement[0].GetProperty("avg_ts").GetDouble();
        }
        catch (Exception error) when (error is Win32Exception or JsonException or AggregateException)
        {
            problem = $"{program} -m {model}: {error.Message}";
            return double.NaN;
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
