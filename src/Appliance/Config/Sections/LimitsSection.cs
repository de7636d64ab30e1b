using Jesus.Appliance.Admission;
using Jesus.Appliance.Config.Shapes;

namespace Jesus.Appliance.Config.Sections;

internal static class LimitsSection
{
    public static RecordShape<LimitsOptions> Shape { get; } = new(
        new Property<LimitsOptions, long>("callsPerMinute", "Calls a minute for each principal; 0 is no limit.",
            new IntegerShape(0, 1_000_000), o => o.CallsPerMinute, (o, v) => o with { CallsPerMinute = (int)v }),
        new Property<LimitsOptions, long>("callsInProgress", "Calls in progress for each principal; 0 is no limit.",
            new IntegerShape(0, 100_000), o => o.CallsInProgress, (o, v) => o with { CallsInProgress = (int)v }),
        new Property<LimitsOptions, long>("callsInProgressTotal", "Calls in progress in all, each holding about 40 KB of buffers.",
            new IntegerShape(1, 100_000), o => o.CallsInProgressTotal, (o, v) => o with { CallsInProgressTotal = (int)v }),
        new Property<LimitsOptions, long>("maxOutputTokens", "Longest answer that may be asked for, in tokens.",
            new IntegerShape(1, 10_000_000), o => o.MaxOutputTokens, (o, v) => o with { MaxOutputTokens = (int)v }),
        new Property<LimitsOptions, long>("choices", "Answers to one prompt; each costs a sequence of the engine.",
            new IntegerShape(1, 128), o => o.Choices, (o, v) => o with { Choices = (int)v }),
        new Property<LimitsOptions, long>("turns", "Turns of a conversation.", new IntegerShape(1, 100_000), o => o.Turns, (o, v) => o with { Turns = (int)v }),
        new Property<LimitsOptions, long>("principals", "Principals remembered at once, at about 100 B.",
            new IntegerShape(1, 10_000_000), o => o.Principals, (o, v) => o with { Principals = (int)v }));
}
