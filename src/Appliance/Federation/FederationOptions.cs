using System.Buffers;
using Jesus.Appliance.Router;
using Jesus.Appliance.Security;

namespace Jesus.Appliance.Federation;

/// <summary>Config section <c>federation</c>: boxes that help each other over NATS. Without <see cref="NatsServerOptions.Urls"/> nothing of it runs.</summary>
public sealed record FederationOptions
{
    /// <summary>Letters, digits, <c>-</c> and <c>_</c>: a name is one token of a subject and of a bucket's name. Longer ones only make every message longer.</summary>
    public const int NameLengthMax = PeerId.LengthMax;

    private static readonly SearchValues<byte> NameBytes = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"u8);

    /// <summary>Boxes of one cluster help each other; others on the same NATS system are not heard. Up to 64 letters, digits, <c>-</c> and <c>_</c>.</summary>
    public string Cluster { get; init; } = "home";

    /// <summary>This box's id, unique in the cluster; empty takes the host's name.</summary>
    public string Peer { get; init; } = "";
    public NatsServerOptions Nats { get; init; } = new();

    /// <summary>Names of this box's models that peers may call, with <c>*</c> for any run of characters; none: the box asks others and offers nothing.</summary>
    public IReadOnlyList<string> Offer { get; init; } = ["*"];

    /// <summary>
    /// As whom a peer's calls are admitted and charged here, by the peer's id; <c>*</c> stands for each without an entry of its own. A peer that neither names is
    /// refused.
    /// </summary>
    public IReadOnlyDictionary<string, PeerCallerOptions> Callers { get; init; } =
        new Dictionary<string, PeerCallerOptions>(StringComparer.Ordinal) { ["*"] = new() };

    /// <summary>Boxes that a call may go through after the first, 0 to 4; 1 by default: who was asked by a peer answers itself. 0 asks no peer.</summary>
    public int MaxHops { get; init; } = 1;

    /// <summary>
    /// The fleet counts as inside: restricted data may go to peers, and internal data goes unredacted. False by default, since whoever runs a box of the fleet can read
    /// what it is asked.
    /// </summary>
    public bool Trusted { get; init; }

    /// <summary>Runs may be taken over by other boxes; needs JetStream on the servers.</summary>
    public bool Durable { get; init; }

    /// <summary>Copies that JetStream keeps of what this cluster stores there, 1 to 5; 3 needs three servers.</summary>
    public int Replicas { get; init; } = 1;

    /// <summary>Peers remembered at once, 1 to 16,384, at up to 20 KB; statuses of others are dropped and counted. 4,096 by default, four times the largest fleet tried.</summary>
    public int PeersMax { get; init; } = 4_096;

    /// <summary>Whether any of it runs.</summary>
    public bool IsOn => Nats.Urls.Count > 0;

    /// <summary>As whom a peer calls; null when it may not.</summary>
    public PeerCallerOptions? CallerOf(string peer) => Callers.TryGetValue(peer, out var own) || Callers.TryGetValue("*", out own) ? own : null;

    /// <summary>This box's id on a host of that name: its first label, with what an id cannot hold written as <c>-</c>.</summary>
    public string PeerOn(string host)
    {
        if (Peer.Length > 0)
        {
            return Peer;
        }

        var dot = host.IndexOf('.', StringComparison.Ordinal);
        var label = (dot > 0 ? host[..dot] : host).ToLowerInvariant();
        label = label.Length > NameLengthMax ? label[..NameLengthMax] : label;
        return label.Length == 0 ? "box" : string.Concat(label.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' ? c : '-'));
    }

    public static bool IsName(string text) => PeerId.IsValid(text);

    /// <summary>The same of a token of a subject. A server without permissions lets anybody write anything there, and a name goes into logs, labels and terminals.</summary>
    public static bool IsName(ReadOnlySpan<byte> token) => token.Length is > 0 and <= NameLengthMax && !token.ContainsAnyExcept(NameBytes);
}

/// <summary>How the NATS servers are reached and as whom. Give one way of proving it: user and password, token, nkey, or credentials.</summary>
public sealed record NatsServerOptions
{
    /// <summary>Addresses such as <c>nats://10.0.0.5:4222</c> or <c>tls://nats.example:4222</c>, at most 32; further servers of the cluster are learned from them.</summary>
    public IReadOnlyList<string> Urls { get; init; } = [];
    public string User { get; init; } = "";

    /// <summary>References <c>env:NAME</c> or <c>file:/path</c>; empty for none.</summary>
    public string Password { get; init; } = "";
    public string Token { get; init; } = "";

    /// <summary>Reference to the seed of an nkey, which begins with SU.</summary>
    public string Nkey { get; init; } = "";

    /// <summary>Reference to a .creds file: a user's JWT and its seed.</summary>
    public string Credentials { get; init; } = "";
    public NatsTrustOptions Tls { get; init; } = new();
}

/// <summary>TLS to the NATS servers: used where a URL begins with <c>tls://</c>, where the server asks for it, or where <see cref="First"/> says so.</summary>
public sealed record NatsTrustOptions
{
    /// <summary>Certificates in PEM that alone are trusted as roots; empty: the system's trust store.</summary>
    public string CaFile { get; init; } = "";

    /// <summary>A client certificate in PEM, with its chain; empty for none.</summary>
    public string CertificateFile { get; init; } = "";

    /// <summary>Its key in PEM; empty when it stands in the certificate's file.</summary>
    public string KeyFile { get; init; } = "";

    /// <summary>The handshake comes before the server's first word, as servers with <c>handshake_first</c> want it.</summary>
    public bool First { get; init; }
}

/// <summary>As whom the calls of a peer are admitted and charged: caps of this user and team hold for them.</summary>
public sealed record PeerCallerOptions
{
    /// <summary>Empty: the peer's own user, <c>peer:ID</c>.</summary>
    public string User { get; init; } = "";

    /// <summary>Empty: the team that the directory gives the user.</summary>
    public string Team { get; init; } = "";

    /// <summary>What it may: call models, submit runs.</summary>
    public IReadOnlyList<string> Roles { get; init; } = ["models", "runs"];

    /// <summary>The principal for a peer, as the directory places it.</summary>
    public Principal PrincipalOf(string peer, UserDirectory directory)
    {
        var roles = (Roles.Contains("models") ? Security.Roles.Models : Security.Roles.None) | (Roles.Contains("runs") ? Security.Roles.Runs : Security.Roles.None);
        return directory.Place("peer:" + peer, PrincipalKind.Peer, User.Length > 0 ? User : "peer:" + peer, Team, roles);
    }
}
