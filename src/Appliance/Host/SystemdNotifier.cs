using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Jesus.Appliance.Host;

/// <summary>sd_notify(3): tells systemd that the daemon is ready, alive, reloading or stopping. Silent where there is no systemd.</summary>
public sealed class SystemdNotifier : IDisposable
{
    private readonly Socket? _socket;
    private readonly TimeProvider _time;
    private ITimer? _watchdog;

    public SystemdNotifier(string? notifySocket, TimeProvider time)
    {
        _time = time;
        if (string.IsNullOrEmpty(notifySocket))
        {
            return;
        }

        // A leading @ stands for the abstract namespace, whose names begin with a zero byte (unix(7)).
        var path = notifySocket[0] == '@' ? "\0" + notifySocket[1..] : notifySocket;
        _socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        _socket.Connect(new UnixDomainSocketEndPoint(path));
    }

    public static SystemdNotifier OfEnvironment(TimeProvider time) => new(Environment.GetEnvironmentVariable("NOTIFY_SOCKET"), time);

    public void Ready(string status) => Send($"READY=1\nSTATUS={status}");

    public void Stopping() => Send("STOPPING=1\nSTATUS=finishing what is under way");

    /// <summary>sd_notify(3): a reload needs the monotonic time at which it began.</summary>
    public void Reloading() => Send(string.Create(CultureInfo.InvariantCulture, $"RELOADING=1\nMONOTONIC_USEC={_time.GetTimestamp() * 1_000_000 / _time.TimestampFrequency}"));

    /// <summary>Pings at half of what the unit allows (WATCHDOG_USEC), each time the check passes.</summary>
    public void StartWatchdog(string? watchdogMicroseconds, Func<bool> alive)
    {
        if (_socket is not null && long.TryParse(watchdogMicroseconds, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit > 0)
        {
            var period = TimeSpan.FromMicroseconds(limit / 2);
            _watchdog = _time.CreateTimer(_ => Ping(alive), null, period, period);
        }
    }

    public void Dispose()
    {
        _watchdog?.Dispose();
        _socket?.Dispose();
    }

    private void Ping(Func<bool> alive)
    {
        if (alive())
        {
            Send("WATCHDOG=1");
        }
    }

    private void Send(string message)
    {
        try
        {
            _ = _socket?.Send(Encoding.UTF8.GetBytes(message));
        }
        catch (SocketException)
        {
            // systemd went away or is busy: it decides by its own timeouts.
        }
    }
}
