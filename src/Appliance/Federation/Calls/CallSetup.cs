using Jesus.Appliance.Federation.Membership;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Federation.Calls;

/// <summary>What calls between boxes stand on; the Host fills it.</summary>
public sealed record CallSetup
{
    public required TimeProvider Time { get; init; }
    public required ILogger Log { get; init; }

    /// <summary>Random bits: the numbers of calls.</summary>
    public required Func<ulong> Dice { get; init; }

    /// <summary>Makes a call of a peer as this box's own calls are made.</summary>
    public required Func<ModelCall, IAnswerSink, CancellationToken, ValueTask<Outcome>> CallModel { get; init; }

    /// <summary>As whom a peer calls; null when it may not.</summary>
    public required Func<string, Principal?> PrincipalOf { get; init; }

    /// <summary>A model of this box that is offered to peers, as it is now; null for any other name.</summary>
    public required Func<string, PeerModelView?> Find { get; init; }
    public CallLimits Limits { get; init; } = CallLimits.Default;
}
