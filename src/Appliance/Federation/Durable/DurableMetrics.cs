using System.Diagnostics.Metrics;
using Jesus.Appliance.Telemetry;

namespace Jesus.Appliance.Federation.Durable;

/// <summary>The instruments of runs that run anywhere. No labels but closed sets.</summary>
internal static class DurableMetrics
{
    private static readonly UpDownCounter<long> Owned =
        JesusMeter.Instance.CreateUpDownCounter<long>("durable_runs_owned", description: "Runs submitted to run anywhere that this box owns now.");
    private static readonly Counter<long> Terms =
        JesusMeter.Instance.CreateCounter<long>("durable_terms_total", description: "Terms of ownership that this box began, by how: submitted, taken_over.");
    private static readonly Counter<long> Ends =
        JesusMeter.Instance.CreateCounter<long>("durable_term_ends_total", description: "Terms of ownership that ended here, by how: run_ended, given_back, lost.");
    private static readonly Counter<long> Events =
        JesusMeter.Instance.CreateCounter<long>("durable_events_total", description: "Events of runs that this box committed to the cluster.");
    private static readonly Counter<long> Refused =
        JesusMeter.Instance.CreateCounter<long>("durable_refusals_total", description: "Submissions that this box could not take.");

    public static void Began(bool isTakeover)
    {
        Owned.Add(1);
        Terms.Add(1, new KeyValuePair<string, object?>("how", isTakeover ? "taken_over" : "submitted"));
    }

    public static void Ended(TermEnd end)
    {
        Owned.Add(-1);
        Ends.Add(1, new KeyValuePair<string, object?>("how", end switch
        {
            TermEnd.RunEnded => "run_ended",
            TermEnd.GivenBack => "given_back",
            _ => "lost",
        }));
    }

    public static void Committed(int events) => Events.Add(events);

    public static void RefusedOne() => Refused.Add(1);
}
