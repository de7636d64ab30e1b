using Jesus.Appliance.Admission;
using Jesus.Appliance.Budgets;
using Jesus.Appliance.Pricing;
using Jesus.Appliance.Router;
using Jesus.Appliance.Scheduler;
using Jesus.Appliance.Security.Redaction;
using Jesus.Appliance.Storage.Journal;

namespace Jesus.Appliance.Pipeline;

/// <summary>The rooms that the pipeline calls; made by the composition root.</summary>
public sealed record PipelineRooms
{
    public required AdmissionGate Admission { get; init; }
    public required RouteTableHolder Routes { get; init; }
    public required PriceTableHolder Prices { get; init; }
    public required BudgetKeeper Budgets { get; init; }
    public required TicketScheduler Scheduler { get; init; }
    public required IJournal Journal { get; init; }
    public required TimeProvider Time { get; init; }

    /// <summary>Null turns redaction off: internal data then stays on the box.</summary>
    public IRedactor? Redactor { get; init; }

    /// <summary>Other boxes; null where this one is alone.</summary>
    public ICandidateSource? Peers { get; init; }

    /// <summary>64 random bits for each call's weighted policies.</summary>
    public required Func<ulong> Dice { get; init; }
}
