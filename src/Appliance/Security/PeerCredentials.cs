using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Jesus.Appliance.Security;

/// <summary>Who is at the other end of a unix socket: SO_PEERCRED of unix(7), filled by the kernel at connect.</summary>
public static class PeerCredentials
{
    private const int SolSocket = 1;
    private const int SoPeerCred = 17;

    /// <returns>The peer's user id; null when the socket is none of the unix domain.</returns>
    public static uint? UserOf(Socket socket)
    {
        if (socket.AddressFamily != AddressFamily.Unix)
        {
            return null;
        }

        Span<byte> ucred = stackalloc byte[12]; // pid, uid, gid
        return socket.GetRawSocketOption(SolSocket, SoPeerCred, ucred) == ucred.Length ? MemoryMarshal.Read<uint>(ucred[4..]) : null;
    }
}
