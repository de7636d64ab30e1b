using System.Globalization;

namespace Jesus.Bench.Load;

/// <summary>CPU time and memory of a process and its children, and the machine's stolen time, from /proc.</summary>
internal static class ProcessMeter
{
    /// <summary>USER_HZ.</summary>
    private const double TicksPerSecond = 100;

    public static double CpuSeconds(IReadOnlyList<int> pids) => pids.Sum(pid =>
    {
        var fields = Stat(pid);
        return fields.Length > 12 ? (Number(fields[11]) + Number(fields[12])) / TicksPerSecond : 0;
    });

    public static double ResidentMegabytes(IReadOnlyList<int> pids) => pids.Sum(pid =>
    {
        var fields = Stat(pid);
        return fields.Length > 21 ? Number(fields[21]) * Environment.SystemPageSize / (1024.0 * 1024) : 0;
    });

    /// <summary>The process and its direct children (nginx's workers).</summary>
    public static IReadOnlyList<int> Family(int pid)
    {
        var family = new List<int> { pid };
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var other))
            {
                var fields = Stat(other);
                if (fields.Length > 1 && Number(fields[1]) == pid)
                {
                    family.Add(other);
                }
            }
        }

        return family;
    }

    /// <summary>Seconds of all CPUs that the host gave to others.</summary>
    public static double StolenSeconds()
    {
        var line = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return line.Length > 8 ? Number(line[8]) / TicksPerSecond : 0;
    }

    private static string[] Stat(int pid)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{pid}/stat");
            return text[(text.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        }
        catch (IOException)
        {
            return [];
        }
    }

    private static double Number(string text) => double.TryParse(text, CultureInfo.InvariantCulture, out var value) ? value : 0;
}
