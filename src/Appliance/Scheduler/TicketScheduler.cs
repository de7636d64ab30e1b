using System.Collections.Concurrent;

namespace Jesus.Appliance.Scheduler;

/// <summary>Step 4: a place at a candidate's door. One door a candidate, by name; names come from the route table, so they are bounded. Thread-safe.</summary>
/// <param name="nowMs">Monotonic milliseconds; null stands still, so that nothing is foreseen.</param>
/// <param name="time">Brings calls back whose time aside is up; null leaves that to the next call that comes or goes.</param>
public sealed class TicketScheduler(SchedulerOptions options, Func<long>? nowMs = null, TimeProvider? time = null)
{
    private readonly ConcurrentDictionary<string, Door> _doors = new(StringComparer.Ordinal);
    private readonly Func<long> _nowMs = nowMs ?? (static () => 0);

    public SchedulerOptions Options { get; } = options;

    /// <summary>A ticket at once, if the door is open and nobody waits.</summary>
    /// <param name="candidate">Its door's name.</param>
    /// <param name="slots">How many may be inside; 0 takes <see cref="SchedulerOptions.DefaultSlots"/>.</param>
    /// <param name="lane">How urgent it is.</param>
    /// <param name="ticket">The ticket.</param>
    /// <param name="need">Who may be set aside for whom.</param>
    public bool TryEnter(string candidate, int slots, Lane lane, out Ticket ticket, in CallNeed need = default)
    {
        var door = DoorOf(candidate);
        var place = door.TryEnter(slots > 0 ? slots : Options.DefaultSlots, lane, need);
        ticket = place is null ? default : new Ticket(door, place);
        if (place is not null)
        {
            SchedulerMetrics.Waited(lane, 0);
        }

        return place is not null;
    }

    /// <summary>Milliseconds that a call of a lane would wait for a ticket, by how long calls take there; 0 where a place is free or nobody was yet.</summary>
    public long ForeseenMs(string candidate, Lane lane) => _doors.TryGetValue(candidate, out var door) ? door.ForeseenMs(lane) : 0;

    /// <summary>Somebody of a lane was told to come back: who enters says who it is (<see cref="CallNeed.Caller"/>).</summary>
    public bool HasClaims(string candidate, Lane lane) => _doors.TryGetValue(candidate, out var door) && door.HasClaims(lane);

    /// <summary>Waits for a ticket behind others; a person's call at once takes the place of a batch's that may be set aside.</summary>
    /// <param name="candidate">Its door's name.</param>
    /// <param name="lane">How urgent it is.</param>
    /// <param name="flow">Whose call it is: flows of a lane share evenly.</param>
    /// <param name="cost">Tokens of the worst case.</param>
    /// <param name="cancel">Gives the wait up.</param>
    /// <param name="need">Who may be set aside for whom.</param>
    public async ValueTask<TicketResult> WaitAsync(string candidate, Lane lane, string flow, int cost, CancellationToken cancel, CallNeed need = default)
    {
        var door = DoorOf(candidate);
        var asked = _nowMs();
        var result = await door.WaitAsync(lane, flow, cost, need, cancel).ConfigureAwait(false);
        if (result.Place is null)
        {
            return new TicketResult(result.Verdict, default, result.Verdict == TicketVerdict.Full ? result.Ms : 0);
        }

        SchedulerMetrics.Waited(lane, (result.Ms - asked) / 1_000.0);
        return new TicketResult(TicketVerdict.Granted, new Ticket(door, result.Place));
    }

    private Door DoorOf(string candidate) =>
        _doors.TryGetValue(candidate, out var door)
            ? door
            : _doors.GetOrAdd(candidate, static (_, made) => new Door(made.Options, made.NowMs, made.Time), (Options, NowMs: _nowMs, Time: time));
}
