using Jesus.Appliance.Scheduler;

namespace Jesus.Appliance.Admission;

/// <summary>One call's leave to be inside, and what it counts against. Owned by the call, reset and reused with it; given back exactly once.</summary>
public sealed class AdmissionPass
{
    internal List<RateState> States { get; } = new(5);
    internal Lane Lane { get; set; }
    internal long EnteredMs { get; set; }
    internal long Tokens { get; set; }

    /// <summary>It was admitted and has not left.</summary>
    public bool IsInside { get; internal set; }

    internal void Reset()
    {
        States.Clear();
        EnteredMs = 0;
        Tokens = 0;
        IsInside = false;
    }
}
