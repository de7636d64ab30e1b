using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Jesus.Transport.Http;

/// <summary>
/// Whom TLS connections trust, and as whom they introduce themselves. The name in the certificate must always be the target's; revocation is not asked about,
/// since that would tell a third party of each connection and fail with it.
/// </summary>
public sealed class TlsTrust
{
    private readonly X509Certificate2Collection? _roots;
    private readonly SslStreamCertificateContext? _client;

    private TlsTrust(X509Certificate2Collection? roots, SslStreamCertificateContext? client)
    {
        _roots = roots;
        _client = client;
    }

    /// <summary>The system's trust store.</summary>
    public static TlsTrust System { get; } = new(null, null);

    /// <summary>Reads the files.</summary>
    /// <param name="caFile">Certificates in PEM that alone are trusted as roots; empty: the system's trust store.</param>
    /// <param name="certificateFile">A client certificate in PEM with its chain; empty for none.</param>
    /// <param name="keyFile">Its key in PEM; empty when that stands in the certificate's file.</param>
    /// <returns>The trust, or why there is none: the file and what is wrong with it.</returns>
    public static (TlsTrust? Trust, string? Error) Read(string caFile, string certificateFile, string keyFile)
    {
        var reading = caFile;
        try
        {
            X509Certificate2Collection? roots = null;
            if (caFile.Length > 0)
            {
                roots = [];
                roots.ImportFromPemFile(caFile);
                if (roots.Count == 0)
                {
                    return (null, $"there is no certificate in '{caFile}'");
                }
            }

            reading = certificateFile;
            return (new TlsTrust(roots, certificateFile.Length > 0 ? ReadClient(certificateFile, keyFile) : null), null);
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            return (null, $"'{reading}' cannot be read as PEM: {wrong.Message}");
        }
    }

    /// <param name="host">The name or address that the server's certificate must be for.</param>
    internal TlsHandshake HandshakeWith(string host) => new(host, _roots, _client);

    /// <summary>What a failed handshake said, the alert that the peer sent, or the words of the innermost cause, which says more than those around it.</summary>
    internal static string ReasonOf(Exception error)
    {
        if (error is TlsFailedException)
        {
            return error.Message;
        }

        if (TlsAlert.In(error) is { } alert)
        {
            return alert.Words;
        }

        var innermost = error;
        while (innermost.InnerException is { } inner)
        {
            innermost = inner;
        }

        // Some are wrapped under their own words.
        var said = innermost.Message == error.Message ? error.Message : $"{error.Message} {innermost.Message}";
        return said.TrimEnd('.');
    }

    /// <summary>The first certificate of the file is ours, the others lead from it to its root.</summary>
    private static SslStreamCertificateContext ReadClient(string certificateFile, string keyFile)
    {
        var own = X509Certificate2.CreateFromPemFile(certificateFile, keyFile.Length > 0 ? keyFile : null);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(certificateFile);
        return SslStreamCertificateContext.Create(own, chain, offline: true);
    }
}
