using Jesus.Appliance.Budgets;
using Jesus.Appliance.Federation;
using Jesus.Appliance.Gateway.Anthropic.Batches;
using Jesus.Appliance.Responses;
using Jesus.Appliance.Runner;
using Jesus.Appliance.Security.Keys;
using Jesus.Appliance.Telemetry;

namespace Jesus.Appliance.Gateway;

/// <summary>What the gateway stands on; the Host fills it.</summary>
public sealed record GatewayParts
{
    public required GatewayOptions Options { get; init; }
    public required IDoorkeeper Doorkeeper { get; init; }
    public required ModelCaller Models { get; init; }
    public required IModelDirectory ModelDirectory { get; init; }

    /// <summary>What would be done with a call; null where there is no pipeline.</summary>
    public Func<Pipeline.ModelCall, Pipeline.RouteExplanation>? Explain { get; init; }
    public required IRunService Runs { get; init; }
    public required ResponseStore Responses { get; init; }
    public required KeyStore Keys { get; init; }
    public required BudgetAdmin Budgets { get; init; }
    public required MetricsText Metrics { get; init; }
    public required Readiness Readiness { get; init; }
    public required TimeProvider Time { get; init; }

    /// <summary>Null where the box is in no federation.</summary>
    public FederationHub? Federation { get; init; }

    /// <summary>Null where there is no runner to keep them.</summary>
    public MessageBatches? Batches { get; init; }
    public required string Version { get; init; }
}
