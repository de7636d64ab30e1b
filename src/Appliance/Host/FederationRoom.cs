using Jesus.Appliance.Federation;
using Jesus.Appliance.Security.Secrets;
using Jesus.Transport.Http;
using Jesus.Transport.Nats;
using Microsoft.Extensions.Logging;

namespace Jesus.Appliance.Host;

/// <summary>Makes the connection's options of the configuration: secrets read, certificates loaded.</summary>
internal static class FederationRoom
{
    /// <returns>The options, or what cannot be read: then the box serves alone.</returns>
    public static (NatsOptions? Nats, string? Error) NatsOf(FederationOptions options, string peer, SecretReader secrets, ILogger log)
    {
        var nats = options.Nats;
        var (trust, error) = TlsTrust.Read(nats.Tls.CaFile, nats.Tls.CertificateFile, nats.Tls.KeyFile);
        if (trust is null)
        {
            return (null, $"federation.nats.tls: {error}");
        }

        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, reference) in new[] { ("password", nats.Password), ("token", nats.Token), ("nkey", nats.Nkey), ("credentials", nats.Credentials) })
        {
            if (Read(reference, secrets, out error) is not { } value)
            {
                return (null, $"federation.nats.{name}: {error}");
            }

            values[name] = value;
        }

        return (new NatsOptions
        {
            Urls = nats.Urls,
            Name = $"jesus {options.Cluster}/{peer}",
            InboxPrefix = $"_INBOX.jesus.{peer}",
            User = nats.User,
            Password = values["password"],
            Token = values["token"],
            NkeySeed = values["nkey"],
            Credentials = nats.Credentials.Length > 0 ? () => Credentials(nats.Credentials, secrets, log) : null,

            // Options insist on TLS; without any it is the URL's or the server's wish.
            Tls = nats.Tls == new NatsTrustOptions() ? null : new Transport.Nats.NatsTlsOptions { Trust = trust, First = nats.Tls.First },

            // A box does not answer its own calls, nor hear its own statuses.
            NoEcho = true,
        }, null);
    }

    /// <summary>Empty for no reference; null when it cannot be read.</summary>
    private static string? Read(string reference, SecretReader secrets, out string? error)
    {
        error = null;
        if (reference.Length == 0)
        {
            return "";
        }

        (var secret, error) = secrets.Read(reference);
        return secret?.Reveal();
    }

    /// <summary>Read again at each connect, so that renewed credentials are taken.</summary>
    private static string Credentials(string reference, SecretReader secrets, ILogger log)
    {
        var text = Read(reference, secrets, out var error);
        if (text is null)
        {
            log.LogWarning("federation.nats.credentials: {Error}", error);
            throw new IOException(error);
        }

        return text;
    }
}
