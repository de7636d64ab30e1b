using System.Text.Json;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Runner.Workflows;

namespace Jesus.Appliance.Runner.Machine;

// The fold: what an event that became durable changes.
public sealed partial class RunMachine
{
    public void Apply(RunEvent item)
    {
        var node = item.Step.Length == 0 ? null : Find(item.Step) ?? throw new InvalidOperationException($"run {Id} has no step '{item.Step}'");
        switch (item.Type)
        {
            case RunEventType.StepFinished:
                Release(node!);
                Finish(node!, item);
                break;
            case RunEventType.StepRetrying:
                Release(node!);
                Wait(node!, item);
                node!.Attempts = item.Attempt;
                CloseIntent(node);
                Spend(node, item);
                if (item.Fresh)
                {
                    node.Agent?.Forget(keepTurns: false);
                }

                break;
            case RunEventType.StepWaiting:
                Release(node!);
                Wait(node!, item);
                node!.StartedAt = item.At;
                break;
            case RunEventType.StepAnswered:
                Release(node!);
                Finish(node!, item with { Outcome = item.Approved ? StepStateName.Done : StepStateName.Failed, StartedAt = node!.StartedAt });
                break;
            case RunEventType.ToolIntent:
                Intend(node!, item);
                break;
            case RunEventType.AgentCalled:
                (node!.Agent ??= new AgentTranscript()).Add(new AgentTurn(item.Message ?? "", item.Calls, item.At));
                Spend(node, item);
                break;
            case RunEventType.AgentResult:
                Settle(node!, item);
                break;
            case RunEventType.Cancelling:
                Cancelling ??= item;
                break;
            case RunEventType.Retried:
                Retry(item);
                break;
            case RunEventType.Finished:
                (End, _ending) = (item, false);
                WriteOff(item);
                break;
        }
    }

    private void Finish(StepNode node, RunEvent item)
    {
        node.Message = item.Message;
        node.Output = OutputOf(node, item);
        node.StartedAt = item.StartedAt ?? node.StartedAt ?? item.At;
        node.EndedAt = item.At;
        node.Attempts = Math.Max(node.Attempts, item.Attempt);
        CloseIntent(node);
        Spend(node, item);
        if (item.Artifact is { } artifact)
        {
            node.Artifact = artifact;
            _artifacts.Add((artifact, node.Path));
        }

        node.State = item.Outcome;
        if (node.HasFailed)
        {
            Failure ??= item;
            return;
        }

        var frame = node.Frame;
        frame.Unfinished--;
        foreach (var dependent in frame.Graph.Dependents[node.Spec.Index])
        {
            if (--frame.Nodes[dependent].NeedsLeft == 0)
            {
                frame.Nodes[dependent].ReadyAt = item.At;
                _ready.Enqueue(frame.Nodes[dependent]);
            }
        }

        if (frame is { Unfinished: 0, Owner: { } owner })
        {
            EndFrame(frame, owner, item.At);
        }
    }

    /// <summary>Maps and sub-runs compute their output from their children: the record does not repeat it.</summary>
    private static JsonElement OutputOf(StepNode node, RunEvent item) => item switch
    {
        { Type: RunEventType.StepAnswered } => JsonValues.Build(item, static (writer, answer) =>
        {
            writer.WriteStartObject();
            writer.WriteBoolean("approved", answer.Approved);
            writer.WriteString("by", answer.By ?? "");
            writer.WriteString("note", answer.Note ?? "");
            writer.WriteEndObject();
        }),
        { Outcome: StepStateName.Done, Output: null } when node.Children is { } body && node.Spec.Kind == StepKind.Map =>
            JsonValues.Build(body, static (writer, frames) => WriteList(writer, frames)),
        { Outcome: StepStateName.Done, Output: null } when node.Children is { } body => body.Frames[0]!.Result ?? JsonValues.Null,
        _ => item.Output ?? JsonValues.Null,
    };

    private void EndFrame(Frame frame, StepNode owner, DateTimeOffset at)
    {
        var body = owner.Children!;
        body.Active--;
        body.Done++;
        try
        {
            frame.Result = FrameResult.Of(frame, owner);
        }
        catch (EvaluationException e)
        {
            frame.Problem = (frame.ItemIndex < 0 ? "outputs: " : $"output of item [{frame.ItemIndex}]: ") + e.Message;
        }

        BeginItems(owner, at);
        if (body.Done == body.Frames.Length)
        {
            _ready.Enqueue(owner);
        }
    }

    private void Wait(StepNode node, RunEvent item)
    {
        node.State = StepStateName.Waiting;
        node.Message = item.Message;
        node.DueAt = item.DueAt;
        node.ReadyAt = item.At;
        Waiting++;
        if (item.DueAt is { } due)
        {
            _timers.Enqueue(node, due);
        }
    }

    private void StopWaiting(StepNode node)
    {
        if (node.State == StepStateName.Waiting)
        {
            Waiting--;
            node.DueAt = null;
        }
    }

    private static void Intend(StepNode node, RunEvent item)
    {
        if (item.CallIndex < 0)
        {
            (node.IntentOpen, node.PaysAtMost) = (true, item.AtMost);
        }
        else
        {
            node.Agent!.Turns[^1].OpenIntent = item.CallIndex;
        }
    }

    private static void CloseIntent(StepNode node) => (node.IntentOpen, node.PaysAtMost) = (false, null);

    private static void Settle(StepNode node, RunEvent item)
    {
        var turn = node.Agent!.Turns[^1];
        turn.Results[item.CallIndex] = JsonValues.ToText(item.Output ?? JsonValues.Null);
        turn.Succeeded[item.CallIndex] = item.Outcome == StepStateName.Done;
        turn.OpenIntent = -1;
    }

    /// <summary>What was lost counts with the run's end; should the run be retried, whoever retries it asks for it anew.</summary>
    private void WriteOff(RunEvent item)
    {
        Spend(item);
        foreach (var node in Walk(Root).Where(node => node.PaysAtMost is not null))
        {
            CloseIntent(node);
        }
    }

    private void Spend(StepNode node, RunEvent item)
    {
        node.TokensIn += item.TokensIn;
        node.TokensOut += item.TokensOut;
        node.TimesAside += item.TimesAside;
        node.AsideMs += item.AsideMs;
        Spend(item);
    }

    private void Spend(RunEvent item)
    {
        TokensIn += item.TokensIn;
        TokensOut += item.TokensOut;
        CostMicroUsd += item.CostMicroUsd;
        IsEstimated |= item.Estimated;
    }

    /// <summary>Puts every failed, cancelled and waiting-to-retry step back to its beginning; what is done stays done.</summary>
    private void Retry(RunEvent item)
    {
        (End, Failure, Cancelling) = (null, null, null);
        foreach (var node in Walk(Root).Where(node => node.HasFailed || node is { State: StepStateName.Waiting, Spec.Kind: not StepKind.Approve }))
        {
            StopWaiting(node);
            CloseIntent(node);
            (node.State, node.Message, node.Attempts, node.ReadyAt) = (StepStateName.Pending, null, 0, item.At);
            (node.StartedAt, node.EndedAt) = (null, null);
            node.Agent?.Forget(keepTurns: node.Agent.HasOpenIntent);
        }

        // A map's body or a step that was ready when the run stopped is still in the queue or is put back: starting twice is not possible.
        foreach (var node in Walk(Root).Where(node => node is { State: StepStateName.Pending, NeedsLeft: 0 } or { State: StepStateName.Running, Children: not null }))
        {
            _ready.Enqueue(node);
        }
    }

    private void Release(StepNode node)
    {
        if (node.InProgress || node.Decided)
        {
            (node.InProgress, node.Decided, node.Pauses) = (false, false, null);
            InProgress--;
        }

        StopWaiting(node);
    }
}
