using System.Text.Json;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Security;
using Jesus.Appliance.Tools;

namespace Jesus.Appliance.Runner.Machine;

/// <summary>What can happen to a run. Each is one durable record; the fold of them is the run.</summary>
public enum RunEventType : byte
{
    Submitted,

    /// <summary>A step ended: done, skipped, failed, cancelled or unknown.</summary>
    StepFinished,

    /// <summary>An attempt failed; the next one is due later.</summary>
    StepRetrying,

    /// <summary>An approval was asked for.</summary>
    StepWaiting,

    /// <summary>A person answered it.</summary>
    StepAnswered,

    /// <summary>A side effect is about to begin: written before it.</summary>
    ToolIntent,

    /// <summary>An agent's model answered: text or tool calls.</summary>
    AgentCalled,

    /// <summary>A tool call of an agent ended.</summary>
    AgentResult,
    Cancelling,

    /// <summary>Failed and cancelled steps get new attempts.</summary>
    Retried,
    Finished,
}

/// <summary>One tool call that a model asked for. <paramref name="Arguments"/> is the text as the model wrote it.</summary>
public sealed record AgentCall(string Id, string Tool, string Arguments);

/// <summary>An artifact that a step wrote.</summary>
public sealed record ArtifactRecord(string Name, string Sha256, long Bytes, string MediaType);

/// <summary>What a submission carried. Large parts are in the artifact store, by hash.</summary>
/// <param name="WorkflowHash">SHA-256 of the YAML, hexadecimal.</param>
/// <param name="Files">Hash by name of the workflow files that <c>run</c> steps name.</param>
/// <param name="Inputs">An object of the resolved inputs.</param>
/// <param name="InputsHash">Set instead of the inputs in the record when they are large; resolved before the event is applied.</param>
public sealed record SubmittedRun(
    string WorkflowName,
    string FileName,
    string WorkflowHash,
    IReadOnlyDictionary<string, string> Files,
    JsonElement Inputs,
    Principal Principal,
    string? InputsHash = null)
{
    /// <summary>The run belongs to whichever box of the federation owns it now: a start takes it up only once it owns it.</summary>
    public bool Anywhere { get; init; }
}

/// <summary>One event of a run; which fields are set depends on <see cref="Type"/>. Immutable.</summary>
public sealed record RunEvent
{
    public required RunEventType Type { get; init; }
    public required string RunId { get; init; }
    public required DateTimeOffset At { get; init; }

    /// <summary>Path of the step; empty for events of the whole run.</summary>
    public string Step { get; init; } = "";

    /// <summary>Submitted.</summary>
    public SubmittedRun? Submitted { get; init; }

    /// <summary>StepFinished: how.</summary>
    public StepStateName Outcome { get; init; }

    /// <summary>StepFinished: the output, where it is not computed from the children. Finished: the outputs. AgentResult: the result.</summary>
    public JsonElement? Output { get; init; }

    /// <summary>Set instead of <see cref="Output"/> in the record when that is large; resolved before the event is applied.</summary>
    public string? OutputHash { get; init; }

    /// <summary>What went wrong, what is asked, or who did it, in words.</summary>
    public string? Message { get; init; }
    public ArtifactRecord? Artifact { get; init; }
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>The attempt that ended, from 1.</summary>
    public int Attempt { get; init; }
    public long TokensIn { get; init; }
    public long TokensOut { get; init; }
    public long CostMicroUsd { get; init; }

    /// <summary>At least a part of the tokens and the cost is a bound: nobody said what was used.</summary>
    public bool Estimated { get; init; }

    /// <summary>StepFinished, StepRetrying: how often the Scheduler set the attempt's calls aside for people, and for how long together; 0 in older records.</summary>
    public int TimesAside { get; init; }
    public long AsideMs { get; init; }

    /// <summary>ToolIntent of a call that pays and changes nothing: what the attempt will have spent at most. Part of no sum unless the result is lost.</summary>
    public ToolSpending? AtMost { get; init; }

    /// <summary>StepRetrying: when the next attempt is due. StepWaiting: when silence counts as a no; null for never.</summary>
    public DateTimeOffset? DueAt { get; init; }

    /// <summary>StepRetrying: an agent begins its conversation anew instead of going on with it.</summary>
    public bool Fresh { get; init; }

    /// <summary>Who answered, cancelled or retried: a principal's id.</summary>
    public string? By { get; init; }

    /// <summary>StepAnswered.</summary>
    public bool Approved { get; init; }
    public string? Note { get; init; }

    /// <summary>AgentCalled: what the model asked for, in order; empty with its final answer (then <see cref="Message"/> is the text).</summary>
    public IReadOnlyList<AgentCall> Calls { get; init; } = [];

    /// <summary>AgentResult and an agent's ToolIntent: which call of the last turn, from 0. -1 for a tool step.</summary>
    public int CallIndex { get; init; } = -1;

    /// <summary>Finished: the run's end state.</summary>
    public RunStateName RunState { get; init; }

    /// <summary>StepFinished, Finished: a cap refused.</summary>
    public bool RefusedByBudget { get; init; }
}
