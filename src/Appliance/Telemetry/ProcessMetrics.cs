using System.Globalization;

namespace Jesus.Appliance.Telemetry;

/// <summary>
/// <c>process_*</c> as Prometheus' client guidelines name them, read from /proc, and <c>dotnet_*</c> of the runtime.
/// </summary>
internal sealed class ProcessMetrics(TimeProvider time, string version)
{
    /// <summary>Jiffies a second as Linux shows them to user space on every architecture that we build for (USER_HZ).</summary>
    private const double TicksPerSecond = 100;

    private readonly double _startSeconds = StartSeconds(time);

    public void Write(PrometheusWriter writer)
    {
        writer.Family("jesus_build_info", "gauge", "The version that runs; always 1.");
        writer.Sample("jesus_build_info").Label("version", version).Value(1);
        WriteProcess(writer);
        WriteRuntime(writer);
    }

    private void WriteProcess(PrometheusWriter writer)
    {
        var stat = StatFields();
        if (stat.Length > 21)
        {
            Counter(writer, "process_cpu_seconds_total", "User and system CPU time.", (Number(stat[11]) + Number(stat[12])) / TicksPerSecond);
            Gauge(writer, "process_threads", "Threads of the process.", Number(stat[17]));
            Gauge(writer, "process_virtual_memory_bytes", "Virtual memory.", Number(stat[20]));
            Gauge(writer, "process_resident_memory_bytes", "Resident memory.", Number(stat[21]) * Environment.SystemPageSize);
        }

        Gauge(writer, "process_start_time_seconds", "Start of the process since the Unix epoch.", _startSeconds);
        Gauge(writer, "process_open_fds", "Open file descriptors.", OpenFiles());
        Gauge(writer, "process_max_fds", "Most file descriptors that may be open.", MaxFiles());
    }

    private static void WriteRuntime(PrometheusWriter writer)
    {
        writer.Family("dotnet_gc_collections_total", "counter", "Garbage collections by generation.");
        for (var generation = 0; generation <= GC.MaxGeneration; generation++)
        {
            writer.Sample("dotnet_gc_collections_total").Label("generation", generation.ToString(CultureInfo.InvariantCulture)).Value(GC.CollectionCount(generation));
        }

        Counter(writer, "dotnet_gc_pause_seconds_total", "Time that collections stopped the process.", GC.GetTotalPauseDuration().TotalSeconds);
        Counter(writer, "dotnet_gc_allocated_bytes_total", "Managed bytes allocated.", GC.GetTotalAllocatedBytes());
        Gauge(writer, "dotnet_gc_heap_bytes", "Managed heap in use.", GC.GetTotalMemory(forceFullCollection: false));
        Gauge(writer, "dotnet_threadpool_threads", "Threads of the pool.", ThreadPool.ThreadCount);
        Gauge(writer, "dotnet_threadpool_queue_length", "Work items that wait for a pool thread.", ThreadPool.PendingWorkItemCount);
        Counter(writer, "dotnet_threadpool_completed_items_total", "Work items done by the pool.", ThreadPool.CompletedWorkItemCount);
    }

    private static void Counter(PrometheusWriter writer, string name, string help, double value)
    {
        writer.Family(name, "counter", help);
        writer.Sample(name).Value(value);
    }

    private static void Gauge(PrometheusWriter writer, string name, string help, double value)
    {
        writer.Family(name, "gauge", help);
        writer.Sample(name).Value(value);
    }

    /// <summary>proc(5), /proc/self/stat: the fields after the command's name, which may hold spaces; [0] is field 3, the state.</summary>
    private static string[] StatFields()
    {
        var text = ReadProc("/proc/self/stat");
        var end = text.LastIndexOf(')');
        return end < 0 ? [] : text[(end + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
    }

    private static double StartSeconds(TimeProvider time)
    {
        // The unit hides /proc/uptime (ProcSubset=pid); the tick count runs since boot as well.
        var stat = StatFields();
        var now = time.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0;
        return stat.Length > 19 ? now - (Environment.TickCount64 / 1000.0) + (Number(stat[19]) / TicksPerSecond) : now;
    }

    private static double MaxFiles()
    {
        foreach (var line in ReadProc("/proc/self/limits").Split('\n'))
        {
            if (line.StartsWith("Max open files", StringComparison.Ordinal))
            {
                return Number(line["Max open files".Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0]);
            }
        }

        return 0;
    }

    private static int OpenFiles()
    {
        try
        {
            return Directory.GetFiles("/proc/self/fd").Length;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private static double Number(string text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : 0;

#pragma warning disable RS0030 // The kernel's own figures, not storage.
    private static string ReadProc(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            return "";
        }
    }
#pragma warning restore RS0030
}
