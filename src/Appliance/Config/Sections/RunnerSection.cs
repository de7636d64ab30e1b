using Jesus.Appliance.Config.Shapes;
using Jesus.Appliance.Runner;

namespace Jesus.Appliance.Config.Sections;

internal static class RunnerSection
{
    public static RecordShape<RunnerOptions> Shape { get; } = new(
        new Property<RunnerOptions, long>("runsAtOnce", "Runs that progress at once; later ones queue in order.",
            new IntegerShape(1, 100_000), o => o.RunsAtOnce, (o, v) => o with { RunsAtOnce = (int)v }),
        new Property<RunnerOptions, long>("queueMax", "Runs that may wait for their turn; past it a submission is refused as busy.",
            new IntegerShape(0, 1_000_000), o => o.QueueMax, (o, v) => o with { QueueMax = (int)v }),
        new Property<RunnerOptions, long>("stepsAtOnce", "Steps of one run in progress at once, unless its workflow asks for fewer.",
            new IntegerShape(1, 256), o => o.StepsAtOnce, (o, v) => o with { StepsAtOnce = (int)v }),
        new Property<RunnerOptions, double>("stepTimeoutSeconds", "Longest time of one attempt where the step says nothing.",
            new NumberShape(0.001, 1e7), o => o.StepTimeout.TotalSeconds, (o, v) => o with { StepTimeout = TimeSpan.FromSeconds(v) }),
        new Property<RunnerOptions, long>("finishedKept", "Finished runs kept in memory for quick answers.",
            new IntegerShape(0, 100_000), o => o.FinishedKept, (o, v) => o with { FinishedKept = (int)v }),
        new Property<RunnerOptions, long>("inlineBytes", "Bytes of an output that a journal record carries itself; larger ones become artifacts.",
            new IntegerShape(0, 20 * 1024), o => o.InlineBytes, (o, v) => o with { InlineBytes = (int)v }),
        new Property<RunnerOptions, double>("stopGraceSeconds", "How long stopping waits for steps in progress before they are cancelled, to run again after the next start.",
            new NumberShape(0, 15), o => o.StopGrace.TotalSeconds, (o, v) => o with { StopGrace = TimeSpan.FromSeconds(v) }));
}
