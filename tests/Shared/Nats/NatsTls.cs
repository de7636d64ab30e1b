using System.Security.Cryptography.X509Certificates;
using Jesus.Tests.Tls;

namespace Jesus.Tests.Nats;

/// <summary>An authority of the tests, a certificate for a server on 127.0.0.1, and certificates for clients, all as PEM files.</summary>
internal sealed class NatsTls : IDisposable
{
    private readonly TestAuthority _authority = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("jesus-nats-tls").FullName;

    /// <param name="serverName">Whom the server's certificate names.</param>
    /// <param name="lastDay">Its last day, from today; below 0 it has run out.</param>
    public NatsTls(string serverName = "127.0.0.1", int lastDay = 10)
    {
        Authority = _authority.WriteRoot(_folder);
        Server = _authority.Issue(serverName, lastDay);
        (ServerCertificate, ServerKey) = Write(Server, "server");
    }

    /// <summary>File of the authority's certificate.</summary>
    public string Authority { get; }

    public X509Certificate2 Server { get; }
    public string ServerCertificate { get; }
    public string ServerKey { get; }

    /// <summary>Files of a client's certificate and key, readable by their owner only.</summary>
    public (string Certificate, string Key) IssueClient(string name, int lastDay = 10)
    {
        using var certificate = _authority.Issue(name, lastDay);
        return Write(certificate, name);
    }

    public void Dispose()
    {
        Server.Dispose();
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private (string Certificate, string Key) Write(X509Certificate2 certificate, string name)
    {
        var (file, key) = (Path.Combine(_folder, name + ".pem"), Path.Combine(_folder, name + ".key"));
        File.WriteAllText(file, certificate.ExportCertificatePem());
        using var secret = certificate.GetECDsaPrivateKey()!;
        File.WriteAllText(key, secret.ExportPkcs8PrivateKeyPem());
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        return (file, key);
    }
}
