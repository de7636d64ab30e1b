using System.Runtime.ExceptionServices;

namespace Jesus.Inference.Engine.Hosting;

/// <summary>
/// Work of a load that would otherwise compete with answers for the cores: packing weights, hashing files. It runs on threads of its own, which yield to running engines: at
/// niceness 10 a core that both want goes to the engine nine times of ten, while an idle core is the load's alone. The threads end with the work, since a niceness
/// cannot be taken back without privileges, and the work must start no threads nor queue any: they would inherit it.
/// </summary>
internal static class LowPriority
{
    /// <summary>Weight 110 beside the usual 1,024 of sched(7): at 19 (weight 15) a load beside a busy engine would take minutes.</summary>
    private const int Niceness = 10;

    /// <summary>Runs the work on so many threads and waits for all; the first failure is thrown again.</summary>
    public static void Run(int threads, string name, Action work)
    {
        var crew = new Thread[threads];
        ExceptionDispatchInfo? failure = null;
        for (var i = 0; i < threads; i++)
        {
            crew[i] = new Thread(WorkOn) { IsBackground = true, Name = name };
            crew[i].Start();
        }

        foreach (var thread in crew)
        {
            thread.Join();
        }

        failure?.Throw();

        void WorkOn()
        {
            _ = Yield();
            try
            {
                work();
            }
            catch (Exception error)
            {
                _ = Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(error), null);
            }
        }
    }

    /// <summary>Works every item off on at most so many threads; after a failure none is begun.</summary>
    public static void ForEach<T>(int threads, string name, IReadOnlyList<T> items, Action<T> work)
    {
        var next = -1;
        Run(Math.Clamp(threads, 1, Math.Max(1, items.Count)), name, () =>
        {
            try
            {
                for (var i = Interlocked.Increment(ref next); i < items.Count; i = Interlocked.Increment(ref next))
                {
                    work(items[i]);
                }
            }
            catch
            {
                _ = Interlocked.Exchange(ref next, items.Count);
                throw;
            }
        });
    }

    /// <summary>What one thread of low priority makes.</summary>
    public static T Get<T>(string name, Func<T> work)
    {
        var result = default(T);
        Run(1, name, () => result = work());
        return result!;
    }

    /// <summary>Best effort: where it is refused, the load competes.</summary>
    private static bool Yield()
    {
        try
        {
            return Libc.SetPriority(Libc.OfProcess, 0, Niceness) == 0;
        }
        catch (Exception error) when (error is DllNotFoundException or EntryPointNotFoundException)
        {
            return false;
        }
    }
}
