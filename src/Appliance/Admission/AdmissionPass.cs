using Jesus.Appliance.Scheduler;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Admission;

/// <summary>One call's leave to be inside, and what it counts against. Owned by the call, reset and reused with it; given back exactly once.</summary>
public sealed class AdmissionPass
{
    internal List<RateState> States { get; } = new(5);
    internal Lane Lane { get; set; }

    /// <summary>Of which of <see cref="States"/> it has a place that it was told to come for, one bit each; <see cref="AmongAll"/> among all calls.</summary>
    internal int Awaited { get; set; }
    internal const int AmongAll = 1 << 31;
    internal long EnteredMs { get; set; }
    internal long Tokens { get; set; }

    /// <summary>What the call is known by when it comes back after a refusal; 0 until somebody has to know.</summary>
    internal ulong Caller { get; private set; }

    private string _principal = "";
    private string _model = "";
    private ModelRequest? _request;

    /// <summary>It was admitted and has not left.</summary>
    public bool IsInside { get; internal set; }

    internal void Ask(string principal, string model, ModelRequest request) => (_principal, _model, _request) = (principal, model, request);

    /// <summary>Costs a microsecond or two: not for calls that nobody stands before.</summary>
    internal void Name() => Caller = Caller != 0 ? Caller : CallerKey.Of(_principal, _model, _request!);

    internal void Reset()
    {
        States.Clear();
        (EnteredMs, Awaited) = (0, 0);
        (Tokens, Caller, _request) = (0, 0, null);
        IsInside = false;
    }
}
