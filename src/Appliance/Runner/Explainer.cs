using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Runner.Workflows;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Runner;

/// <summary>Says why a run is not further, cause by cause. Pure.</summary>
internal static class Explainer
{
    /// <summary>Causes listed; a map of thousands waits for the same thing in each.</summary>
    private const int CausesMax = 100;

    /// <param name="place">Place in the queue from 1; 0 when it does not queue.</param>
    public static RunExplanation Explain(RunMachine machine, RunStateName state, int place, DateTimeOffset now)
    {
        var aside = RunViews.Aside(RunMachine.Walk(machine.Root));
        return Why(machine, state, place, now) with { TimesAside = aside.Times, AsideSeconds = Math.Round(aside.Time.TotalSeconds, 3) };
    }

    private static RunExplanation Why(RunMachine machine, RunStateName state, int place, DateTimeOffset now)
    {
        if (machine.End is { } end)
        {
            return new RunExplanation(machine.Id, state, $"the run has ended: {RunEventCodec.NameOf(state)}{(end.Message is null ? "" : ", " + end.Message)}", []);
        }

        IReadOnlyList<WaitCause> causes = state == RunStateName.Queued
            ? [new WaitCause { Cause = "queue", Detail = $"place {place} in the queue: it starts when a run before it ends", Seconds = Since(machine.SubmittedAt, now) }]
            : [.. Causes(machine, now).Take(CausesMax)];
        return new RunExplanation(machine.Id, state, Summary(machine, causes), causes);
    }

    private static string Summary(RunMachine machine, IReadOnlyList<WaitCause> causes)
    {
        if (machine.Cancelling is not null || machine.Failure is not null)
        {
            return $"the run ends as {(machine.Cancelling is not null ? "cancelled" : "failed")} when its {machine.InProgress} steps in progress have ended";
        }

        var first = causes.FirstOrDefault(cause => cause.Cause != "needs");
        return first is null ? "nothing holds the run up" : $"{(first.Step.Length > 0 ? $"step '{first.Step}' " : "the run ")}waits: {first.Detail}";
    }

    private static IEnumerable<WaitCause> Causes(RunMachine machine, DateTimeOffset now) =>
        RunMachine.Walk(machine.Root).Where(node => !node.HasEnded && !node.HasFailed).Select(node => Cause(node, now)).OfType<WaitCause>()
            .OrderBy(cause => cause.Cause == "needs");

    private static WaitCause? Cause(StepNode node, DateTimeOffset now)
    {
        var aside = node.Aside;
        return node.State switch
        {
            StepStateName.Waiting when node.Spec.Kind == StepKind.Approve => Of("approval", $"a person's answer to: {node.Message}", node.StartedAt),
            StepStateName.Waiting => Of("retry", $"the delay before attempt {node.Attempts + 1} of {node.Spec.Retry.Attempts}, after: {node.Message}", node.ReadyAt),
            StepStateName.Running when node.Children is { } body && node.Spec.Kind == StepKind.Map =>
                Of("items", $"{body.Done} of {body.Frames.Length} items have ended, {body.Active} are in progress", node.StartedAt),
            StepStateName.Running when node.Children is not null => Of("run", "the steps of its sub-run", node.StartedAt),
            StepStateName.Running when node.Spec.Kind == StepKind.Tool => Of("tool", $"the tool {((ToolBody)node.Spec.Body).Name}{Words(aside)}", node.StartedAt),
            StepStateName.Running => Of("model", "the model's answer" + Words(aside), node.StartedAt),
            _ when node.NeedsLeft > 0 => Of("needs", "it needs " + string.Join(", ", Unmet(node)), null),
            _ when node.Decided => null,
            _ => Of("concurrency", "a place: as many steps of this run are in progress as may be", node.ReadyAt),
        };

        WaitCause Of(string cause, string detail, DateTimeOffset? since) => new()
        {
            Step = node.Path,
            Cause = cause,
            Detail = detail,
            Seconds = since is { } from ? Since(from, now) : 0,
            TimesAside = aside.Times,
            AsideSeconds = Math.Round(aside.Time.TotalSeconds, 3),
            EndsInSeconds = node.DueAt is { } due ? Math.Round(Math.Max(0, (due - now).TotalSeconds), 3) : null,
        };
    }

    private static IEnumerable<string> Unmet(StepNode node) =>
        node.Spec.Needs.Select(need => node.Frame.Nodes[need]).Where(need => !need.HasEnded).Select(need => need.Path);

    private static string Words(in Pauses aside) => aside.Times == 0 ? ""
        : $", {RunExplanation.Aside(aside.Times, aside.Time.TotalSeconds)}{(aside.IsNow ? ", and stands still now" : "")}";

    private static double Since(DateTimeOffset from, DateTimeOffset now) => Math.Round(Math.Max(0, (now - from).TotalSeconds), 3);
}
