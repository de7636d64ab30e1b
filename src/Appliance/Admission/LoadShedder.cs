using Jesus.Appliance.Scheduler;

namespace Jesus.Appliance.Admission;

/// <summary>Which lanes are refused so that the others keep their latency; pure.</summary>
internal static class LoadShedder
{
    /// <summary>Per cent of <see cref="LimitsOptions.CallsInProgressTotal"/> that a lane may fill: work that may wait leaves room for people.</summary>
    private static readonly int[] PlacesPercent = [100, 75, 50];

    /// <summary>Per cent of memory below the limit at which a lane is refused: batches stop while there is room for what is in progress to grow.</summary>
    private static readonly int[] MemoryBelow = [0, 2, 5];

    /// <summary>Calls that may be in progress in all while one of this lane enters; at least one.</summary>
    public static int PlacesFor(Lane lane, int total) => Math.Max(1, (int)((long)total * PlacesPercent[(int)lane] / 100));

    /// <param name="percent">Memory in use.</param>
    /// <param name="max">0 never sheds.</param>
    public static bool IsShedForMemory(Lane lane, int percent, int max) => max > 0 && percent >= max - MemoryBelow[(int)lane];

    /// <summary>The least that is told where all together are too many: whoever came sooner would only be in the way.</summary>
    public const long ToldMsMin = 100;

    /// <summary>Memory is given back as calls end: after one of the mean length.</summary>
    public static long ToldForMemoryMs(double meanMs) => Math.Clamp((long)meanMs, ToldMsMin, ReturnBook.ToldMsMax);
}
