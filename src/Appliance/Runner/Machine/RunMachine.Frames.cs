using System.Text.Json;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Runner.Workflows;

namespace Jesus.Appliance.Runner.Machine;

// The frames of a run: its own steps, the items of its maps, its sub-runs.
public sealed partial class RunMachine
{
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

    /// <summary>Every step, bodies included, that has begun to exist.</summary>
    public static IEnumerable<StepNode> Walk(Frame frame) => frame.Nodes.SelectMany(node => Walk(node).Prepend(node));

    /// <summary>Every step inside a map or a sub-run that has begun to exist.</summary>
    public static IEnumerable<StepNode> Walk(StepNode node) => node.Children?.Frames.Where(inner => inner is not null).SelectMany(inner => Walk(inner!)) ?? [];

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
}
