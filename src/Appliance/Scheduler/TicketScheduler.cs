using System.Collections.Concurrent;

namespace Jesus.Appliance.Scheduler;

/// <summary>Step 4: a place at a candidate's door. One door a candidate, by name; names come from the route table, so they are bounded. Thread-safe.</summary>
/// <param name="nowMs">Monotonic milliseconds; null stands still, so that nothing is foreseen.</param>
public sealed class TicketScheduler(SchedulerOptions options, Func<long>? nowMs = null)
{
    private readonly ConcurrentDictionary<string, Door> _doors = new(StringComparer.Ordinal);
    private readonly Func<long> _nowMs = nowMs ?? (static () => 0);

    public SchedulerOptions Options { get; } = options;

    /// <summary>A ticket at once, if the door is open and nobody waits.</summary>
    /// <param name="slots">How many may be inside; 0 takes <see cref="SchedulerOptions.DefaultSlots"/>.</param>
    public bool TryEnter(string candidate, int slots, Lane lane, out Ticket ticket)
    {
        var door = DoorOf(candidate);
        var entered = door.TryEnter(slots > 0 ? slots : Options.DefaultSlots, out var enteredMs);
        ticket = entered ? new Ticket(door, enteredMs) : default;
        if (entered)
        {
            SchedulerMetrics.Waited(lane, 0);
        }

        return entered;
    }

    /// <summary>Milliseconds that a call of a lane would wait for a ticket, by how long calls take there; 0 where a place is free or nobody was yet.</summary>
    public long ForeseenMs(string candidate, Lane lane) => _doors.TryGetValue(candidate, out var door) ? door.ForeseenMs(lane) : 0;

    /// <summary>Waits for a ticket behind others.</summary>
    /// <param name="flow">Whose call it is: flows of a lane share evenly.</param>
    /// <param name="cost">Tokens of the worst case.</param>
    public async ValueTask<TicketResult> WaitAsync(string candidate, Lane lane, string flow, int cost, CancellationToken cancel)
    {
        var door = DoorOf(candidate);
        var asked = _nowMs();
        var result = await door.WaitAsync(lane, flow, cost, cancel).ConfigureAwait(false);
        if (result.Verdict != TicketVerdict.Granted)
        {
            return new TicketResult(result.Verdict, default, result.Verdict == TicketVerdict.Full ? result.Ms : 0);
        }

        SchedulerMetrics.Waited(lane, (result.Ms - asked) / 1_000.0);
        return new TicketResult(TicketVerdict.Granted, new Ticket(door, result.Ms));
    }

    private Door DoorOf(string candidate) =>
        _doors.TryGetValue(candidate, out var door)
            ? door
            : _doors.GetOrAdd(candidate, static (_, made) => new Door(made.Options, made.NowMs), (Options, NowMs: _nowMs));
}
