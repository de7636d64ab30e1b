using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Jesus.Tests.Tls;

/// <summary>A certificate authority of ours: issues certificates that are right, or wrong in one way.</summary>
internal sealed class TestAuthority : IDisposable
{
    private readonly X509Certificate2 _root;

    public TestAuthority(string subject = "CN=test authority")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        var now = DateTimeOffset.UtcNow;
        using var bare = request.CreateSelfSigned(now.AddDays(-30), now.AddDays(30));
        _root = X509CertificateLoader.LoadPkcs12(bare.Export(X509ContentType.Pkcs12), null);
    }

    /// <summary>The root as a PEM file.</summary>
    public string WriteRoot(string folder)
    {
        var path = Path.Combine(folder, "ca.pem");
        File.WriteAllText(path, _root.ExportCertificatePem());
        return path;
    }

    /// <param name="name">A DNS name, or an address.</param>
    /// <param name="lastDay">Its last day, from today.</param>
    /// <param name="firstDay">Its first day, from today; the root's own is 30 days ago.</param>
    public X509Certificate2 Issue(string name, int lastDay = 10, int firstDay = -20)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + name, key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        if (IPAddress.TryParse(name, out var address))
        {
            names.AddIpAddress(address);
        }
        else
        {
            names.AddDnsName(name);
        }

        request.CertificateExtensions.Add(names.Build());
        var now = DateTimeOffset.UtcNow;
        using var bare = request.Create(_root, now.AddDays(firstDay), now.AddDays(lastDay), RandomNumberGenerator.GetBytes(8));
        using var whole = bare.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.Exportable);
    }

    public void Dispose() => _root.Dispose();
}
