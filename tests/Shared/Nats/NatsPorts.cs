using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Jesus.Tests.Nats;

/// <summary>
/// Ports of one server. They are chosen below the range from which the kernel gives ports to outgoing connections, so that a server that was killed finds
/// its port free when it is started again.
/// </summary>
internal readonly record struct NatsPorts(int Client, int Monitor, int Cluster, int Leaf)
{
    /// <summary>Linux gives outgoing connections 32768 to 60999 (net.ipv4.ip_local_port_range).</summary>
    private const int First = 12_000, Last = 32_000;

    public static NatsPorts Choose() => new(Free(), Free(), Free(), Free());

    private static int Free()
    {
        while (true)
        {
            var port = RandomNumberGenerator.GetInt32(First, Last);
            using var listener = new TcpListener(IPAddress.Loopback, port);
            try
            {
                listener.Start();
                return port;
            }
            catch (SocketException taken) when (taken.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                // The next draw.
            }
        }
    }
}
