using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Jesus.Tests.Tls;

namespace Jesus.Tests.Faults;

/// <summary>One connection of a <see cref="FaultServer"/>, as its script drives it.</summary>
internal sealed class FaultConnection(Socket socket, CancellationToken stop)
{
    private readonly List<byte> _pending = [];
    private readonly byte[] _once = new byte[64 * 1024];
    private SslStream? _secure;

    /// <summary>The body of the request that was read last.</summary>
    public string Body { get; private set; } = "";

    /// <summary>The head of the request that was read last.</summary>
    public string Head { get; private set; } = "";

    /// <summary>The request that was read last asks for events.</summary>
    public bool WantsStream => Body.Contains("\"stream\":true", StringComparison.Ordinal) || Body.Contains("\"stream\": true", StringComparison.Ordinal);

    /// <summary>TLS from here on, as the server's side of it.</summary>
    public async Task SecureAsync(X509Certificate2 certificate)
    {
        var secure = new SslStream(new NetworkStream(socket, ownsSocket: false));
        await secure.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate }, stop);
        _secure = secure;
    }

    /// <summary>A handshake in which the client must show a certificate; by OpenSSL's own server, which says so when it shows none.</summary>
    public Task<bool> TakesClientAsync(X509Certificate2 certificate, int version) => OpenSslServer.TakesAsync(socket, certificate, version);

    /// <summary>Reads one request whole; false when the client closed instead.</summary>
    public async Task<bool> ReadRequestAsync()
    {
        int end;
        while ((end = IndexOfHeadEnd()) < 0)
        {
            if (!await FillAsync())
            {
                return false;
            }
        }

        Head = Encoding.ASCII.GetString([.. _pending[..end]]);
        var length = LengthOf(Head);
        while (_pending.Count < end + length)
        {
            if (!await FillAsync())
            {
                return false;
            }
        }

        Body = Encoding.UTF8.GetString([.. _pending[end..(end + length)]]);
        _pending.RemoveRange(0, end + length);
        return true;
    }

    public async ValueTask SendOnceAsync(ReadOnlyMemory<byte> bytes) => await socket.SendAsync(bytes, SocketFlags.None, stop);

    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        if (_secure is not null)
        {
            await _secure.WriteAsync(bytes, stop);
            return;
        }

        while (!bytes.IsEmpty)
        {
            bytes = bytes[await socket.SendAsync(bytes, SocketFlags.None, stop)..];
        }
    }

    public Task SendAsync(string text) => SendAsync(Encoding.UTF8.GetBytes(text));

    /// <summary>A whole response with its length.</summary>
    public Task RespondAsync(string status, string body, string contentType = "application/json", string headers = "") => SendAsync(
        $"HTTP/1.1 {status}\r\ncontent-type: {contentType}\r\ncontent-length: {Encoding.UTF8.GetByteCount(body)}\r\n{headers}\r\n{body}");

    /// <summary>The head of an event stream in chunks.</summary>
    public Task BeginEventsAsync(string headers = "") =>
        SendAsync($"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n{headers}\r\n");

    /// <summary>One chunk.</summary>
    public Task ChunkAsync(string text) => ChunkAsync(Encoding.UTF8.GetBytes(text));

    public async Task ChunkAsync(byte[] bytes)
    {
        await SendAsync(bytes.Length.ToString("x", CultureInfo.InvariantCulture) + "\r\n");
        await SendAsync(bytes);
        await SendAsync("\r\n");
    }

    public Task EndChunksAsync() => SendAsync("0\r\n\r\n");

    /// <summary>Says nothing until the client closes or the test ends.</summary>
    public async Task StallAsync()
    {
        while (await FillAsync())
        {
        }
    }

    /// <summary>Waits for any bytes, without keeping them and without allocating; false when the client closed.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> ReceiveOnceAsync() => await socket.ReceiveAsync(_once, SocketFlags.None, stop) > 0;

    public Task WaitAsync(int milliseconds) => Task.Delay(milliseconds, stop);

    /// <summary>Closes with a reset in place of an end.</summary>
    public void Reset()
    {
        socket.LingerState = new LingerOption(true, 0);
        socket.Close();
    }

    public void Close() => socket.Dispose();

    private async Task<bool> FillAsync()
    {
        var buffer = new byte[16 * 1024];
        var read = _secure is null ? await socket.ReceiveAsync(buffer, SocketFlags.None, stop) : await _secure.ReadAsync(buffer, stop);
        _pending.AddRange(buffer[..read]);
        return read > 0;
    }

    private int IndexOfHeadEnd()
    {
        var at = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_pending).IndexOf("\r\n\r\n"u8);
        return at < 0 ? -1 : at + 4;
    }

    private static int LengthOf(string head)
    {
        foreach (var line in head.Split("\r\n"))
        {
            if (line.StartsWith("content-length:", StringComparison.OrdinalIgnoreCase))
            {
                return int.Parse(line.AsSpan("content-length:".Length), NumberStyles.Integer | NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture);
            }
        }

        return 0;
    }
}
