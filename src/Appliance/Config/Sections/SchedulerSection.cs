using Jesus.Appliance.Config.Shapes;
using Jesus.Appliance.Scheduler;

namespace Jesus.Appliance.Config.Sections;

internal static class SchedulerSection
{
    public static RecordShape<SchedulerOptions> Shape { get; } = new(
        new Property<SchedulerOptions, long>("queueDepthMax", "Calls waiting at one candidate's door; agents join below 60 % of it, batches below 30 %.",
            new IntegerShape(1, 100_000), o => o.QueueDepthMax, (o, v) => o with { QueueDepthMax = (int)v }),
        new Property<SchedulerOptions, long>("queueWaitMs", "Milliseconds that a call waits at the last candidate's door.",
            new IntegerShape(1, 3_600_000), o => o.QueueWaitMs, (o, v) => o with { QueueWaitMs = (int)v }),
        new Property<SchedulerOptions, long>("interactiveWaitMs", "A call of a person that would wait longer, by how long calls take, is refused at once.",
            new IntegerShape(1, 3_600_000), o => o.InteractiveWaitMs, (o, v) => o with { InteractiveWaitMs = (int)v }),
        new Property<SchedulerOptions, long>("agentWaitMs", "The same for a step of a run.",
            new IntegerShape(1, 3_600_000), o => o.AgentWaitMs, (o, v) => o with { AgentWaitMs = (int)v }),
        new Property<SchedulerOptions, long>("batchWaitMs", "The same for work that may wait.",
            new IntegerShape(1, 3_600_000), o => o.BatchWaitMs, (o, v) => o with { BatchWaitMs = (int)v }),
        new Property<SchedulerOptions, long>("defaultSlots", "Calls in progress at a candidate that states no limit.",
            new IntegerShape(1, 10_000), o => o.DefaultSlots, (o, v) => o with { DefaultSlots = (int)v }),
        new Property<SchedulerOptions, long>("interactiveWeight", "Share of the lane of people who wait.",
            new IntegerShape(1, 1000), o => o.InteractiveWeight, (o, v) => o with { InteractiveWeight = (int)v }),
        new Property<SchedulerOptions, long>("agentWeight", "Share of the lane of agent runs.",
            new IntegerShape(1, 1000), o => o.AgentWeight, (o, v) => o with { AgentWeight = (int)v }),
        new Property<SchedulerOptions, long>("batchWeight", "Share of the lane of work that may wait.",
            new IntegerShape(1, 1000), o => o.BatchWeight, (o, v) => o with { BatchWeight = (int)v }),
        new Property<SchedulerOptions, long>("preemptionsMax", "How often a batch's call on an own model is set aside for a person's that finds no place or memory; 0: never.",
            new IntegerShape(0, 100), o => o.PreemptionsMax, (o, v) => o with { PreemptionsMax = (int)v }),
        new Property<SchedulerOptions, long>("preemptedMs", "Milliseconds after which a call that was set aside comes back whoever waits.",
            new IntegerShape(1, 600_000), o => o.PreemptedMs, (o, v) => o with { PreemptedMs = (int)v }));
}
