using System.Net.Sockets;
using System.Text.RegularExpressions;
using Jesus.Appliance.Security;

namespace Jesus.Appliance.Tests.Security;

public sealed class PeerCredentialsTests
{
    [Fact]
    public async Task The_kernel_names_the_user_at_the_other_end_of_a_unix_socket()
    {
        using var folder = new TemporaryFolder();
        var end = new UnixDomainSocketEndPoint(folder.File("socket"));
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(end);
        listener.Listen(1);
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await client.ConnectAsync(end);
        using var server = await listener.AcceptAsync();
        var self = uint.Parse(Regex.Match(await File.ReadAllTextAsync("/proc/self/status"), @"^Uid:\s+(\d+)", RegexOptions.Multiline).Groups[1].Value);
        Assert.Equal(self, PeerCredentials.UserOf(server));
    }

    [Fact]
    public void A_tcp_socket_has_no_such_peer()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Assert.Null(PeerCredentials.UserOf(socket));
    }
}
