using System.Text.Json;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Runner.Workflows;
using Jesus.Appliance.Tools;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Runner.Machine;

// What to do next: the actions, each given once.
public sealed partial class RunMachine
{
    /// <summary>What to do next; null when nothing can be done before an event or <see cref="NextDue"/>.</summary>
    public RunAction? Next(DateTimeOffset now)
    {
        if (End is not null || _ending)
        {
            return null;
        }

        if (Failure is not null || Cancelling is not null)
        {
            return InProgress > 0 ? null : EndNow(Cancelling is not null ? RunStateName.Cancelled : RunStateName.Failed, null);
        }

        return Root.Unfinished == 0 ? EndWithOutputs() : NextTimer(now) is { } timedOut ? timedOut : NextReady(now);
    }

    /// <summary>Takes the answer of an approval that waits, so that its timeout cannot end it as well.</summary>
    public bool TryTakeAnswer(StepNode node)
    {
        if (End is not null || _ending || node.State != StepStateName.Waiting || node.Spec.Kind != StepKind.Approve || node.Decided)
        {
            return false;
        }

        Take(node).Decided = true;
        return true;
    }

    private FinishStep? NextTimer(DateTimeOffset now)
    {
        while (_timers.TryPeek(out var node, out var due) && due <= now)
        {
            _ = _timers.Dequeue();
            if (node.State != StepStateName.Waiting || node.DueAt != due || node.Decided)
            {
                continue; // answered meanwhile
            }

            if (node.Spec.Kind == StepKind.Approve)
            {
                Take(node).Decided = true;
                return new FinishStep(node, StepStateName.Failed, "nobody answered in time, which counts as a no", null, JsonValues.Null);
            }

            StopWaiting(node);
            node.State = StepStateName.Pending;
            node.ReadyAt = now;
            _ready.Enqueue(node);
        }

        return null;
    }

    private RunAction? NextReady(DateTimeOffset now)
    {
        while (InProgress < _limit && _ready.TryDequeue(out var node))
        {
            if (node.State is StepStateName.Pending or StepStateName.Running && !node.InProgress && !node.Decided && Start(node, now) is { } action)
            {
                return action;
            }
        }

        return null;
    }

    private RunAction? Start(StepNode node, DateTimeOffset now)
    {
        if (node.Children is not null)
        {
            return Complete(node);
        }

        try
        {
            return StartChecked(node, now);
        }
        catch (EvaluationException e)
        {
            return Decide(node, StepStateName.Failed, e.Message);
        }
    }

    private RunAction? StartChecked(StepNode node, DateTimeOffset now)
    {
        if (node.Attempts == 0 && node.Spec.When is { } when && !Evaluator.Truth(when, node.Frame))
        {
            return Decide(node, StepStateName.Skipped, null);
        }

        if (node.HasOpenIntent && node.PaysAtMost is null && !node.Spec.Retry.Unknown)
        {
            return Decide(node, StepStateName.Unknown,
                "a side effect was begun and its outcome is not known, so it is not tried again; look whether it happened, then retry the run (or set retry.unknown)");
        }

        switch (node.Spec.Body)
        {
            case MapBody or RunBody:
                Open(node, now);
                return null;
            case ApproveBody approve:
                var message = approve.Message.EvaluateText(node.Frame);
                Take(node).Decided = true;
                return new AskApproval(node, message, now + approve.Timeout);
            default:
                var plan = StepPlan.Of(node);
                Take(node).InProgress = true;
                node.Pauses = new PauseTally();
                node.State = StepStateName.Running;
                node.StartedAt ??= now;
                return new ExecuteStep(node, plan, ++node.Attempts, node.PaysAtMost);
        }
    }

    private FinishStep Decide(StepNode node, StepStateName outcome, string? message)
    {
        Take(node).Decided = true;
        return new FinishStep(node, outcome, message, null, JsonValues.Null);
    }

    /// <summary>All frames of a map or a sub-run have ended: what the step yields.</summary>
    private FinishStep? Complete(StepNode node)
    {
        var body = node.Children!;
        if (body.Done < body.Frames.Length)
        {
            return null;
        }

        if (Array.Find(body.Frames, frame => frame!.Problem is not null) is { } wrong)
        {
            return Decide(node, StepStateName.Failed, wrong.Problem);
        }

        var whole = node.Spec.Kind == StepKind.Map
            ? JsonValues.Build(body, static (writer, frames) => WriteList(writer, frames))
            : body.Frames[0]!.Result ?? JsonValues.Null;
        Take(node).Decided = true;
        return new FinishStep(node, StepStateName.Done, null, null, whole);
    }

    private static void WriteList(Utf8JsonWriter writer, StepNode.Body body)
    {
        writer.WriteStartArray();
        foreach (var frame in body.Frames)
        {
            (frame!.Result ?? JsonValues.Null).WriteTo(writer);
        }

        writer.WriteEndArray();
    }

    private StepNode Take(StepNode node)
    {
        InProgress++;
        return node;
    }

    private FinishRun EndWithOutputs()
    {
        try
        {
            var outputs = Workflow.Outputs.Count == 0 ? (JsonElement?)null : FrameResult.Outputs(Workflow, Root);
            return EndNow(RunStateName.Succeeded, outputs);
        }
        catch (EvaluationException e)
        {
            Failure = new RunEvent { Type = RunEventType.StepFinished, RunId = Id, At = SubmittedAt, Message = "outputs: " + e.Message };
            return EndNow(RunStateName.Failed, null);
        }
    }

    private FinishRun EndNow(RunStateName state, JsonElement? outputs)
    {
        _ending = true;
        var where = Failure?.Step is { Length: > 0 } step ? $"step '{step}': " : "";
        return state switch
        {
            RunStateName.Failed => new FinishRun(state, null, where + Failure!.Message, Failure.RefusedByBudget, Lost()),
            RunStateName.Cancelled => new FinishRun(state, null, Cancelling!.Message, false, Lost()),
            _ => new FinishRun(state, outputs, null, false),
        };
    }

    /// <summary>Nothing is in progress: a payment that is still open is one that a crash cut, and the run ends without another look at it.</summary>
    private ToolSpending Lost()
    {
        var lost = default(ToolSpending);
        foreach (var node in Walk(Root))
        {
            if (node.PaysAtMost is { } most)
            {
                lost = new ToolSpending(lost.TokensIn + most.TokensIn, lost.TokensOut + most.TokensOut, lost.CostMicroUsd + most.CostMicroUsd, Estimated: true);
            }
        }

        return lost;
    }
}
