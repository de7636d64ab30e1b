using System.Diagnostics.Metrics;
using Jesus.Appliance.Telemetry;

namespace Jesus.Appliance.Scheduler;

internal static class SchedulerMetrics
{
    private static readonly UpDownCounter<long> Depth = JesusMeter.Instance.CreateUpDownCounter<long>("queue_depth", description: "Calls that wait for a ticket.");
    private static readonly Histogram<double> Wait = JesusMeter.Instance.CreateHistogram<double>("queue_wait_seconds", "s", "From asking for a ticket to having it.");
    private static readonly Counter<long> Away = JesusMeter.Instance.CreateCounter<long>("queue_refusals_total", description: "Calls that a full or too slow queue turned away.");
    private static readonly Counter<long> Asides = JesusMeter.Instance.CreateCounter<long>(
        "preemptions_total", description: "Calls of batches set aside for people's, for their place or their memory.");
    private static readonly UpDownCounter<long> Aside = JesusMeter.Instance.CreateUpDownCounter<long>("preempted_calls", description: "Calls that stand still for people's.");
    private static readonly Histogram<double> AsideTime = JesusMeter.Instance.CreateHistogram<double>("preempted_seconds", "s", "From being set aside to going on, or to its end.");
    private static readonly string[] Lanes = ["interactive", "agent", "batch"];

    public static void Waits(Lane lane, int change) => Depth.Add(change, new KeyValuePair<string, object?>("lane", Lanes[(int)lane]));

    public static void TurnedAway(Lane lane) => Away.Add(1, new KeyValuePair<string, object?>("lane", Lanes[(int)lane]));

    public static void SetAside(bool forMemory)
    {
        Asides.Add(1, new KeyValuePair<string, object?>("for", forMemory ? "memory" : "place"));
        Aside.Add(1);
    }

    public static void WasAside(double seconds)
    {
        Aside.Add(-1);
        AsideTime.Record(seconds);
    }

    public static void Waited(Lane lane, double seconds) => Wait.Record(seconds, new KeyValuePair<string, object?>("lane", Lanes[(int)lane]));
}
