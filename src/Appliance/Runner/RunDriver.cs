using Jesus.Appliance.Runner.Machine;
using Jesus.Appliance.Runner.Steps;
using Jesus.Appliance.Runner.Views;
using Jesus.Appliance.Storage.Journal;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Runner;

/// <summary>
/// Carries one run: makes events durable, applies them to the machine in journal order, starts what the machine asks for. Events of parallel
/// steps are appended at once and share an fsync; they are applied in the order in which they were appended, so that the run in memory is
/// always a prefix of the run on disk. Thread-safe.
/// </summary>
internal sealed class RunDriver : IDisposable
{
    private readonly Lock _gate = new();
    private readonly RunMachine _machine;
    private readonly RunnerRooms _rooms;
    private readonly RunEventLog _log;
    private readonly StepRunner _steps;
    private readonly Action<RunDriver, RunStateName, RunStateName> _moved;
    private readonly Dictionary<long, Arrival> _arrived = [];
    private readonly CancellationTokenSource _cancel = new();
    private readonly ITimer _timer;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _working;
    private long _appended;
    private long _applied;
    private DateTimeOffset? _timerDue;
    private RunStateName _state = RunStateName.Queued;
    private bool _started;
    private bool _parked;

    /// <param name="history">Every durable event so far, the submission first; large payloads resolved.</param>
    /// <param name="moved">Told after each change of state, without a lock held: from, to.</param>
    public RunDriver(RunnerRooms rooms, RunnerOptions options, RunMachine machine, IReadOnlyList<StoredRunEvent> history, Action<RunDriver, RunStateName, RunStateName> moved)
    {
        (_rooms, _machine, _moved) = (rooms, machine, moved);
        _log = new RunEventLog(rooms.Journal, rooms.Blobs, options.InlineBytes);
        _steps = new StepRunner(rooms, options, ContextOf(rooms.SpentElsewhere));
        Watchers = new RunWatchers(machine, history);
        _state = machine.End?.RunState ?? RunStateName.Queued;
        if (machine.End is not null)
        {
            _ended.SetResult();
        }

        _timer = rooms.Time.CreateTimer(static driver => ((RunDriver)driver!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public string Id => _machine.Id;

    public RunStateName State => _state;

    /// <summary>The run belongs to whichever box of the federation owns it.</summary>
    public bool IsAnywhere => _machine.Submission.Anywhere;
    public RunWatchers Watchers { get; }

    /// <summary>Completes when the run's end is durable.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Reads the machine while nothing changes it.</summary>
    public T Look<T>(Func<RunMachine, T> read)
    {
        lock (_gate)
        {
            return read(_machine);
        }
    }

    public RunView View(bool withSteps = true)
    {
        lock (_gate)
        {
            return RunViews.Of(_machine, _state, Watchers.Sequence, _rooms.Time.GetUtcNow(), withSteps);
        }
    }

    /// <summary>Lets the run progress.</summary>
    public void Start()
    {
        lock (_gate)
        {
            _started = true;
        }

        Pump();
    }

    /// <summary>Starts no further step; those in progress end or, once cancelled, are left to the next start.</summary>
    public void Park(bool cancel)
    {
        lock (_gate)
        {
            _parked = true;
        }

        if (cancel)
        {
            _cancel.Cancel();
        }
    }

    /// <summary>Steps that an executor works on.</summary>
    public int InProgress => Look(machine => machine.InProgress);

    /// <summary>No step's work or record is under way: after a <see cref="Park"/> nothing more will happen.</summary>
    public bool IsIdle => Volatile.Read(ref _working) == 0;

    public async ValueTask CancelAsync(string by)
    {
        await CommitAsync(Event(RunEventType.Cancelling) with { By = by, Message = $"cancelled by {by}" });
        await _cancel.CancelAsync();
    }

    /// <summary>Durable before it is applied; completes when it is part of the fold.</summary>
    /// <exception cref="JournalFailedException">The disk failed.</exception>
    public async ValueTask CommitAsync(RunEvent item)
    {
        var slim = _log.Slim(item);
        ValueTask<JournalPosition> append;
        long order;
        lock (_gate)
        {
            append = _log.AppendAsync(slim);
            order = _appended++;
        }

        var position = await append;
        if (Arrive(order, new StoredRunEvent(position.Value, item)) is { } later)
        {
            await later;
        }
    }

    /// <summary>Answers an approval that waits.</summary>
    /// <returns>False when it does not wait (any more).</returns>
    public async ValueTask<bool> AnswerAsync(StepNode node, bool approved, string note, string by)
    {
        if (!Look(machine => machine.TryTakeAnswer(node)))
        {
            return false;
        }

        await CommitAsync(Event(RunEventType.StepAnswered) with
        {
            Step = node.Path,
            Approved = approved,
            Note = note,
            By = by,
            Message = approved ? null : $"refused by {by}{(note.Length > 0 ? ": " + note : "")}",
        });
        return true;
    }

    public void Dispose()
    {
        _timer.Dispose();
        Watchers.Close();
    }

    /// <summary>What was spent before counts against the workflow's caps; a cap that is used up is one that refuses, not none.</summary>
    private RunContext ContextOf(RunSpending before)
    {
        var context = new RunContext(_machine.Id, _machine.Workflow, _machine.Submission.Principal, _machine.SubmittedAt, CommitAsync);
        return context with
        {
            CapMicroUsd = context.CapMicroUsd == 0 ? 0 : Math.Max(1, context.CapMicroUsd - before.MicroUsd),
            CapTokens = context.CapTokens == 0 ? 0 : Math.Max(1, context.CapTokens - before.Tokens),
        };
    }

    private RunEvent Event(RunEventType type) => new() { Type = type, RunId = Id, At = _rooms.Time.GetUtcNow() };

    /// <returns>Null when the event is applied; otherwise what completes once those before it are.</returns>
    private Task? Arrive(long order, StoredRunEvent stored)
    {
        TaskCompletionSource? waits = null;
        lock (_gate)
        {
            if (order == _applied)
            {
                Apply(stored);
                while (_arrived.Remove(_applied, out var next))
                {
                    Apply(next.Stored);
                    next.Applied.SetResult();
                }
            }
            else
            {
                waits = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _arrived.Add(order, new Arrival(stored, waits));
            }
        }

        Pump();
        return waits?.Task;
    }

    private void Apply(StoredRunEvent stored)
    {
        _applied++;
        _machine.Apply(stored.Event);
        Watchers.Durable(stored, StateNow());
        if (stored.Event.Type == RunEventType.Finished)
        {
            _ = _ended.TrySetResult();
            if (_machine.End?.RunState == RunStateName.Succeeded)
            {
                _rooms.RunEnded(Id);
            }
        }

        if (stored.Event is { Type: RunEventType.StepFinished or RunEventType.StepAnswered } && _machine.Find(stored.Event.Step) is { } node)
        {
            RunnerMetrics.StepEnded(node.Spec.Kind, node.State);
        }
    }

    /// <summary>Asks the machine what to do until it has nothing more, and does it.</summary>
    private void Pump()
    {
        List<RunAction>? actions = null;
        RunStateName before, after;
        lock (_gate)
        {
            before = _state;
            while (_started && !_parked && _machine.Next(_rooms.Time.GetUtcNow()) is { } action)
            {
                (actions ??= []).Add(action);
                if (action is ExecuteStep execute)
                {
                    Watchers.Live(execute.Node, StateNow());
                }
            }

            SetTimer();
            after = _state = StateNow();
        }

        foreach (var action in actions ?? [])
        {
            _ = DoAsync(action);
        }

        if (before != after)
        {
            _moved(this, before, after);
        }
    }

    private RunStateName StateNow() => _machine.End is null && !_started ? RunStateName.Queued : _machine.State;

    private void OnTimer()
    {
        lock (_gate)
        {
            _timerDue = null; // it may have fired a little early: then it must be set again for the same time
        }

        Pump();
    }

    private void SetTimer()
    {
        var due = _started && !_parked ? _machine.NextDue : null;
        if (due == _timerDue)
        {
            return;
        }

        _timerDue = due;
        var delay = due is { } at ? at - _rooms.Time.GetUtcNow() : Timeout.InfiniteTimeSpan;

        // A timer takes at most 49 days; it then fires early and is set again.
        _ = _timer.Change(due is null ? delay : TimeSpan.FromMilliseconds(Math.Clamp(Math.Ceiling(delay.TotalMilliseconds), 0, int.MaxValue)), Timeout.InfiniteTimeSpan);
    }

    /// <summary>Where the store has no room for what a step or the run yields, that is how it ends.</summary>
    private async ValueTask CommitOrFailAsync(RunEvent item)
    {
        try
        {
            await CommitAsync(item);
        }
        catch (IOException e) when (item.Type is RunEventType.StepFinished or RunEventType.Finished)
        {
            await CommitAsync(item with
            {
                Outcome = StepStateName.Failed,
                RunState = RunStateName.Failed,
                Output = null,
                Artifact = null,
                Message = $"the result could not be kept: {e.Message}",
            });
        }
    }

    private async Task DoAsync(RunAction action)
    {
        _ = Interlocked.Increment(ref _working);
        try
        {
            if (await _steps.EventOf(action, () => _parked, _cancel.Token) is { } item)
            {
                await CommitOrFailAsync(item);
            }
        }
        catch (JournalFailedException)
        {
            // Nothing can be made durable any more: the host ends the process, and the next start goes on from the disk. Or the run is another box's now.
            Park(cancel: true);
        }
        catch (Exception e)
        {
            _rooms.Log.LogError(e, "Run {Run} stopped at an internal error; it goes on after a restart", Id);
            Park(cancel: true);
        }
        finally
        {
            _ = Interlocked.Decrement(ref _working);
        }
    }

    private readonly record struct Arrival(StoredRunEvent Stored, TaskCompletionSource Applied);
}
