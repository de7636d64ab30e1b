using Jesus.Appliance.Runner;
using Jesus.Appliance.Security;
using Jesus.Appliance.Storage.Journal;
using Jesus.Transport.Timing;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Federation.Durable;

/// <summary>Who submitted a run, as it is told from box to box.</summary>
/// <param name="Origin">The box at which it was submitted.</param>
/// <param name="Id">The principal's id there.</param>
public readonly record struct Submitter(string Origin, string Id, string User, string Team, string Organisation);

/// <summary>What runs that run anywhere stand on; the host fills it.</summary>
public sealed record DurableRooms
{
    public required RunService Runs { get; init; }
    public required IJournal Journal { get; init; }
    public required IRunBlobs Blobs { get; init; }

    /// <summary>This box's id.</summary>
    public required string Self { get; init; }

    /// <summary>This life of it: another with each start.</summary>
    public required string Instance { get; init; }

    /// <summary>As whom a submitter's run is carried and charged here; null when the box does not know the user.</summary>
    public required Func<Submitter, Principal?> PrincipalOf { get; init; }

    /// <summary>Whether the box has a tool or model that a run needs, such as <c>tool:calc</c> or <c>model:small</c>.</summary>
    public required Func<string, bool> Has { get; init; }
    public required TimeProvider Time { get; init; }
    public required ILogger Log { get; init; }

    /// <summary>Told how it is, in words, where that changed.</summary>
    public Action<string> Detail { get; init; } = static _ => { };

    /// <summary>Whether the servers are reached.</summary>
    public Func<bool> IsConnected { get; init; } = static () => true;

    internal long NowMs => Time.NowMs();
}
