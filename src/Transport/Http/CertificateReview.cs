using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Jesus.Transport.Http;

/// <summary>What is wrong with a server's certificate, in words that an operator can act on. It judges nothing: that the base library has done.</summary>
/// <param name="host">The name or address that the certificate should be for.</param>
/// <param name="isOwnRoots">Only the roots of a CA file are trusted, not the system's.</param>
internal sealed class CertificateReview(string host, bool isOwnRoots)
{
    private const int NamesMax = 4;

    /// <summary>A peer may call itself anything, at any length.</summary>
    private const int ShownMax = 100;

    /// <returns>Each fault with its remedy; no period at the end.</returns>
    public string Of(X509Certificate? shown, X509Chain? chain, SslPolicyErrors errors)
    {
        if (shown is not X509Certificate2 certificate)
        {
            return "it showed no certificate";
        }

        var wrong = new List<string>();
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
        {
            wrong.Add($"its certificate is for {NamesOf(certificate)}, not for {host}: the address must name it as its certificate does");
        }

        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors) && chain is not null)
        {
            AddChain(chain, wrong);
        }

        return wrong.Count > 0 ? string.Join("; ", wrong) : $"its certificate is refused ({errors})";
    }

    /// <summary>From the server's own certificate up; a fault of the chain as a whole stands in none of its elements, so that the chain's own list is looked at too.</summary>
    private void AddChain(X509Chain chain, List<string> wrong)
    {
        var now = new DateTimeOffset(chain.ChainPolicy.VerificationTime);
        foreach (var element in chain.ChainElements)
        {
            if (element.ChainElementStatus.Any(s => s.Status == X509ChainStatusFlags.NotTimeValid))
            {
                var whose = element == chain.ChainElements[0] ? "its certificate" : $"the certificate of its issuer '{Shown(element.Certificate.Subject)}'";
                wrong.Add(whose + TimesOf(element.Certificate, now));
            }
        }

        foreach (var status in chain.ChainStatus.Select(s => s.Status).Distinct())
        {
            switch (status)
            {
                case X509ChainStatusFlags.NotTimeValid:
                    break;
                case X509ChainStatusFlags.PartialChain or X509ChainStatusFlags.UntrustedRoot:
                    wrong.Add($"its certificate leads to '{Shown(chain.ChainElements[^1].Certificate.Issuer)}', which {Untrusted}");
                    break;
                case X509ChainStatusFlags.NotSignatureValid:
                    wrong.Add($"its certificate is signed by another '{Shown(chain.ChainElements[^1].Certificate.Issuer)}' than the one trusted here");
                    break;
                default:
                    wrong.Add($"its certificate is not valid ({status})");
                    break;
            }
        }
    }

    private string Untrusted => isOwnRoots
        ? "tls.caFile does not hold: add it there"
        : "this system does not trust: name a file that holds it in tls.caFile, or have the server send the certificates between";

    private static string TimesOf(X509Certificate2 certificate, DateTimeOffset now)
    {
        var (from, to) = (new DateTimeOffset(certificate.NotBefore), new DateTimeOffset(certificate.NotAfter));
        return now > to
            ? $" expired on {Minute(to)} (it is {Minute(now)} here): renew it there, or set this box's clock"
            : $" is valid only from {Minute(from)} on (it is {Minute(now)} here): set this box's clock, or that of whoever issued it";
    }

    /// <summary>RFC 6125, section 6.4.4: the alternative names count, the common name does not.</summary>
    private static string NamesOf(X509Certificate2 certificate)
    {
        try
        {
            var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().ToArray();
            var all = names.SelectMany(n => n.EnumerateDnsNames()).Concat(names.SelectMany(n => n.EnumerateIPAddresses()).Select((IPAddress a) => a.ToString())).ToArray();
            return all.Length == 0 ? "no name at all"
                : string.Join(", ", all.Take(NamesMax).Select(Shown)) + (all.Length > NamesMax ? $" and {all.Length - NamesMax} more" : "");
        }
        catch (CryptographicException)
        {
            return "names that cannot be read";
        }
    }

    private static string Minute(DateTimeOffset at) => at.ToUniversalTime().ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);

    private static string Shown(string text)
    {
        var clean = string.Concat(text.Select(c => char.IsControl(c) ? '?' : c));
        return clean.Length > ShownMax ? clean[..ShownMax] + "..." : clean;
    }
}
