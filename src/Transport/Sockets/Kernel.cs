using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Jesus.Transport.Sockets;

/// <summary>The system calls of the event loop: epoll(7), and sockets that never wait. Numbers are Linux's on x86-64, the one place the daemon is published for.</summary>
internal static partial class Kernel
{
    public const int Again = 11;
    public const int Interrupted = 4;
    public const int InProgress = 115;

    public const uint Readable = 0x1;
    public const uint Writable = 0x4;
    public const uint Failed = 0x8;
    public const uint HungUp = 0x10;

    /// <summary>The peer has closed its direction.</summary>
    public const uint PeerClosed = 0x2000;

    /// <summary>Each change is told once, so that nothing is set anew for a request.</summary>
    public const uint Edge = 1u << 31;

    private const int CloseOnExec = 0x80000;
    private const int AddSocket = 1;
    private const int NoSignal = 0x4000;

    public static int NewEpoll() => Check(EpollCreate(CloseOnExec));

    public static void Watch(int epoll, SafeSocketHandle socket, uint events, ulong key)
    {
        var wanted = new Event { Events = events, Key = key };
        Check(EpollControl(epoll, AddSocket, socket, in wanted));
    }

    /// <returns>Events told; zero where a signal came between.</returns>
    public static int Wait(int epoll, Span<Event> events, int timeoutMs)
    {
        var count = EpollWait(epoll, events, events.Length, timeoutMs);
        return count >= 0 || Marshal.GetLastPInvokeError() == Interrupted ? Math.Max(count, 0) : Check(count);
    }

    /// <returns>Bytes; zero at the peer's end; the error's number, negative.</returns>
    public static int Receive(SafeSocketHandle socket, Span<byte> buffer)
    {
        nint count;
        while ((count = Receive(socket, buffer, buffer.Length, 0)) < 0 && Marshal.GetLastPInvokeError() == Interrupted)
        {
        }

        return count >= 0 ? (int)count : -Marshal.GetLastPInvokeError();
    }

    /// <returns>Bytes taken; the error's number, negative.</returns>
    public static int Send(SafeSocketHandle socket, ReadOnlySpan<byte> bytes)
    {
        nint count;
        while ((count = Send(socket, bytes, bytes.Length, NoSignal)) < 0 && Marshal.GetLastPInvokeError() == Interrupted)
        {
        }

        return count >= 0 ? (int)count : -Marshal.GetLastPInvokeError();
    }

    /// <returns>Zero, or the error's number.</returns>
    public static int Connect(SafeSocketHandle socket, ReadOnlySpan<byte> address) =>
        Connect(socket, address, address.Length) == 0 ? 0 : Marshal.GetLastPInvokeError();

    public static string Describe(int error) => Marshal.GetPInvokeErrorMessage(error);

    private static int Check(int result) => result >= 0 ? result : throw new IOException(Describe(Marshal.GetLastPInvokeError()));

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial int EpollCreate(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int EpollControl(int epoll, int operation, SafeSocketHandle socket, in Event wanted);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    private static partial int EpollWait(int epoll, Span<Event> events, int max, int timeoutMs);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint Receive(SafeSocketHandle socket, Span<byte> buffer, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(SafeSocketHandle socket, ReadOnlySpan<byte> bytes, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    private static partial int Connect(SafeSocketHandle socket, ReadOnlySpan<byte> address, int length);

    /// <summary>struct epoll_event, which x86-64 packs.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    public struct Event
    {
        public uint Events;
        public ulong Key;
    }
}
