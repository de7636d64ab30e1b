using System.Net;
using System.Net.Sockets;
using Jesus.Transport.Sockets;

namespace Jesus.Transport.Tests.Sockets;

/// <summary>A socket on a loop, and its peer: a plain one of the framework's.</summary>
internal sealed class SocketPair(LoopSocket ours, Socket peer) : IDisposable
{
    public LoopSocket Ours { get; } = ours;
    public Socket Peer { get; } = peer;

    public static async Task<SocketPair> OpenAsync(LoopSocketOptions options, Action? peerClosed = null)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        if (peerClosed is null)
        {
            var ours = await LoopSocket.ConnectAsync(listener.LocalEndPoint!, options, TestContext.Current.CancellationToken);
            return new SocketPair(ours, await listener.AcceptAsync(TestContext.Current.CancellationToken));
        }

        var peer = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await peer.ConnectAsync(listener.LocalEndPoint!, TestContext.Current.CancellationToken);
        return new SocketPair(new LoopSocket(await listener.AcceptAsync(TestContext.Current.CancellationToken), options, peerClosed), peer);
    }

    public void Dispose()
    {
        Ours.Close();
        Peer.Dispose();
    }
}
