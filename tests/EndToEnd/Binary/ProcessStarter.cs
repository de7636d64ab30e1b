using System.Collections.Concurrent;
using System.Diagnostics;

namespace Jesus.EndToEnd.Binary;

/// <summary>
/// Starts processes from one thread that lives as long as the tests: the parent-death signal follows the thread that forked (prctl(2)), and a pool
/// thread ends when it was idle for a while.
/// </summary>
internal static class ProcessStarter
{
    private static readonly BlockingCollection<(ProcessStartInfo Info, TaskCompletionSource<Process> Started)> Queue = [];

    static ProcessStarter() => new Thread(Run) { IsBackground = true, Name = "process starter" }.Start();

    public static Task<Process> StartAsync(ProcessStartInfo info)
    {
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        Queue.Add((info, started));
        return started.Task;
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
