using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Jesus.Transport.Http;

/// <summary>A client's handshake with one server: what is asked of the server and, should it fail, why.</summary>
internal sealed class TlsHandshake
{
    private readonly CertificateReview _review;
    private string? _wrong;

    public TlsHandshake(string host, X509Certificate2Collection? roots, SslStreamCertificateContext? client)
    {
        _review = new CertificateReview(host, isOwnRoots: roots is not null);
        Options = new SslClientAuthenticationOptions
        {
            TargetHost = host,
            ApplicationProtocols = [SslApplicationProtocol.Http11],
            ClientCertificateContext = client,
            CertificateChainPolicy = Policy(roots),
            RemoteCertificateValidationCallback = IsRight,
        };
    }

    public SslClientAuthenticationOptions Options { get; }

    /// <summary>What failed the handshake and what may mend it; no period at the end.</summary>
    public string WhyFailed(Exception error) => _wrong ?? error switch
    {
        // The records of TLS carry their own length and kind; OpenSSL has not seen what is none.
        AuthenticationException { InnerException: null } => "what the server sent is no TLS; it seems to speak without",
        IOException when TlsAlert.In(error) is null => $"the connection ended inside the handshake: {TlsTrust.ReasonOf(error)}",
        _ => TlsTrust.ReasonOf(error),
    };

    /// <summary>The base library's judgement stands as it is; what it found is kept in words, since its exception says less.</summary>
    private bool IsRight(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (errors == SslPolicyErrors.None)
        {
            return true;
        }

        _wrong = _review.Of(certificate, chain, errors);
        return false;
    }

    private static X509ChainPolicy Policy(X509Certificate2Collection? roots)
    {
        var policy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck };
        if (roots is not null)
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.AddRange(roots);
        }

        return policy;
    }
}
