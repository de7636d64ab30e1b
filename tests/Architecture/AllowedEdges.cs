namespace Jesus.Architecture;

/// <summary>The house's plan as a table: which room may mention which. docs/ARCHITECTURE.md says why.</summary>
internal static class AllowedEdges
{
    /// <summary>Rooms of the appliance, top to bottom. A room may use any room of a lower layer, none above, and none beside it.</summary>
    public static readonly string[][] Layers =
    [
        ["Appliance", "Appliance.Cli", "Appliance.Host"],
        ["Appliance.Config"],
        ["Appliance.Gateway", "Appliance.Dashboard", "Appliance.Evals"],
        ["Appliance.Federation"],
        ["Appliance.Runner", "Appliance.Responses"],
        ["Appliance.Pipeline"],
        ["Appliance.Tools", "Appliance.Cache", "Appliance.Admission", "Appliance.Router", "Appliance.Scheduler", "Appliance.Budgets", "Appliance.Audit", "Appliance.Artifacts"],
        ["Appliance.Pricing", "Appliance.Security"],
        ["Appliance.Storage", "Appliance.Telemetry"],
    ];

    /// <summary>Edges between rooms of one layer, named one by one.</summary>
    public static readonly (string From, string To)[] Beside =
    [
        ("Appliance", "Appliance.Cli"),
        ("Appliance", "Appliance.Host"),
        ("Appliance.Cli", "Appliance.Host"),

        // Load is shed by the Scheduler's lanes.
        ("Appliance.Admission", "Appliance.Scheduler"),
    ];

    /// <summary>Who may see which part of the lower projects.</summary>
    public static bool MayUseInference(string from, string to) => to switch
    {
        "Inference.Contract" => true,

        // The engine: only its host, its adapter and the command line's model verbs (which print what it reads).
        "Inference.Engine" => from is "Appliance.Host" or "Appliance.Cli" or "Appliance.Config" or "Inference.Adapters.Local",
        _ => from is "Appliance.Host" or "Appliance.Config" && to.StartsWith("Inference.Adapters", StringComparison.Ordinal),
    };

    /// <summary>Inside Inference: the engine knows the contract and its text slices, adapters know the contract, the transport and what they share, none knows another.</summary>
    public static bool MayUseInsideInference(string from, string to) => (from, to) switch
    {
        (_, "Inference.Contract") => true,
        ("Inference.Adapters.Local", "Inference.Engine") => true,
        ("Inference.Engine" or "Inference.Contract", "Inference.Adapters.Shared") => false,
        (_, "Inference.Adapters.Shared") => true,
        ("Inference.Engine" or "Inference.Contract", "Transport.Buffers") => true,
        ("Inference.Engine" or "Inference.Contract", _) => false,
        _ => to.StartsWith("Transport.", StringComparison.Ordinal),
    };

    public static bool May(string from, string to)
    {
        if (from.StartsWith("Transport", StringComparison.Ordinal))
        {
            return to.StartsWith("Transport.", StringComparison.Ordinal);
        }

        if (from.StartsWith("Inference", StringComparison.Ordinal))
        {
            return MayUseInsideInference(from, to);
        }

        if (to.StartsWith("Transport.", StringComparison.Ordinal))
        {
            return true;
        }

        return to.StartsWith("Inference", StringComparison.Ordinal) ? MayUseInference(from, to) : MayUseInAppliance(from, to);
    }

    private static bool MayUseInAppliance(string from, string to)
    {
        var above = LayerOf(from);
        var below = LayerOf(to);
        return above >= 0 && below >= 0 && (above < below || Beside.Contains((from, to)));
    }

    public static int LayerOf(string room) => Array.FindIndex(Layers, layer => layer.Contains(room));
}
