using Jesus.Appliance.Admission;
using Jesus.Appliance.Config.Shapes;

namespace Jesus.Appliance.Config.Sections;

internal static class LimitsSection
{
    public static RecordShape<LimitsOptions> Shape { get; } = new(
        new Property<LimitsOptions, IReadOnlyList<LimitRule>>("rules", "Rates by key, user, team, organisation or model; of one scope's rules the most specific one holds.",
            new ListShape<LimitRule>(Rule(), () => new LimitRule()), o => o.Rules, (o, v) => o with { Rules = v }),
        new Property<LimitsOptions, long>("callsPerMinute", "Calls a minute for each principal without a rule of scope key; 0 is no limit.",
            new IntegerShape(0, 1_000_000), o => o.CallsPerMinute, (o, v) => o with { CallsPerMinute = (int)v }),
        new Property<LimitsOptions, long>("callsInProgress", "Calls in progress for each principal without a rule of scope key; 0 is no limit.",
            new IntegerShape(0, 100_000), o => o.CallsInProgress, (o, v) => o with { CallsInProgress = (int)v }),
        new Property<LimitsOptions, long>("callsInProgressTotal", "Calls in progress in all, each holding about 40 KB of buffers.",
            new IntegerShape(1, 100_000), o => o.CallsInProgressTotal, (o, v) => o with { CallsInProgressTotal = (int)v }),
        new Property<LimitsOptions, long>("memoryPercentMax", "Per cent of memory from which on interactive calls are refused, the other lanes a little before; 0 turns it off.",
            new IntegerShape(0, 100), o => o.MemoryPercentMax, (o, v) => o with { MemoryPercentMax = (int)v }),
        new Property<LimitsOptions, long>("maxOutputTokens", "Longest answer that may be asked for, in tokens.",
            new IntegerShape(1, 10_000_000), o => o.MaxOutputTokens, (o, v) => o with { MaxOutputTokens = (int)v }),
        new Property<LimitsOptions, long>("choices", "Answers to one prompt; each costs a sequence of the engine.",
            new IntegerShape(1, 128), o => o.Choices, (o, v) => o with { Choices = (int)v }),
        new Property<LimitsOptions, long>("turns", "Turns of a conversation.", new IntegerShape(1, 100_000), o => o.Turns, (o, v) => o with { Turns = (int)v }),
        new Property<LimitsOptions, long>("principals", "Principals remembered at once, at about 100 B.",
            new IntegerShape(1, 10_000_000), o => o.Principals, (o, v) => o with { Principals = (int)v }));

    private static RecordShape<LimitRule> Rule() => new(
        new Property<LimitRule, LimitScope>("scope", "Whose calls are counted together.",
            new Names<LimitScope>(("key", LimitScope.Key), ("user", LimitScope.User), ("team", LimitScope.Team), ("organisation", LimitScope.Organisation),
                ("model", LimitScope.Model)), o => o.Scope, (o, v) => o with { Scope = v }),
        new Property<LimitRule, string>("name", "The name, or a pattern in which * stands for any text; each name is counted by itself.",
            new TextShape(), o => o.Name, (o, v) => o with { Name = v }),
        new Property<LimitRule, long>("requestsPerMinute", "Calls a minute; 0 is no limit.",
            new IntegerShape(0, 1_000_000_000), o => o.RequestsPerMinute, (o, v) => o with { RequestsPerMinute = (int)v }),
        new Property<LimitRule, long>("tokensPerMinute", "Tokens of prompt and answer a minute; 0 is no limit.",
            new IntegerShape(0, 1_000_000_000), o => o.TokensPerMinute, (o, v) => o with { TokensPerMinute = (int)v }),
        new Property<LimitRule, long>("concurrency", "Calls in progress; 0 is no limit.",
            new IntegerShape(0, 100_000), o => o.Concurrency, (o, v) => o with { Concurrency = (int)v }));
}
