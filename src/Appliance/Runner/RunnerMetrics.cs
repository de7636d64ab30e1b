using System.Diagnostics.Metrics;
using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Runner.Workflows;
using Jesus.Appliance.Telemetry;

namespace Jesus.Appliance.Runner;

/// <summary>The runner's instruments. Label values come from closed sets.</summary>
internal static class RunnerMetrics
{
    private static readonly UpDownCounter<long> Runs = JesusMeter.Instance.CreateUpDownCounter<long>("runs", description: "Runs in memory, by state.");
    private static readonly Histogram<double> RunSeconds = JesusMeter.Instance.CreateHistogram<double>("run_seconds", "s", "From a run's submission to its end.");
    private static readonly Counter<long> Steps = JesusMeter.Instance.CreateCounter<long>("steps_total", description: "Steps that ended, by kind and outcome.");

    public static void Moved(RunStateName? from, RunStateName? to)
    {
        if (from == to)
        {
            return;
        }

        if (from is { } left)
        {
            Runs.Add(-1, new KeyValuePair<string, object?>("state", RunEventCodec.NameOf(left)));
        }

        if (to is { } entered)
        {
            Runs.Add(1, new KeyValuePair<string, object?>("state", RunEventCodec.NameOf(entered)));
        }
    }

    public static void Ended(double seconds) => RunSeconds.Record(seconds);

    public static void StepEnded(StepKind kind, StepStateName outcome) => Steps.Add(
        1,
        new KeyValuePair<string, object?>("kind", KindName(kind)),
        new KeyValuePair<string, object?>("outcome", RunEventCodec.NameOf(outcome)));

    private static string KindName(StepKind kind) => kind switch
    {
        StepKind.Prompt => "prompt",
        StepKind.Agent => "agent",
        StepKind.Tool => "tool",
        StepKind.Map => "map",
        StepKind.Approve => "approve",
        _ => "run",
    };
}
