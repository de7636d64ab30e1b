using System.Net;

namespace Jesus.Appliance.Security;

/// <summary>What the door knows of a caller before it is named.</summary>
public readonly record struct DoorEvidence
{
    /// <summary>User id of the unix socket's peer as the kernel gives it (<see cref="PeerCredentials"/>); null on TCP.</summary>
    public uint? PeerUid { get; init; }

    /// <summary>Address of a TCP peer; null on a unix socket.</summary>
    public IPAddress? Address { get; init; }

    /// <summary>Header <c>Authorization</c>; null when absent.</summary>
    public string? Authorization { get; init; }

    /// <summary>Header <c>x-api-key</c>; null when absent.</summary>
    public string? ApiKey { get; init; }

    /// <summary>Header <c>Host</c>: loopback is trusted only under a loopback name, so that no web page reaches it by rebinding a name of its own.</summary>
    public string? Host { get; init; }

    /// <summary>Header <c>Origin</c>: likewise, so that no web page posts to it.</summary>
    public string? Origin { get; init; }
}
