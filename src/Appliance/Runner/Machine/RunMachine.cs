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
public sealed partial class RunMachine
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

    /// <summary>A part of the tokens and the cost is a bound.</summary>
    public bool IsEstimated { get; private set; }
    public IReadOnlyList<(ArtifactRecord Artifact, string Step)> Artifacts => _artifacts;

    private readonly List<(ArtifactRecord Artifact, string Step)> _artifacts = [];

    /// <summary>Steps that are ready and find no place: the limit of steps at once.</summary>
    public int ReadyCount => _ready.Count;

    public RunStateName State =>
        End?.RunState ?? (InProgress == 0 && Waiting > 0 && _ready.Count == 0 ? RunStateName.Waiting : RunStateName.Running);

    /// <summary>When <see cref="Next"/> should be asked again although no event came; null for never.</summary>
    public DateTimeOffset? NextDue => _timers.TryPeek(out _, out var due) && End is null ? due : null;
}
