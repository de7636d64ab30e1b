using System.Collections.Concurrent;
using System.Diagnostics;

namespace Jesus.Tests.Processes;

/// <summary>
/// Starts processes from one thread that lives as long as the tests: the parent-death signal follows the thread that forked (prctl(2)), and a pool
/// thread ends when it was idle for a while.
/// </summary>
internal static class ProcessStarter
{
    private const string SetPriv = "/usr/bin/setpriv";

    private static readonly BlockingCollection<(ProcessStartInfo Info, TaskCompletionSource<Process> Started)> Queue = [];

    static ProcessStarter() => new Thread(Run) { IsBackground = true, Name = "process starter" }.Start();

    public static Task<Process> StartAsync(ProcessStartInfo info)
    {
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        Queue.Add((info, started));
        return started.Task;
    }

    /// <summary>A program under a parent-death signal where util-linux has it, so that none outlives its test, with its streams redirected.</summary>
    public static ProcessStartInfo BoundToUs(string program, IEnumerable<string> arguments)
    {
        var bound = File.Exists(SetPriv);
        var start = new ProcessStartInfo(bound ? SetPriv : program) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in bound ? ["--pdeathsig", "KILL", program, .. arguments] : arguments)
        {
            start.ArgumentList.Add(argument);
        }

        return start;
    }

    private static void Run()
    {
        foreach (var (info, started) in Queue.GetConsumingEnumerable())
        {
            try
            {
                started.SetResult(Process.Start(info)!);
            }
            catch (Exception e)
            {
                started.SetException(e);
            }
        }
    }
}
