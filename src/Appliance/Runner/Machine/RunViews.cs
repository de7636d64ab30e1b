using System.Text.Json;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Runner.Workflows;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Runner.Machine;

/// <summary>Shows a machine's state as views. Pure.</summary>
internal static class RunViews
{
    /// <summary>Children of one step that a view carries; a terminal shows fewer, a program pages the events.</summary>
    private const int ChildrenMax = 200;

    /// <summary>Bytes of an output that a view carries; larger ones are read as artifacts or from the run's outputs.</summary>
    private const int OutputMax = 4096;

    public static RunView Of(RunMachine machine, RunStateName state, long sequence, DateTimeOffset now, bool withSteps = true)
    {
        var end = machine.End;
        var aside = Aside(RunMachine.Walk(machine.Root));
        return new RunView
        {
            Id = machine.Id,
            Workflow = machine.Workflow.Name,
            State = state,
            User = machine.Submission.Principal.User,
            SubmittedAt = machine.SubmittedAt,
            FinishedAt = end?.At,
            Seconds = Seconds(machine.SubmittedAt, end?.At ?? now),
            TokensIn = machine.TokensIn,
            TokensOut = machine.TokensOut,
            CostMicroUsd = machine.CostMicroUsd,
            CostIsEstimated = machine.IsEstimated,
            TimesAside = withSteps ? aside.Times : null,
            AsideSeconds = withSteps ? Math.Round(aside.Time.TotalSeconds, 3) : null,
            Error = end?.RunState == RunStateName.Failed ? end.Message : null,
            RefusedByBudget = end?.RefusedByBudget ?? false,
            Steps = withSteps ? [.. machine.Root.Nodes.Select(node => Of(node, machine.End, now))] : null,
            Outputs = withSteps && end?.RunState == RunStateName.Succeeded ? end.Output : null,
            Artifacts = withSteps ? Artifacts(machine) : null,
            Sequence = sequence,
        };
    }

    /// <summary>The pauses of several steps' calls, added up.</summary>
    public static Pauses Aside(IEnumerable<StepNode> nodes) =>
        nodes.Select(node => node.Aside).Aggregate(default(Pauses), (sum, one) => new Pauses(sum.Times + one.Times, sum.Time + one.Time, sum.IsNow || one.IsNow));

    public static IReadOnlyList<ArtifactView> Artifacts(RunMachine machine) => [.. machine.Artifacts.Select(item => new ArtifactView
    {
        Name = item.Artifact.Name,
        Sha256 = item.Artifact.Sha256,
        Bytes = item.Artifact.Bytes,
        MediaType = item.Artifact.MediaType,
        Step = item.Step,
    })];

    /// <returns>Null when the run has no such map.</returns>
    public static RunItems? Items(RunMachine machine, string mapStep)
    {
        var index = machine.Root.Graph.IndexOf(mapStep);
        if (index < 0 || machine.Root.Nodes[index].Spec.Kind != StepKind.Map)
        {
            return null;
        }

        var frames = machine.Root.Nodes[index].Children?.Frames ?? [];
        return new RunItems
        {
            WorkflowHash = machine.Submission.WorkflowHash,
            User = machine.Submission.Principal.User,
            Inputs = machine.Submission.Inputs,
            SubmittedAt = machine.SubmittedAt,
            CancelledAt = machine.Cancelling?.At,
            EndedAt = machine.End?.At,
            State = machine.End?.RunState,
            Outputs = [.. frames.Select(frame => frame?.Nodes[0] is { State: StepStateName.Done } node ? node.Output : (JsonElement?)null)],
        };
    }

    /// <param name="end">The run's end, if it ended: what had not ended by then never will.</param>
    public static StepView Of(StepNode node, RunEvent? end, DateTimeOffset now, bool withChildren = true)
    {
        var state = StateOf(node, end);
        var (total, done) = Count(node);
        var aside = node.Children is null ? node.Aside : Aside(RunMachine.Walk(node));
        return new StepView
        {
            Id = node.Spec.Id,
            Path = node.Path,
            Kind = node.Spec.Kind.ToString().ToLowerInvariant(),
            State = state,
            StartedAt = node.StartedAt,
            Seconds = node.StartedAt is { } started ? Seconds(started, node.EndedAt ?? end?.At ?? now) : 0,
            TokensIn = node.Children is null ? node.TokensIn : RunMachine.Walk(node).Sum(inner => inner.TokensIn),
            TokensOut = node.Children is null ? node.TokensOut : RunMachine.Walk(node).Sum(inner => inner.TokensOut),
            Attempts = node.Attempts,
            TimesAside = aside.Times,
            AsideSeconds = Math.Round(aside.Time.TotalSeconds, 3),
            Detail = node.Message,
            Output = node.State == StepStateName.Done ? Small(node.Output) : null,
            Children = withChildren ? Children(node, end, now) : [],
            ChildrenTotal = total,
            ChildrenDone = done,
        };
    }

    private static StepStateName StateOf(StepNode node, RunEvent? end)
    {
        if (end is null || node.HasEnded || node.HasFailed)
        {
            return node.State;
        }

        var failedInside = node.Children is not null && RunMachine.Walk(node).Any(inner => inner.HasFailed);
        return failedInside ? StepStateName.Failed : StepStateName.Cancelled;
    }

    private static (int Total, int Done) Count(StepNode node) =>
        node.Children is { } body
            ? node.Spec.Kind == StepKind.Map ? (body.Frames.Length, body.Done) : (body.Frames[0]?.Nodes.Count ?? 0, body.Frames[0]?.Nodes.Count(inner => inner.HasEnded) ?? 0)
            : node.Agent is { } agent ? (agent.Turns.Sum(turn => turn.Calls.Count), agent.Turns.Sum(turn => turn.Results.Count(result => result is not null))) : (0, 0);

    private static IReadOnlyList<StepView> Children(StepNode node, RunEvent? end, DateTimeOffset now)
    {
        if (node.Agent is { } agent)
        {
            return [.. agent.Turns.SelectMany((turn, index) => turn.Calls.Select((_, call) => OfCall(node, turn, index, call))).Take(ChildrenMax)];
        }

        if (node.Children is not { } body)
        {
            return [];
        }

        return node.Spec.Kind == StepKind.Run
            ? [.. body.Frames[0]!.Nodes.Take(ChildrenMax).Select(inner => Of(inner, end, now))]
            : [.. body.Frames.Where(frame => frame is not null).Take(ChildrenMax).Select(frame => OfItem(frame!, node, end, now))];
    }

    /// <summary>An item of a map: as a step with its steps below; an item of one step is shown as that step.</summary>
    private static StepView OfItem(Frame frame, StepNode map, RunEvent? end, DateTimeOffset now)
    {
        var id = $"[{frame.ItemIndex}]";
        if (frame.Nodes.Count == 1)
        {
            return Of(frame.Nodes[0], end, now) with { Id = id };
        }

        StepView[] steps = [.. frame.Nodes.Select(inner => Of(inner, end, now))];
        var first = steps.Where(step => step.StartedAt is not null).Min(step => step.StartedAt);
        var last = frame.Nodes.Max(inner => inner.EndedAt);
        return new StepView
        {
            Id = id,
            Path = map.Path + id,
            Kind = "item",
            State = ItemState(frame, steps, end),
            StartedAt = first,
            Seconds = first is { } started ? Seconds(started, (frame.Unfinished == 0 ? last : end?.At) ?? now) : 0,
            TokensIn = steps.Sum(step => step.TokensIn),
            TokensOut = steps.Sum(step => step.TokensOut),
            Attempts = 1,
            TimesAside = steps.Sum(step => step.TimesAside),
            AsideSeconds = Math.Round(steps.Sum(step => step.AsideSeconds), 3),
            Detail = frame.Problem,
            Children = steps,
            ChildrenTotal = steps.Length,
            ChildrenDone = frame.Nodes.Count(inner => inner.HasEnded),
        };
    }

    private static StepStateName ItemState(Frame frame, StepView[] steps, RunEvent? end) =>
        frame.Unfinished == 0 ? StepStateName.Done
        : steps.Any(step => step.State is StepStateName.Failed or StepStateName.Unknown) ? StepStateName.Failed
        : end is not null ? StepStateName.Cancelled
        : steps.Any(step => step.State == StepStateName.Running) ? StepStateName.Running
        : steps.Any(step => step.State == StepStateName.Waiting) ? StepStateName.Waiting
        : StepStateName.Pending;

    private static StepView OfCall(StepNode node, AgentTurn turn, int turnIndex, int call)
    {
        var result = turn.Results[call];
        return new StepView
        {
            Id = turn.Calls[call].Tool,
            Path = $"{node.Path}#{turnIndex + 1}.{call + 1}",
            Kind = "call",
            State = result is null ? StepStateName.Running : turn.Succeeded[call] ? StepStateName.Done : StepStateName.Failed,
            StartedAt = turn.At,
            Attempts = 1,
            Detail = Cut($"{turn.Calls[call].Arguments}{(result is null ? "" : " -> " + result)}"),
        };
    }

    private static string Cut(string text) => text.Length <= 240 ? text : string.Concat(text.AsSpan(0, 237), "...");

    private static JsonElement? Small(JsonElement output) =>
        output.ValueKind == JsonValueKind.Null || System.Runtime.InteropServices.JsonMarshal.GetRawUtf8Value(output).Length > OutputMax ? null : output;

    private static double Seconds(DateTimeOffset from, DateTimeOffset to) => Math.Round(Math.Max(0, (to - from).TotalSeconds), 3);
}
