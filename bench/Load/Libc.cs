using System.Runtime.InteropServices;

namespace Jesus.Bench.Load;

/// <summary>Sockets and epoll as the kernel has them: the load must cost far less than what it measures. x86-64 Linux.</summary>
internal static unsafe partial class Libc
{
    private const string Library = "libc.so.6";
    private const int Terminated = 15;

    public const int EventIn = 0x001;
    public const int EventOut = 0x004;
    public const int ControlAdd = 1;
    public const int ControlDelete = 2;
    public const int ControlModify = 3;
    public const int Again = 11;
    public const int InProgress = 115;

    private const int InternetFamily = 2;
    private const int StreamNonBlocking = 1 | 0x800 | 0x80000;
    private const int TcpProtocol = 6;
    private const int TcpNoDelay = 1;
    private const int NoSignal = 0x4000;
    private const int SocketLevel = 1;
    private const int ReuseAddress = 2;
    private const int Linger = 13;
    private const int SetTimerSlack = 29;

    /// <summary>epoll_event(3) is packed on x86-64.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    public struct Event
    {
        public uint Events;
        public int Data;
        public int Unused;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Address
    {
        public ushort Family;
        public ushort Port;
        public uint Host;
        public ulong Zero;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Time
    {
        public long Seconds;
        public long Nanoseconds;
    }

    /// <summary>Asks a process to end (SIGTERM).</summary>
    public static void Terminate(int process) => _ = Kill(process, Terminated);

    [LibraryImport(Library, EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);

    [LibraryImport(Library, EntryPoint = "epoll_create1")]
    public static partial int EpollCreate(int flags);

    public static void Watch(int epoll, int control, int socket, int events, int data)
    {
        var item = new Event { Events = (uint)events, Data = data };
        _ = EpollControl(epoll, control, socket, &item);
    }

    /// <summary>Waits at most so long; below zero waits for ever.</summary>
    public static int Wait(int epoll, Span<Event> events, long nanoseconds)
    {
        var time = new Time { Seconds = nanoseconds / 1_000_000_000, Nanoseconds = nanoseconds % 1_000_000_000 };
        fixed (Event* first = events)
        {
            return EpollWait(epoll, first, events.Length, nanoseconds < 0 ? null : &time, null, 8);
        }
    }

    public static int Receive(int socket, Span<byte> to)
    {
        fixed (byte* first = to)
        {
            return (int)Receive(socket, first, (nuint)to.Length, 0);
        }
    }

    public static int Send(int socket, ReadOnlySpan<byte> from)
    {
        fixed (byte* first = from)
        {
            return (int)Send(socket, first, (nuint)from.Length, NoSignal);
        }
    }

    /// <summary>A socket on its way to a loopback port.</summary>
    public static int Connect(int port)
    {
        var socket = NewSocket();
        var address = Loopback(port);
        var result = Connect(socket, &address, sizeof(Address));
        return result == 0 || Marshal.GetLastPInvokeError() == InProgress ? socket : throw new IOException($"port {port} cannot be reached: errno {Marshal.GetLastPInvokeError()}");
    }

    /// <summary>Listens on a loopback port; 0 takes a free one.</summary>
    public static (int Socket, int Port) Listen(int port)
    {
        var socket = NewSocket();
        Set(socket, SocketLevel, ReuseAddress, 1);
        var address = Loopback(port);
        var length = sizeof(Address);
        return Bind(socket, &address, length) == 0 && Listen(socket, 1024) == 0 && NameOf(socket, &address, &length) == 0
            ? (socket, (ushort)((address.Port >> 8) | (address.Port << 8)))
            : throw new IOException($"cannot listen: errno {Marshal.GetLastPInvokeError()}");
    }

    /// <summary>The next connection, or below zero.</summary>
    public static int Accept(int listener)
    {
        var socket = Accept(listener, null, null, StreamNonBlocking & ~1);
        if (socket >= 0)
        {
            Set(socket, TcpProtocol, TcpNoDelay, 1);
        }

        return socket;
    }

    /// <summary>Closes with a reset.</summary>
    public static void Reset(int socket)
    {
        var linger = stackalloc int[2] { 1, 0 };
        _ = SetOption(socket, SocketLevel, Linger, linger, 8);
        _ = Close(socket);
    }

    [LibraryImport(Library, EntryPoint = "close")]
    public static partial int Close(int descriptor);

    /// <summary>Timers of this thread end on time, not within 50 us of it.</summary>
    public static void PreciseTimers() => _ = Control(SetTimerSlack, 1, 0, 0, 0);

    private static int NewSocket()
    {
        var socket = Socket(InternetFamily, StreamNonBlocking, 0);
        Set(socket, TcpProtocol, TcpNoDelay, 1);
        return socket;
    }

    private static void Set(int socket, int level, int option, int value) => _ = SetOption(socket, level, option, &value, sizeof(int));

    private static Address Loopback(int port) => new() { Family = InternetFamily, Port = (ushort)(((port & 0xFF) << 8) | (port >> 8)), Host = 0x0100007F };

    [LibraryImport(Library, EntryPoint = "socket", SetLastError = true)]
    private static partial int Socket(int family, int type, int protocol);

    [LibraryImport(Library, EntryPoint = "connect", SetLastError = true)]
    private static partial int Connect(int socket, Address* address, int length);

    [LibraryImport(Library, EntryPoint = "bind", SetLastError = true)]
    private static partial int Bind(int socket, Address* address, int length);

    [LibraryImport(Library, EntryPoint = "listen", SetLastError = true)]
    private static partial int Listen(int socket, int backlog);

    [LibraryImport(Library, EntryPoint = "getsockname", SetLastError = true)]
    private static partial int NameOf(int socket, Address* address, int* length);

    [LibraryImport(Library, EntryPoint = "accept4")]
    private static partial int Accept(int socket, Address* address, int* length, int flags);

    [LibraryImport(Library, EntryPoint = "setsockopt")]
    private static partial int SetOption(int socket, int level, int option, void* value, int length);

    [LibraryImport(Library, EntryPoint = "recv")]
    private static partial nint Receive(int socket, byte* to, nuint length, int flags);

    [LibraryImport(Library, EntryPoint = "send")]
    private static partial nint Send(int socket, byte* from, nuint length, int flags);

    [LibraryImport(Library, EntryPoint = "epoll_ctl")]
    private static partial int EpollControl(int epoll, int control, int socket, Event* item);

    [LibraryImport(Library, EntryPoint = "epoll_pwait2")]
    private static partial int EpollWait(int epoll, Event* events, int count, Time* time, void* signals, nuint size);

    [LibraryImport(Library, EntryPoint = "prctl")]
    private static partial int Control(int option, nuint a, nuint b, nuint c, nuint d);
}
