using System.Text.Json;
using Jesus.Appliance.Runner.Expressions;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Runner.Workflows;
using Jesus.Appliance.Tools;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Runner.Machine;

/// <summary>One step of one frame: what the events say about it. Changed by <see cref="RunMachine"/> alone.</summary>
public sealed class StepNode(StepSpec spec, Frame frame)
{
    private string? _path;

    public StepSpec Spec => spec;
    public Frame Frame => frame;

    /// <summary>Place in the run, such as <c>each[3]/judge</c>.</summary>
    public string Path => _path ??= frame.Prefix + spec.Id;
    public StepStateName State { get; set; }
    public int NeedsLeft { get; set; } = spec.Needs.Count;

    /// <summary>Null until it ended, and when it was skipped.</summary>
    public JsonElement Output { get; set; } = JsonValues.Null;
    public string? Message { get; set; }
    public DateTimeOffset? StartedAt { get; set; }
    public DateTimeOffset? EndedAt { get; set; }

    /// <summary>When it became ready: a wait is counted from here.</summary>
    public DateTimeOffset ReadyAt { get; set; }

    /// <summary>Attempts begun and ended, or in progress.</summary>
    public int Attempts { get; set; }
    public long TokensIn { get; set; }
    public long TokensOut { get; set; }
    public ArtifactRecord? Artifact { get; set; }

    /// <summary>A retry's time, or an approval's end.</summary>
    public DateTimeOffset? DueAt { get; set; }

    /// <summary>A side effect was announced and nothing was heard of it: after a crash it is unknown whether it happened.</summary>
    public bool IntentOpen { get; set; }

    /// <summary>Set while an announced payment is open: what a crash makes of it. Null where the intent is to change something.</summary>
    public ToolSpending? PaysAtMost { get; set; }

    /// <summary>An executor works on it now. Never part of the fold: after a crash nobody does.</summary>
    public bool InProgress { get; set; }

    /// <summary>Of the attempt under way, like <see cref="InProgress"/> no part of the fold; null when none is.</summary>
    public PauseTally? Pauses { get; set; }

    /// <summary>How often and how long its calls were set aside for people, in attempts that ended.</summary>
    public int TimesAside { get; set; }
    public long AsideMs { get; set; }

    /// <summary>The same with the attempt under way.</summary>
    public Pauses Aside
    {
        get
        {
            var now = Pauses?.Sum ?? default;
            return now with { Times = now.Times + TimesAside, Time = now.Time + TimeSpan.FromMilliseconds(AsideMs) };
        }
    }

    /// <summary>A decision about it is on its way into the journal.</summary>
    public bool Decided { get; set; }

    /// <summary>Set for agents.</summary>
    public AgentTranscript? Agent { get; set; }

    /// <summary>Set for maps and sub-runs once they have begun.</summary>
    public Body? Children { get; set; }

    /// <summary>A side effect of a tool step or of an agent's call whose outcome is not known.</summary>
    public bool HasOpenIntent => IntentOpen || Agent is { HasOpenIntent: true };

    public bool HasEnded => State is StepStateName.Done or StepStateName.Skipped;
    public bool HasFailed => State is StepStateName.Failed or StepStateName.Unknown or StepStateName.Cancelled;

    /// <summary>The frames of a map or a sub-run.</summary>
    public sealed class Body(IReadOnlyList<JsonElement> items, int frames)
    {
        /// <summary>What a map walks; empty for a sub-run.</summary>
        public IReadOnlyList<JsonElement> Items => items;

        /// <summary>Null where an item has not begun.</summary>
        public Frame?[] Frames { get; } = new Frame?[frames];
        public int Next { get; set; }
        public int Active { get; set; }
        public int Done { get; set; }
    }
}

/// <summary>What an agent and its model said so far: enough to go on after a crash without asking again.</summary>
public sealed class AgentTranscript
{
    private readonly List<AgentTurn> _turns = [];

    public IReadOnlyList<AgentTurn> Turns => _turns;

    public void Add(AgentTurn turn) => _turns.Add(turn);

    public bool HasOpenIntent => _turns.Count > 0 && _turns[^1].OpenIntent >= 0;

    /// <summary>Begins anew; or keeps what was said and lets the call whose outcome is not known be made again.</summary>
    public void Forget(bool keepTurns)
    {
        if (!keepTurns)
        {
            _turns.Clear();
        }
        else
        {
            _turns[^1].OpenIntent = -1;
        }
    }
}

/// <summary>One answer of an agent's model with the results of its calls, in order.</summary>
public sealed class AgentTurn(string text, IReadOnlyList<AgentCall> calls, DateTimeOffset at)
{
    public string Text => text;
    public IReadOnlyList<AgentCall> Calls => calls;
    public DateTimeOffset At => at;

    /// <summary>Per call: its result as the model will read it; null while it is not known.</summary>
    public string?[] Results { get; } = new string?[calls.Count];

    /// <summary>Per call: false where the result is a refusal or an error.</summary>
    public bool[] Succeeded { get; } = new bool[calls.Count];

    /// <summary>The call whose side effect was announced last; -1 when none is open.</summary>
    public int OpenIntent { get; set; } = -1;
}
