using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;

namespace Jesus.Tests.Nats;

/// <summary>One connection through a <see cref="FaultProxy"/>.</summary>
internal sealed class FaultLink(FaultProxy proxy, Socket client, CancellationToken stop) : IDisposable
{
    /// <summary>Pieces that may be under way, each way: what a link's own buffers would hold. A reader that stalls is felt by the writer soon after.</summary>
    private const int UnderWayMax = 64;

    private const int PieceBytes = 16 * 1024;

    private readonly Socket _server = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource _over = CancellationTokenSource.CreateLinkedTokenSource(stop);

    public async Task RunAsync(X509Certificate2? tls)
    {
        await proxy.Arrivals.PassAsync(_over.Token);
        client.NoDelay = _server.NoDelay = true;
        await _server.ConnectAsync(new IPEndPoint(IPAddress.Loopback, proxy.UpstreamPort), _over.Token);
        await using var near = await OpenAsync(tls);
        await using var far = new NetworkStream(_server, ownsSocket: false);
        await Task.WhenAll(CarryAsync(near, far, _server, proxy.ToServer), CarryAsync(far, near, client, proxy.ToClient));
    }

    /// <summary>Both ends see a reset.</summary>
    public void Reset()
    {
        try
        {
            client.LingerState = new LingerOption(true, 0);
            _server.LingerState = new LingerOption(true, 0);
        }
        catch (Exception closed) when (closed is SocketException or ObjectDisposedException)
        {
            // It ended a moment ago.
        }

        client.Dispose();
        _server.Dispose();
        try
        {
            _over.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The same.
        }
    }

    public void Dispose()
    {
        client.Dispose();
        _server.Dispose();
        _over.Dispose();
    }

    private async Task<Stream> OpenAsync(X509Certificate2? tls)
    {
        var plain = new NetworkStream(client, ownsSocket: false);
        if (tls is null)
        {
            return plain;
        }

        var secure = new SslStream(plain);
        await secure.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = tls }, _over.Token);
        return secure;
    }

    private async Task CarryAsync(Stream from, Stream to, Socket target, FaultGate gate)
    {
        var underWay = Channel.CreateBounded<(byte[] Piece, long Due)>(UnderWayMax);
        await Task.WhenAll(ReceiveAsync(from, underWay.Writer, gate), SendAsync(underWay.Reader, to, target, gate));
    }

    private async Task ReceiveAsync(Stream from, ChannelWriter<(byte[] Piece, long Due)> underWay, FaultGate gate)
    {
        var buffer = new byte[PieceBytes];
        try
        {
            while (true)
            {
                await gate.PassAsync(_over.Token);
                var read = await from.ReadAsync(buffer.AsMemory(0, Math.Min(PieceBytes, proxy.PieceMax)), _over.Token);
                if (read == 0)
                {
                    break;
                }

                await underWay.WriteAsync((buffer[..read], Environment.TickCount64 + (long)proxy.Delay.TotalMilliseconds), _over.Token);
            }
        }
        finally
        {
            underWay.Complete();
        }
    }

    private async Task SendAsync(ChannelReader<(byte[] Piece, long Due)> underWay, Stream to, Socket target, FaultGate gate)
    {
        await foreach (var (piece, due) in underWay.ReadAllAsync(_over.Token))
        {
            if (due - Environment.TickCount64 is > 0 and var early)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(early), _over.Token);
            }

            await gate.PassAsync(_over.Token);
            var pass = gate.Take(piece.Length);
            await to.WriteAsync(piece.AsMemory(0, pass), _over.Token);
            if (proxy.BytesPerSecond > 0)
            {
                await Task.Delay(TimeSpan.FromSeconds((double)pass / proxy.BytesPerSecond), _over.Token);
            }

            if (pass < piece.Length)
            {
                Reset();
                return;
            }
        }

        // The end passes as bytes do: not through a cut link.
        await gate.PassAsync(_over.Token);
        target.Shutdown(SocketShutdown.Send);
    }
}
