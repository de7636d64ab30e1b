using System.Globalization;
using Jesus.Appliance.Config.Shapes;
using Jesus.Appliance.Federation;

namespace Jesus.Appliance.Config.Sections;

internal static class FederationSection
{
    /// <summary>Any few of a cluster's servers lead to all of them.</summary>
    private const int UrlsMax = 32;

    private const string NameForm = "must be 1 to 64 letters, digits, hyphens and underscores";

    public static RecordShape<FederationOptions> Shape { get; } = new(
        new Property<FederationOptions, string>("cluster", "Boxes of one cluster help each other; 1 to 64 letters, digits, hyphens and underscores.",
            new TextShape(), o => o.Cluster, (o, v) => o with { Cluster = v }),
        new Property<FederationOptions, string>("peer", "This box's id, unique in the cluster; empty takes the host's name.",
            new TextShape(), o => o.Peer, (o, v) => o with { Peer = v }),
        new Property<FederationOptions, NatsServerOptions>("nats", "The NATS servers; without urls nothing of the federation runs.",
            Nats(), o => o.Nats, (o, v) => o with { Nats = v }),
        new Property<FederationOptions, IReadOnlyList<string>>("offer", "Models of this box that peers may call, with * for any run of characters; none offers nothing.",
            new ListShape<string>(new TextShape(), () => ""), o => o.Offer, (o, v) => o with { Offer = v }),
        new Property<FederationOptions, IReadOnlyDictionary<string, PeerCallerOptions>>("callers",
            "As whom a peer's calls are admitted and charged, by its id; * stands for each without an entry; who has none is refused.",
            new MapShape<PeerCallerOptions>(Caller(), () => new PeerCallerOptions()), o => o.Callers, (o, v) => o with { Callers = v }),
        new Property<FederationOptions, long>("maxHops", "Boxes that a call may go through after the first; 0 asks no peer.",
            new IntegerShape(0, 4), o => o.MaxHops, (o, v) => o with { MaxHops = (int)v }),
        new Property<FederationOptions, bool>("trusted", "The fleet counts as inside: restricted data may go to peers, and internal data goes unredacted.",
            new BooleanShape(), o => o.Trusted, (o, v) => o with { Trusted = v }),
        new Property<FederationOptions, bool>("durable", "Runs may be taken over by other boxes; needs JetStream on the servers.",
            new BooleanShape(), o => o.Durable, (o, v) => o with { Durable = v }),
        new Property<FederationOptions, long>("replicas", "Copies that JetStream keeps of what the cluster stores there; 3 needs three servers.",
            new IntegerShape(1, 5), o => o.Replicas, (o, v) => o with { Replicas = (int)v }),
        new Property<FederationOptions, long>("peersMax", "Peers remembered at once, at up to 20 KB each; statuses of others are dropped and counted.",
            new IntegerShape(1, 16_384), o => o.PeersMax, (o, v) => o with { PeersMax = (int)v }))
    {
        Check = (federation, node, path, errors) =>
        {
            if (!FederationOptions.IsName(federation.Cluster))
            {
                errors.Add(new ConfigError((node.Find("cluster") ?? node).Place, path + ".cluster", $"{NameForm}, not \"{federation.Cluster}\""));
            }

            if (federation.Peer.Length > 0 && !FederationOptions.IsName(federation.Peer))
            {
                errors.Add(new ConfigError((node.Find("peer") ?? node).Place, path + ".peer", $"{NameForm}, not \"{federation.Peer}\""));
            }

            foreach (var peer in federation.Callers.Keys.Where(peer => peer != "*" && !FederationOptions.IsName(peer)))
            {
                errors.Add(new ConfigError((node.Find("callers")?.Find(peer) ?? node).Place, $"{path}.callers.{peer}",
                    "must be the id of a peer (letters, digits, hyphens, underscores) or *"));
            }
        },
    };

    private static RecordShape<NatsServerOptions> Nats() => new(
        new Property<NatsServerOptions, IReadOnlyList<string>>("urls", "Addresses such as nats://10.0.0.5:4222 or tls://nats.example:4222; others are learned from them.",
            new ListShape<string>(new TextShape(), () => ""), o => o.Urls, (o, v) => o with { Urls = v }),
        new Property<NatsServerOptions, string>("user", "Name of the user, with password.", new TextShape(), o => o.User, (o, v) => o with { User = v }),
        Secret("password", "Reference to the user's password, env:NAME or file:/path.", o => o.Password, (o, v) => o with { Password = v }),
        Secret("token", "Reference to a token, env:NAME or file:/path.", o => o.Token, (o, v) => o with { Token = v }),
        Secret("nkey", "Reference to the seed of an nkey, env:NAME or file:/path.", o => o.Nkey, (o, v) => o with { Nkey = v }),
        Secret("credentials", "Reference to a .creds file (JWT and seed), file:/path or env:NAME.", o => o.Credentials, (o, v) => o with { Credentials = v }),
        new Property<NatsServerOptions, NatsTrustOptions>("tls", "Trust and identity under TLS.", Tls(), o => o.Tls, (o, v) => o with { Tls = v }))
    {
        Check = (nats, node, path, errors) =>
        {
            CheckUrls(nats, node.Find("urls") ?? node, path, errors);
            CheckIdentity(nats, node, path, errors);
            if (nats.Tls.KeyFile.Length > 0 && nats.Tls.CertificateFile.Length == 0)
            {
                errors.Add(new ConfigError((node.Find("tls") ?? node).Place, path + ".tls.keyFile", "belongs to a certificate; name it with certificateFile"));
            }
        },
    };

    private static Property<NatsServerOptions, string> Secret(
        string name, string doc, Func<NatsServerOptions, string> get, Func<NatsServerOptions, string, NatsServerOptions> set) =>
        new(name, doc, new TextShape { Secret = true }, get, set);

    private static void CheckUrls(NatsServerOptions nats, ConfigNode node, string path, List<ConfigError> errors)
    {
        if (nats.Urls.Count > UrlsMax)
        {
            errors.Add(new ConfigError(node.Place, path + ".urls", $"names {nats.Urls.Count} servers; at most {UrlsMax} are allowed, and any few lead to the others"));
        }

        for (var i = 0; i < nats.Urls.Count; i++)
        {
            var place = i < node.Items.Count ? node.Items[i].Place : node.Place;
            var at = string.Create(CultureInfo.InvariantCulture, $"{path}.urls[{i}]");
            if (!Uri.TryCreate(nats.Urls[i], UriKind.Absolute, out var uri) || uri.Scheme is not ("nats" or "tls") || uri.Host.Length == 0 || uri.PathAndQuery.Length > 1)
            {
                errors.Add(new ConfigError(place, at, "must be an address such as nats://HOST:4222 or tls://HOST:4222"));
            }
            else if (uri.UserInfo.Length > 0)
            {
                errors.Add(new ConfigError(place, at, "must carry no user or password; give user, and password as env:NAME or file:/path"));
            }
        }
    }

    /// <summary>One way of proving who the box is, and secrets only by reference.</summary>
    private static void CheckIdentity(NatsServerOptions nats, ConfigNode node, string path, List<ConfigError> errors)
    {
        (string Name, string Reference)[] secrets = [("password", nats.Password), ("token", nats.Token), ("nkey", nats.Nkey), ("credentials", nats.Credentials)];
        foreach (var (name, reference) in secrets)
        {
            if (reference.Length > 0 && !reference.StartsWith("env:", StringComparison.Ordinal) && !reference.StartsWith("file:/", StringComparison.Ordinal))
            {
                errors.Add(new ConfigError((node.Find(name) ?? node).Place, $"{path}.{name}",
                    "must refer to the secret as env:NAME or file:/path; a secret itself does not belong into this file"));
            }
        }

        if (secrets.Count(s => s.Reference.Length > 0) > 1)
        {
            var given = string.Join(", ", secrets.Where(s => s.Reference.Length > 0).Select(s => s.Name));
            errors.Add(new ConfigError(node.Place, path, $"gives {given}; give one: user and password, token, nkey, or credentials"));
        }

        if ((nats.Password.Length > 0) != (nats.User.Length > 0))
        {
            errors.Add(new ConfigError((node.Find("user") ?? node.Find("password") ?? node).Place, path + ".user", "and password are given together"));
        }
    }

    private static RecordShape<NatsTrustOptions> Tls() => new(
        new Property<NatsTrustOptions, string>("caFile", "Certificates in PEM that alone are trusted as roots; empty: the system's trust store.",
            new TextShape(), o => o.CaFile, (o, v) => o with { CaFile = v }),
        new Property<NatsTrustOptions, string>("certificateFile", "A client certificate in PEM, with its chain; empty for none.",
            new TextShape(), o => o.CertificateFile, (o, v) => o with { CertificateFile = v }),
        new Property<NatsTrustOptions, string>("keyFile", "Its key in PEM; empty when it stands in the certificate's file.",
            new TextShape(), o => o.KeyFile, (o, v) => o with { KeyFile = v }),
        new Property<NatsTrustOptions, bool>("first", "The handshake comes before the server's first word (handshake_first).",
            new BooleanShape(), o => o.First, (o, v) => o with { First = v }));

    private static RecordShape<PeerCallerOptions> Caller() => new(
        new Property<PeerCallerOptions, string>("user", "User whose caps hold; empty: peer:ID.", new TextShape(), o => o.User, (o, v) => o with { User = v }),
        new Property<PeerCallerOptions, string>("team", "Team whose caps hold; empty: the user's.", new TextShape(), o => o.Team, (o, v) => o with { Team = v }),
        new Property<PeerCallerOptions, IReadOnlyList<string>>("roles", "What it may.",
            new ListShape<string>(new TextShape { Allowed = ["models", "runs"] }, () => ""), o => o.Roles, (o, v) => o with { Roles = v }));
}
