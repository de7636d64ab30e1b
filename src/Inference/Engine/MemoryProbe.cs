using System.Globalization;

namespace Jesus.Inference.Engine;

/// <summary>How much memory a model could take now.</summary>
internal static class MemoryProbe
{
    /// <summary>Bytes that the system could hand out without swapping, and no more than the process's own limit (its control group's) leaves.</summary>
    public static long AvailableBytes()
    {
        var limit = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes - Environment.WorkingSet;
        return Math.Max(0, Math.Min(limit, SystemAvailableBytes()));
    }

    /// <summary><c>MemAvailable</c> of proc(5); <see cref="long.MaxValue"/> where there is none.</summary>
    private static long SystemAvailableBytes()
    {
        const string Path = "/proc/meminfo";
        const string Key = "MemAvailable:";
#pragma warning disable RS0030 // The kernel's own table, no stored state.
        if (!File.Exists(Path))
        {
            return long.MaxValue;
        }

        var line = File.ReadLines(Path).FirstOrDefault(line => line.StartsWith(Key, StringComparison.Ordinal));
#pragma warning restore RS0030
        var number = line?[Key.Length..].Replace("kB", "", StringComparison.Ordinal).Trim();
        return long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var kilobytes) ? kilobytes * 1024 : long.MaxValue;
    }
}
