using Jesus.Appliance.Runner.Views;

namespace Jesus.Appliance.Runner.Machine;

/// <summary>Shows events as views. Pure.</summary>
internal static class RunEventViews
{
    /// <param name="machine">The run with the event applied.</param>
    public static RunEventView Of(RunMachine machine, StoredRunEvent stored, RunStateName state)
    {
        var item = stored.Event;
        return new RunEventView
        {
            RunId = machine.Id,
            Sequence = stored.Sequence,
            Type = RunEventCodec.NameOf(item.Type),
            At = item.At,
            Step = item.Step.Length > 0 && machine.Find(item.Step) is { } node ? RunViews.Of(node, machine.End, item.At, withChildren: node.Agent is not null) : null,
            RunState = state,
            Message = item.Type == RunEventType.ToolIntent ? $"{item.Message} is about to {(item.AtMost is null ? "change something" : "be paid")}" : item.Message,
            Outputs = item.Type == RunEventType.Finished ? item.Output : null,
        };
    }

    public static RunEventView Started(RunMachine machine, StepNode node, long sequence, RunStateName state) => new()
    {
        RunId = machine.Id,
        Sequence = sequence,
        Type = "step.started",
        At = node.StartedAt ?? machine.SubmittedAt,
        Live = true,
        Step = RunViews.Of(node, null, node.StartedAt ?? machine.SubmittedAt, withChildren: false),
        RunState = state,
    };

    /// <summary>The events after a sequence number as they would have been seen, from a fold of their own.</summary>
    public static IEnumerable<RunEventView> Replay(RunMachine like, IReadOnlyList<StoredRunEvent> events, long after)
    {
        var machine = new RunMachine(like.Id, like.Workflow, events[0].Event, int.MaxValue);
        foreach (var stored in events)
        {
            if (stored.Event.Type != RunEventType.Submitted)
            {
                machine.Apply(stored.Event);
            }

            if (stored.Sequence > after)
            {
                yield return Of(machine, stored, machine.End?.RunState ?? RunStateName.Running);
            }
        }
    }
}
