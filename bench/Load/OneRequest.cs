using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Jesus.Bench.Load;

/// <summary>A single request on a connection of its own, for what is not measured.</summary>
internal static class OneRequest
{
    /// <returns>The status; 0 when nobody answers.</returns>
    public static int Send(int port, byte[] request) => Exchange(port, request) is { Length: > 12 } answer ? HttpWire.Status(answer) : 0;

    /// <returns>The whole answer; empty when nobody answers.</returns>
    public static string Ask(int port, byte[] request) => Encoding.UTF8.GetString(Exchange(port, request));

    public static string Get(int port, string path) =>
        Encoding.UTF8.GetString(Exchange(port, Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")));

    private static byte[] Exchange(int port, byte[] request)
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = 30_000 };
            socket.Connect(IPAddress.Loopback, port);
            socket.Send(request);
            var answer = new byte[1024 * 1024];
            var length = 0;
            while (HttpWire.MessageLength(answer.AsSpan(0, length)) == 0)
            {
                var read = socket.Receive(answer, length, answer.Length - length, SocketFlags.None);
                if (read == 0)
                {
                    break;
                }

                length += read;
            }

            return answer[..length];
        }
        catch (SocketException)
        {
            return [];
        }
    }
}
