using System.Net;
using System.Net.Sockets;
using Jesus.Transport.Http;

namespace Jesus.Transport.Tests.Http;

/// <summary>Connections for a protocol that reads with a thread of its own.</summary>
public sealed class OwnThreadConnectionTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>The other ends, held to the test's end: one that is collected resets its connection.</summary>
    private readonly List<Socket> _theirs = [];

    public void Dispose() => _theirs.ForEach(socket => socket.Dispose());

    [Fact]
    public async Task What_the_kernel_does_not_take_at_once_is_sent_when_the_other_side_reads()
    {
        using var listener = Listen();
        var (ours, theirs) = await ConnectAsync(listener);
        using var stream = ours.AsStream();
        var sent = new byte[32 * 1024 * 1024];
        new Random(7).NextBytes(sent);
        var writing = stream.WriteAsync(sent).AsTask();
        var received = new byte[sent.Length];
        await ReadAllAsync(theirs, received);
        await writing.WaitAsync(Patience);
        Assert.True(received.AsSpan().SequenceEqual(sent));

        // And again, since the thread stays: from another than it, on which this test may go on, and which would wait for the reader below.
        writing = Task.Run(() => stream.WriteAsync(sent).AsTask());
        await ReadAllAsync(theirs, received);
        await writing.WaitAsync(Patience);
        Assert.True(received.AsSpan().SequenceEqual(sent));
    }

    [Fact]
    public async Task An_abort_ends_a_write_that_waits_for_the_other_side()
    {
        using var listener = Listen();
        var (ours, _) = await ConnectAsync(listener);
        using var stream = ours.AsStream();
        var writing = stream.WriteAsync(new byte[32 * 1024 * 1024]).AsTask();
        Assert.False(writing.IsCompleted);
        ours.Abort();
        await Assert.ThrowsAsync<IOException>(() => writing.WaitAsync(Patience));
    }

    [Fact]
    public async Task An_abort_ends_a_read_that_waits()
    {
        using var listener = Listen();
        var (ours, _) = await ConnectAsync(listener);
        using var stream = ours.AsStream();
        var reading = Task.Factory.StartNew(() => ReadOne(stream), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await Task.Delay(50);
        ours.Abort();
        Assert.Equal(-1, await reading.WaitAsync(Patience));
    }

    [Fact]
    public async Task A_cancelled_read_of_a_handshake_ends_as_cancelled()
    {
        using var listener = Listen();
        var (ours, _) = await ConnectAsync(listener);
        using var stream = ours.AsStream();
        using var cancel = new CancellationTokenSource();
        var reading = stream.ReadAsync(new byte[1], cancel.Token).AsTask();
        await Task.Delay(50);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading.WaitAsync(Patience));
    }

    [Fact]
    public async Task A_connection_that_nobody_takes_can_be_cancelled()
    {
        // A listener whose queue is full leaves further connections waiting.
        using var listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(0);
        var target = new NetworkTarget("127.0.0.1", ((IPEndPoint)listener.LocalEndPoint!).Port, Tls: false) { HasOwnThread = true };
        var fill = Enumerable.Range(0, 4).Select(_ => new Socket(SocketType.Stream, ProtocolType.Tcp)).ToArray();
        Array.ForEach(fill, socket => _ = socket.ConnectAsync(listener.LocalEndPoint!));
        await Task.Delay(100);
        using var cancel = new CancellationTokenSource(200);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => TcpNetwork.Instance.ConnectAsync(target, cancel.Token).AsTask().WaitAsync(Patience));
        Array.ForEach(fill, socket => socket.Dispose());
    }

    [Fact]
    public async Task Nobody_listening_is_an_IOException_that_says_so()
    {
        using var listener = Listen();
        var target = new NetworkTarget("127.0.0.1", ((IPEndPoint)listener.LocalEndpoint).Port, Tls: false) { HasOwnThread = true };
        listener.Stop();
        var refused = await Assert.ThrowsAsync<IOException>(() => TcpNetwork.Instance.ConnectAsync(target, CancellationToken.None).AsTask().WaitAsync(Patience));
        Assert.Contains("refused", refused.Message, StringComparison.OrdinalIgnoreCase);
    }

    private static int ReadOne(Stream stream)
    {
        try
        {
            return stream.Read(stackalloc byte[1]) == 0 ? -1 : 1;
        }
        catch (IOException)
        {
            return -1;
        }
    }

    private static TcpListener Listen()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return listener;
    }

    private async Task<(INetworkConnection Ours, Socket Theirs)> ConnectAsync(TcpListener listener)
    {
        var target = new NetworkTarget("localhost", ((IPEndPoint)listener.LocalEndpoint).Port, Tls: false) { HasOwnThread = true };
        var accepting = listener.AcceptSocketAsync();
        var ours = await TcpNetwork.Instance.ConnectAsync(target, CancellationToken.None);
        _theirs.Add(await accepting.WaitAsync(Patience));
        return (ours, _theirs[^1]);
    }

    private static async Task ReadAllAsync(Socket from, Memory<byte> into)
    {
        while (!into.IsEmpty)
        {
            var count = await from.ReceiveAsync(into).AsTask().WaitAsync(Patience);
            Assert.NotEqual(0, count);
            into = into[count..];
        }
    }
}
