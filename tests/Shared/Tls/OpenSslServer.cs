using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography.X509Certificates;

namespace Jesus.Tests.Tls;

/// <summary>
/// OpenSSL's own server side, for a refusal that the base library's cannot send: a server that demands a client's certificate and ends with an alert where none is
/// shown, as proxies in front of models do.
/// </summary>
internal static partial class OpenSslServer
{
    public const int Tls12 = 0x0303;
    public const int Tls13 = 0x0304;

    private const string Library = "libssl.so.3";
    private const int SetMinVersion = 123;
    private const int SetMaxVersion = 124;
    private const int KeyOfCurve = 408;

    /// <summary>SSL_VERIFY_PEER and SSL_VERIFY_FAIL_IF_NO_PEER_CERT.</summary>
    private const int DemandCertificate = 3;

    /// <summary>One handshake on the socket, which the caller keeps; it blocks a thread of its own.</summary>
    /// <returns>The client showed a certificate that an authority of the system issued.</returns>
    public static Task<bool> TakesAsync(Socket socket, X509Certificate2 certificate, int version) =>
        Task.Factory.StartNew(() => Takes(socket, certificate, version), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static bool Takes(Socket socket, X509Certificate2 certificate, int version)
    {
        var context = NewContext(Method());
        var held = false;
        try
        {
            using var key = certificate.GetECDsaPrivateKey()!;
            var (der, keyDer) = (certificate.RawData, key.ExportECPrivateKey());
            Assert.Equal((1, 1), (UseCertificate(context, der.Length, der), UseKey(KeyOfCurve, context, keyDer, keyDer.Length)));
            Assert.Equal((1, 1), (Control(context, SetMinVersion, version, 0), Control(context, SetMaxVersion, version, 0)));
            SetVerify(context, DemandCertificate, 0);
            socket.SafeHandle.DangerousAddRef(ref held);
            return Accept(context, (int)socket.SafeHandle.DangerousGetHandle());
        }
        finally
        {
            if (held)
            {
                socket.SafeHandle.DangerousRelease();
            }

            FreeContext(context);
        }
    }

    private static bool Accept(nint context, int socket)
    {
        var connection = New(context);
        var isTaken = SetSocket(connection, socket) == 1 && Accept(connection) == 1;
        Free(connection);
        return isTaken;
    }

    [LibraryImport(Library, EntryPoint = "TLS_server_method")]
    private static partial nint Method();

    [LibraryImport(Library, EntryPoint = "SSL_CTX_new")]
    private static partial nint NewContext(nint method);

    [LibraryImport(Library, EntryPoint = "SSL_CTX_free")]
    private static partial void FreeContext(nint context);

    [LibraryImport(Library, EntryPoint = "SSL_CTX_use_certificate_ASN1")]
    private static partial int UseCertificate(nint context, int length, byte[] der);

    [LibraryImport(Library, EntryPoint = "SSL_CTX_use_PrivateKey_ASN1")]
    private static partial int UseKey(int kind, nint context, byte[] der, nint length);

    [LibraryImport(Library, EntryPoint = "SSL_CTX_ctrl")]
    private static partial nint Control(nint context, int command, nint number, nint pointer);

    [LibraryImport(Library, EntryPoint = "SSL_CTX_set_verify")]
    private static partial void SetVerify(nint context, int mode, nint callback);

    [LibraryImport(Library, EntryPoint = "SSL_new")]
    private static partial nint New(nint context);

    [LibraryImport(Library, EntryPoint = "SSL_free")]
    private static partial void Free(nint connection);

    [LibraryImport(Library, EntryPoint = "SSL_set_fd")]
    private static partial int SetSocket(nint connection, int socket);

    [LibraryImport(Library, EntryPoint = "SSL_accept")]
    private static partial int Accept(nint connection);
}
