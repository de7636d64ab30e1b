using System.Net.Sockets;
using System.Text;
using Jesus.Appliance.Host;

namespace Jesus.Appliance.Tests.Host;

public sealed class SystemdNotifierTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Ready_stopping_and_pings_reach_the_socket(bool isAbstract)
    {
        var name = Path.Combine(Path.GetTempPath(), "jesus-notify-" + Guid.NewGuid().ToString("N"));
        using var systemd = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 20_000 };
        systemd.Bind(new UnixDomainSocketEndPoint(isAbstract ? "\0" + name : name));
        try
        {
            using var notifier = new SystemdNotifier(isAbstract ? "@" + name : name, TimeProvider.System);
            notifier.Ready("serving");
            Assert.Equal("READY=1\nSTATUS=serving", Receive(systemd));
            notifier.StartWatchdog("20000", () => true);
            Assert.Equal("WATCHDOG=1", Receive(systemd));
        }
        finally
        {
            File.Delete(name);
        }
    }

    [Fact]
    public void Without_systemd_nothing_happens()
    {
        using var notifier = new SystemdNotifier(null, TimeProvider.System);
        notifier.Ready("serving");
        notifier.StartWatchdog("1000000", () => true);
        notifier.Stopping();
    }

    [Fact]
    public void A_socket_path_is_measured_in_bytes()
    {
        Assert.True(StateFolder.FitsSocket(new string('a', 107)));
        Assert.False(StateFolder.FitsSocket(new string('ü', 54)));
    }

    private static string Receive(Socket socket)
    {
        var buffer = new byte[256];
        return Encoding.UTF8.GetString(buffer, 0, socket.Receive(buffer));
    }
}
