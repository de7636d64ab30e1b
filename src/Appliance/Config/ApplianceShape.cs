using Jesus.Appliance.Admission;
using Jesus.Appliance.Artifacts;
using Jesus.Appliance.Budgets;
using Jesus.Appliance.Config.Sections;
using Jesus.Appliance.Config.Shapes;
using Jesus.Appliance.Federation;
using Jesus.Appliance.Gateway;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Responses;
using Jesus.Appliance.Router;
using Jesus.Appliance.Runner;
using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Security;
using Jesus.Appliance.Telemetry;

namespace Jesus.Appliance.Config;

/// <summary>The description of the whole configuration, one file a section.</summary>
internal static class ApplianceShape
{
    public static RecordShape<ApplianceConfig> Root { get; } = new(
        new Property<ApplianceConfig, GatewayOptions>("listen", "The HTTP door.", ListenSection.Shape, c => c.Listen, (c, v) => c with { Listen = v }),
        new Property<ApplianceConfig, EngineSettings>("engine", "The box's own inference.", EngineSection.Shape, c => c.Engine, (c, v) => c with { Engine = v }),
        new Property<ApplianceConfig, IReadOnlyDictionary<string, ProviderOptions>>("providers", "Servers of models beside the box's own, by the name that routes use.",
            ProvidersSection.Shape, c => c.Providers, (c, v) => c with { Providers = v }),
        new Property<ApplianceConfig, RoutesOptions>("routes", "Named, ordered lists of candidates with a policy.",
            RoutesSection.Shape, c => c.Routes, (c, v) => c with { Routes = v }),
        new Property<ApplianceConfig, PricesOptions>("prices", "What models cost, in US dollars, dated.", PricesSection.Shape, c => c.Prices, (c, v) => c with { Prices = v }),
        new Property<ApplianceConfig, DirectoryOptions>("directory", "Who belongs where.", DirectorySection.Shape, c => c.Directory, (c, v) => c with { Directory = v }),
        new Property<ApplianceConfig, BudgetsOptions>("budgets", "Hard caps.", BudgetsSection.Shape, c => c.Budgets, (c, v) => c with { Budgets = v }),
        new Property<ApplianceConfig, LimitsOptions>("limits", "What one principal, and all together, may ask for.",
            LimitsSection.Shape, c => c.Limits, (c, v) => c with { Limits = v }),
        new Property<ApplianceConfig, SchedulerOptions>("scheduler", "Who calls a model first.", SchedulerSection.Shape, c => c.Scheduler, (c, v) => c with { Scheduler = v }),
        new Property<ApplianceConfig, RunnerOptions>("runner", "Agent runs.", RunnerSection.Shape, c => c.Runner, (c, v) => c with { Runner = v }),
        new Property<ApplianceConfig, ArtifactOptions>("artifacts", "Files that runs keep.", ArtifactsSection.Shape, c => c.Artifacts, (c, v) => c with { Artifacts = v }),
        new Property<ApplianceConfig, ResponseOptions>("responses", "Answers of OpenAI's Responses API that are kept.",
            ResponsesSection.Shape, c => c.Responses, (c, v) => c with { Responses = v }),
        new Property<ApplianceConfig, FederationOptions>("federation", "Boxes that help each other over NATS.",
            FederationSection.Shape, c => c.Federation, (c, v) => c with { Federation = v }),
        new Property<ApplianceConfig, SecurityOptions>("security", "Who is trusted how far.", SecuritySection.Shape, c => c.Security, (c, v) => c with { Security = v }),
        new Property<ApplianceConfig, LogOptions>("telemetry", "Logs.", TelemetrySection.Shape, c => c.Telemetry, (c, v) => c with { Telemetry = v }))
    {
        IsRoot = true,
        Check = static (config, node, path, errors) => BudgetsSection.CheckOwners(config, node, errors),
    };
}
