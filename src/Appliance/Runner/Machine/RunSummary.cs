using Jesus.Appliance.Runner.Views;

namespace Jesus.Appliance.Runner.Machine;

/// <summary>A run's row in a list, folded from its events one by one. Pure.</summary>
internal static class RunSummary
{
    /// <param name="before">Null for the first event, the submission.</param>
    public static RunView Fold(RunView? before, RunEvent item, long sequence)
    {
        var view = before ?? new RunView
        {
            Id = item.RunId,
            Workflow = item.Submitted?.WorkflowName ?? "",
            State = RunStateName.Queued,
            User = item.Submitted?.Principal.User ?? "",
            SubmittedAt = item.At,
        };
        var ended = item.Type == RunEventType.Finished;
        return view with
        {
            State = ended ? item.RunState : item.Type == RunEventType.Submitted ? RunStateName.Queued : RunStateName.Running,
            FinishedAt = ended ? item.At : null,
            Seconds = Math.Round((item.At - view.SubmittedAt).TotalSeconds, 3),
            TokensIn = view.TokensIn + item.TokensIn,
            TokensOut = view.TokensOut + item.TokensOut,
            CostMicroUsd = view.CostMicroUsd + item.CostMicroUsd,
            CostIsEstimated = view.CostIsEstimated || item.Estimated,
            Error = ended && item.RunState == RunStateName.Failed ? item.Message : null,
            RefusedByBudget = ended && item.RefusedByBudget,
            Sequence = sequence,
        };
    }
}
