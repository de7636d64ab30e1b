using Jesus.Appliance.Federation.Membership;
using Jesus.Appliance.Federation.Totals;
using Jesus.Transport.Http;
using Jesus.Transport.Nats;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Federation;

/// <summary>What the federation stands on; the Host fills it. What the box says of itself comes through delegates, since the engine is none of this room's business.</summary>
public sealed record FederationSetup
{
    public required FederationOptions Options { get; init; }

    /// <summary>Where the servers are and as whom this box speaks, secrets resolved.</summary>
    public required NatsOptions Nats { get; init; }
    public required INetwork Network { get; init; }
    public required TimeProvider Time { get; init; }
    public required ILogger Log { get; init; }
    public required string Version { get; init; }

    /// <summary>Name of the host, for a box without an id of its own.</summary>
    public required string Host { get; init; }

    /// <summary>The models that it offers, as they are now. Called once a status; must not block.</summary>
    public required Func<IReadOnlyList<PeerModelView>> Models { get; init; }

    /// <summary>Random bits: the number of this life, phases.</summary>
    public required Func<ulong> Dice { get; init; }

    /// <summary>What the box has done since it started.</summary>
    public Func<BoxCounts> Counts { get; init; } = static () => default;

    /// <summary>Told in words how the federation is, whenever that changes; for readiness.</summary>
    public Action<string> Detail { get; init; } = static _ => { };
    public StatusPace Pace { get; init; } = StatusPace.Default;

    /// <summary>Milliseconds between two messages of totals in a small fleet.</summary>
    public int TotalsMs { get; init; } = 10_000;
}
