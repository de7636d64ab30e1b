using System.Text.Json;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Runner.Workflows;

namespace Jesus.Appliance.Runner.Machine;

/// <summary>
/// The state of one run as the fold of its events, and what to do next. No I/O, no clock: events and the time are arguments, so a replay after a
/// crash and a test with a thousand seeds walk the same code. One caller at a time.
/// </summary>
/// <remarks>
/// <see cref="Apply"/> takes what became durable; <see cref="Next"/> says what to do. An action marks its step (<see cref="StepNode.InProgress"/> or
/// <see cref="StepNode.Decided"/>) so that it is given once; only an event changes the fold. Applying an event costs its own step and those that
/// depend on it, never the whole run.
/// </remarks>
public sealed class RunMachine
{
    private readonly Queue<StepNode> _ready = new();
    private readonly PriorityQueue<StepNode, DateTimeOffset> _timers = new();
    private readonly int _limit;
    private bool _ending;

    /// <param name="stepsAtOnce">The daemon's limit of steps in progress of one run; the workflow may ask for fewer.</param>
    public RunMachine(string id, Workflow workflow, RunEvent submitted, int stepsAtOnce)
    {
        (Id, Workflow, Submission, SubmittedAt) = (id, workflow, submitted.Submitted!, submitted.At);
        _limit = workflow.Concurrency > 0 ? Math.Min(workflow.Concurrency, stepsAtOnce) : stepsAtOnce;
        Root = Frame.OfRun(workflow, submitted.Submitted!.Inputs.EnumerateObject().ToDictionary(input => input.Name, input => input.Value));
        Begin(Root, submitted.At);
    }

    public string Id { get; }
    public Workflow Workflow { get; }
    public SubmittedRun Submission { get; }
    public DateTimeOffset SubmittedAt { get; }
    public Frame Root { get; }

    /// <summary>Null until it ended.</summary>
    public RunEvent? End { get; private set; }

    /// <summary>The first failure; while it is set nothing new starts.</summary>
    public RunEvent? Failure { get; private set; }

    /// <summary>Who asked to stop; while it is set nothing new starts.</summary>
    public RunEvent? Cancelling { get; private set; }

    /// <summary>Steps that an executor works on, and decisions on their way into the journal.</summary>
    public int InProgress { get; private set; }

    /// <summary>Steps that wait for a person or for a retry.</summary>
    public int Waiting { get; private set; }
    public long TokensIn { get; private set; }
    public long TokensOut { get; private set; }
    public long CostMicroUsd { get; private set; }
    public IReadOnlyList<(ArtifactRecord Artifact, string Step)> Artifacts => _artifacts;

    private readonly List<(ArtifactRecord Artifact, string Step)> _artifacts = [];

    /// <summary>Steps that are ready and find no place: the limit of steps at once.</summary>
    public int ReadyCount => _ready.Count;

    public RunStateName State =>
        End?.RunState ?? (InProgress == 0 && Waiting > 0 && _ready.Count == 0 ? RunStateName.Waiting : RunStateName.Running);

    /// <summary>When <see cref="Next"/> should be asked again although no event came; null for never.</summary>
    public DateTimeOffset? NextDue => _timers.TryPeek(out _, out var due) && End is null ? due : null;

    /// <summary>The step at a path; begins the item of a map where a replay names one that this machine would begin later.</summary>
    public StepNode? Find(string path)
    {
        if (path.AsSpan().IndexOfAny('/', '[') < 0)
        {
            var index = Root.Graph.IndexOf(path);
            return index < 0 ? null : Root.Nodes[index];
        }

        var frame = Root;
        var parts = path.Split('/');
        for (var i = 0; i < parts.Length - 1 && frame is not null; i++)
        {
            frame = FrameAt(frame, parts[i]);
        }

        var last = frame?.Graph.IndexOf(parts[^1]) ?? -1;
        return last < 0 ? null : frame!.Nodes[last];
    }

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
                node.IntentOpen = false;
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
                break;
        }
    }

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

    /// <summary>Every step, bodies included, that has begun to exist.</summary>
    public static IEnumerable<StepNode> Walk(Frame frame) => frame.Nodes.SelectMany(node => Walk(node).Prepend(node));

    /// <summary>Every step inside a map or a sub-run that has begun to exist.</summary>
    public static IEnumerable<StepNode> Walk(StepNode node) => node.Children?.Frames.Where(inner => inner is not null).SelectMany(inner => Walk(inner!)) ?? [];

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

        if (node.HasOpenIntent && !node.Spec.Retry.Unknown)
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
                node.State = StepStateName.Running;
                node.StartedAt ??= now;
                return new ExecuteStep(node, plan, ++node.Attempts);
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

    /// <exception cref="EvaluationException">The list is none, or too long.</exception>
    private void Open(StepNode node, DateTimeOffset now)
    {
        if (node.Spec.Body is MapBody map)
        {
            var list = map.Over.Evaluate(node.Frame);
            if (list.ValueKind != JsonValueKind.Array)
            {
                throw new EvaluationException($"'over' must be a list, and is {JsonValues.KindName(list)}");
            }

            if (list.GetArrayLength() > WorkflowLimits.MapItems)
            {
                throw new EvaluationException($"the list has {list.GetArrayLength():N0} members, and a map walks at most {WorkflowLimits.MapItems:N0}");
            }

            node.Children = new StepNode.Body([.. list.EnumerateArray()], list.GetArrayLength());
        }
        else
        {
            node.Children = new StepNode.Body([], 1);
        }

        node.State = StepStateName.Running;
        node.StartedAt ??= now;
        node.Attempts = 1;
        if (node.Children.Frames.Length == 0)
        {
            _ready.Enqueue(node);
        }

        BeginItems(node, now);
    }

    private void BeginItems(StepNode node, DateTimeOffset now)
    {
        var body = node.Children!;
        var limit = node.Spec.Body is MapBody { Concurrency: > 0 } map ? map.Concurrency : int.MaxValue;
        for (; body.Next < body.Frames.Length && body.Active < Math.Min(limit, _limit); body.Next++)
        {
            if (body.Frames[body.Next] is null)
            {
                BeginFrame(node, body.Next, now);
            }
        }
    }

    private Frame BeginFrame(StepNode node, int index, DateTimeOffset now)
    {
        var body = node.Children!;
        var frame = node.Spec.Body is RunBody run ? SubRun(node, run) : Frame.OfItem(node, index, body.Items[index]);
        body.Frames[index] = frame;
        body.Active++;
        Begin(frame, now);
        return frame;
    }

    /// <exception cref="EvaluationException">An input is absent or of the wrong kind.</exception>
    private static Frame SubRun(StepNode node, RunBody run)
    {
        var workflow = run.Workflow!;
        var inputs = workflow.Inputs.Where(spec => spec.Default is not null).ToDictionary(spec => spec.Name, spec => spec.Default!.Value);
        foreach (var (name, template) in run.Inputs)
        {
            inputs[name] = template.Evaluate(node.Frame);
            if (InputValues.Problem(workflow.Input(name)!, inputs[name]) is { } problem)
            {
                throw new EvaluationException(problem);
            }
        }

        return Frame.OfSubRun(node, workflow, inputs);
    }

    private void Begin(Frame frame, DateTimeOffset now)
    {
        foreach (var node in frame.Nodes)
        {
            if (node.NeedsLeft == 0)
            {
                node.ReadyAt = now;
                _ready.Enqueue(node);
            }
        }
    }

    /// <summary>The frame that one part of a path names: <c>each[3]</c> or the id of a sub-run.</summary>
    private Frame? FrameAt(Frame frame, string part)
    {
        var bracket = part.IndexOf('[', StringComparison.Ordinal);
        var index = frame.Graph.IndexOf(bracket < 0 ? part : part[..bracket]);
        var item = bracket < 0 ? 0 : int.TryParse(part.AsSpan(bracket + 1, part.Length - bracket - 2), out var parsed) ? parsed : -1;
        return index < 0 ? null : FrameOf(frame.Nodes[index], item);
    }

    /// <summary>The frame of a body, begun if it is not: a replay may name an item before this machine's limits would begin it.</summary>
    private Frame? FrameOf(StepNode node, int index)
    {
        if (node is { Children: null, Spec.Kind: StepKind.Map or StepKind.Run, State: StepStateName.Pending, NeedsLeft: 0 })
        {
            Open(node, node.ReadyAt);
        }

        return node.Children is not { } body || index < 0 || index >= body.Frames.Length ? null : body.Frames[index] ?? BeginFrame(node, index, node.ReadyAt);
    }

    private void Finish(StepNode node, RunEvent item)
    {
        node.Message = item.Message;
        node.Output = OutputOf(node, item);
        node.StartedAt = item.StartedAt ?? node.StartedAt ?? item.At;
        node.EndedAt = item.At;
        node.Attempts = Math.Max(node.Attempts, item.Attempt);
        node.IntentOpen = false;
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
            node.IntentOpen = true;
        }
        else
        {
            node.Agent!.Turns[^1].OpenIntent = item.CallIndex;
        }
    }

    private static void Settle(StepNode node, RunEvent item)
    {
        var turn = node.Agent!.Turns[^1];
        turn.Results[item.CallIndex] = JsonValues.ToText(item.Output ?? JsonValues.Null);
        turn.Succeeded[item.CallIndex] = item.Outcome == StepStateName.Done;
        turn.OpenIntent = -1;
    }

    private void Spend(StepNode node, RunEvent item)
    {
        node.TokensIn += item.TokensIn;
        node.TokensOut += item.TokensOut;
        TokensIn += item.TokensIn;
        TokensOut += item.TokensOut;
        CostMicroUsd += item.CostMicroUsd;
    }

    /// <summary>Puts every failed, cancelled and waiting-to-retry step back to its beginning; what is done stays done.</summary>
    private void Retry(RunEvent item)
    {
        (End, Failure, Cancelling) = (null, null, null);
        foreach (var node in Walk(Root).Where(node => node.HasFailed || node is { State: StepStateName.Waiting, Spec.Kind: not StepKind.Approve }))
        {
            StopWaiting(node);
            (node.State, node.Message, node.Attempts, node.IntentOpen, node.ReadyAt) = (StepStateName.Pending, null, 0, false, item.At);
            (node.StartedAt, node.EndedAt) = (null, null);
            node.Agent?.Forget(keepTurns: node.Agent.HasOpenIntent);
        }

        // A map's body or a step that was ready when the run stopped is still in the queue or is put back: starting twice is not possible.
        foreach (var node in Walk(Root).Where(node => node is { State: StepStateName.Pending, NeedsLeft: 0 } or { State: StepStateName.Running, Children: not null }))
        {
            _ready.Enqueue(node);
        }
    }

    private StepNode Take(StepNode node)
    {
        InProgress++;
        return node;
    }

    private void Release(StepNode node)
    {
        if (node.InProgress || node.Decided)
        {
            (node.InProgress, node.Decided) = (false, false);
            InProgress--;
        }

        StopWaiting(node);
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
            RunStateName.Failed => new FinishRun(state, null, where + Failure!.Message, Failure.RefusedByBudget),
            RunStateName.Cancelled => new FinishRun(state, null, Cancelling!.Message, false),
            _ => new FinishRun(state, outputs, null, false),
        };
    }
}
