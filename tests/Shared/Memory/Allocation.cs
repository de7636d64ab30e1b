namespace Jesus.Tests.Memory;

/// <summary>What work on this thread allocates, for tests that say "nothing".</summary>
internal static class Allocation
{
    /// <summary>A collection in the middle of the work gives the thread a new allocation context and counts the rest of the old one: several tries outlast it.</summary>
    private const int Tries = 5;

    /// <summary>Bytes that <paramref name="work"/> allocates on the calling thread: the least of several runs, after one that warms up. What it allocates each time counts in all of them.</summary>
    public static long LeastOf(Action work)
    {
        work();
        var least = long.MaxValue;
        for (var i = 0; i < Tries && least > 0; i++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            work();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
