using System.Text.Json;

namespace Jesus.Appliance.Runner.Views;

/// <summary>Where a run stands. Written in snake_case: <c>queued, running, waiting, succeeded, failed, cancelled</c>.</summary>
public enum RunStateName : byte
{
    /// <summary>Accepted; its turn has not come.</summary>
    Queued,
    Running,

    /// <summary>Every unfinished step waits for a person or for a delay.</summary>
    Waiting,
    Succeeded,
    Failed,
    Cancelled,
}

/// <summary>Where a step stands.</summary>
public enum StepStateName : byte
{
    /// <summary>Waits for steps it needs, or for a place.</summary>
    Pending,
    Running,

    /// <summary>Waits for a person (<c>approve</c>) or for the delay before its next attempt.</summary>
    Waiting,
    Done,

    /// <summary>Its <c>when</c> was false; its output is null.</summary>
    Skipped,
    Failed,
    Cancelled,

    /// <summary>A side effect was begun before a crash and nobody knows whether it happened.</summary>
    Unknown,
}

/// <summary>A run as shown to people and programs. Times are UTC, money micro-dollars, durations seconds.</summary>
public sealed record RunView
{
    public required string Id { get; init; }
    public required string Workflow { get; init; }
    public required RunStateName State { get; init; }
    public string User { get; init; } = "";
    public DateTimeOffset SubmittedAt { get; init; }
    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>From submission to the end, or to now.</summary>
    public double Seconds { get; init; }
    public long TokensIn { get; init; }
    public long TokensOut { get; init; }
    public long CostMicroUsd { get; init; }

    /// <summary>A part of the tokens and the cost is a bound: nobody said what was used, or a crash took the answer. It was that or less.</summary>
    public bool CostIsEstimated { get; init; }

    /// <summary>How often its calls were set aside for people, and for how long together, the pause under way included. Null in lists.</summary>
    public int? TimesAside { get; init; }
    public double? AsideSeconds { get; init; }

    /// <summary>Which step failed and why; null unless failed.</summary>
    public string? Error { get; init; }

    /// <summary>True when a cap refused: the command line's exit code 4.</summary>
    public bool RefusedByBudget { get; init; }

    /// <summary>In the workflow's order; null in lists.</summary>
    public IReadOnlyList<StepView>? Steps { get; init; }

    /// <summary>The workflow's <c>outputs</c>, evaluated; null until it has succeeded, and in lists.</summary>
    public JsonElement? Outputs { get; init; }

    /// <summary>Null in lists.</summary>
    public IReadOnlyList<ArtifactView>? Artifacts { get; init; }

    /// <summary>The box that carries a run that was submitted to run anywhere; empty while none has it, null for a run of this box alone.</summary>
    public string? Box { get; init; }

    /// <summary>Sequence of the last durable event: a watcher continues after it.</summary>
    public long Sequence { get; init; }

    public bool IsFinished => State is RunStateName.Succeeded or RunStateName.Failed or RunStateName.Cancelled;
}

/// <summary>One step, with the children of a map, an agent or a sub-run.</summary>
public sealed record StepView
{
    /// <summary>The name in its file; an item of a map is called by its index, <c>[3]</c>; an agent's call by its tool.</summary>
    public required string Id { get; init; }

    /// <summary>The whole place in the run, such as <c>each[3]/judge</c>.</summary>
    public required string Path { get; init; }

    /// <summary><c>prompt, agent, tool, map, approve, run</c>; <c>item</c> for an item of a map, <c>call</c> for a tool call of an agent.</summary>
    public required string Kind { get; init; }
    public required StepStateName State { get; init; }

    /// <summary>Null until it starts.</summary>
    public DateTimeOffset? StartedAt { get; init; }
    public double Seconds { get; init; }
    public long TokensIn { get; init; }
    public long TokensOut { get; init; }
    public int Attempts { get; init; }

    /// <summary>How often its calls, and those of steps inside it, were set aside for people, and for how long together.</summary>
    public int TimesAside { get; init; }
    public double AsideSeconds { get; init; }

    /// <summary>What it waits for, or why it failed.</summary>
    public string? Detail { get; init; }

    /// <summary>Null when the output is larger than a view carries (4 KB), or there is none yet.</summary>
    public JsonElement? Output { get; init; }

    /// <summary>At most 200 of them; <see cref="ChildrenTotal"/> counts all.</summary>
    public IReadOnlyList<StepView> Children { get; init; } = [];
    public int ChildrenTotal { get; init; }
    public int ChildrenDone { get; init; }
}

public sealed record ArtifactView
{
    public required string Name { get; init; }
    public required string Sha256 { get; init; }
    public long Bytes { get; init; }
    public string MediaType { get; init; } = "";

    /// <summary>Path of the step that wrote it.</summary>
    public string Step { get; init; } = "";
}

public sealed record ArtifactContent(ArtifactView Artifact, ReadOnlyMemory<byte> Bytes);
