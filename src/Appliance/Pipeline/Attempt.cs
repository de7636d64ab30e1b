using Jesus.Appliance.Router;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Pipeline;

/// <summary>One try of a candidate: whom, with which request, and how it went. Reused: owned by a <see cref="CallPath"/> or its <see cref="HedgeRace"/>.</summary>
internal sealed class Attempt(AttemptWatch watch)
{
    public AttemptWatch Watch { get; } = watch;

    /// <summary>Through which the Scheduler lets it stand still for a more urgent call.</summary>
    public CallHold Hold { get; } = new(watch.Held);

    /// <summary>Place in the plan, and index among the call's candidates.</summary>
    public int Place { get; private set; }
    public int Index { get; private set; }
    public Candidate Candidate { get; private set; } = null!;

    /// <summary>The call's own request, or a copy where two attempts run at once.</summary>
    public ModelRequest Request { get; private set; } = null!;

    /// <summary>What the candidate said of itself before it was called.</summary>
    public CapacitySnapshot Capacity { get; set; }

    /// <summary>What the attempt was charged.</summary>
    public Usage Charged { get; set; }

    /// <summary>Tokens of a lost candidate's answer that this one goes on after.</summary>
    public int ShownCount { get; set; }

    /// <summary>The adapter was called: there may be something to pay.</summary>
    public bool Called { get; set; }

    /// <summary>The candidate's door turned it away: its queue is full, or would take too long.</summary>
    public bool TurnedAway { get; set; }

    /// <summary>When the adapter was called, and when it returned.</summary>
    public long BeganMs { get; set; }
    public long EndedMs { get; set; }

    public void Begin(CallPath path, int place, ModelRequest request)
    {
        Place = place;
        Index = path.Plan[place];
        Candidate = path.Candidates[Index];
        Request = request;
        Watch.Pauses = path.Call.Pauses;
        Capacity = default;
        Charged = default;
        ShownCount = 0;
        (Called, TurnedAway) = (false, false);
        BeganMs = 0;
        EndedMs = 0;
    }
}
