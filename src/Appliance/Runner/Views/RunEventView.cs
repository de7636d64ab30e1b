using System.Text.Json;

namespace Jesus.Appliance.Runner.Views;

/// <summary>
/// Something that happened to a run. <see cref="Type"/> is one of <c>run.submitted, run.started, step.started, step.retrying, step.waiting,
/// step.answered, agent.called, agent.result, step.finished, run.cancelling, run.retried, run.finished</c>.
/// </summary>
public sealed record RunEventView
{
    public required string RunId { get; init; }

    /// <summary>Grows within the run, not by one; the id of a server-sent event.</summary>
    public required long Sequence { get; init; }
    public required string Type { get; init; }
    public DateTimeOffset At { get; init; }

    /// <summary>True for what is shown as it happens and not kept (<c>run.started, step.started</c>).</summary>
    public bool Live { get; init; }

    /// <summary>The step as it stands after the event, without children; null for events of the whole run.</summary>
    public StepView? Step { get; init; }

    /// <summary>The run's state after the event.</summary>
    public RunStateName RunState { get; init; }

    /// <summary>What happened, in words; null when the state says it.</summary>
    public string? Message { get; init; }

    /// <summary>With <c>run.finished</c>: the outputs.</summary>
    public JsonElement? Outputs { get; init; }
}
