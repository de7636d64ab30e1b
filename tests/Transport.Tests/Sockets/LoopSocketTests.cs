using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Jesus.Transport.Sockets;

namespace Jesus.Transport.Tests.Sockets;

public sealed class LoopSocketTests
{
    private static readonly LoopSocketOptions Small = new(4096);
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(30);

    [ThreadStatic]
    private static bool t_closes;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Every_byte_arrives_in_order_however_the_reader_takes_them(int seed)
    {
        var dice = new Random(seed);
        var bytes = new byte[1_500_000];
        dice.NextBytes(bytes);
        using var pair = await SocketPair.OpenAsync(Small);
        var sending = SendPiecesAsync(pair.Peer, bytes, new Random(seed + 100));
        var received = new List<byte>();
        while (true)
        {
            var read = await pair.Ours.Input.ReadAsync(Cancel);
            var taken = dice.Next(0, (int)Math.Min(read.Buffer.Length, 20_000) + 1);
            received.AddRange(read.Buffer.Slice(0, taken).ToArray());
            var consumed = read.Buffer.GetPosition(taken);

            // All of it, no more than what was taken, or something between was looked at.
            pair.Ours.Input.AdvanceTo(consumed, dice.Next(3) switch { 0 => consumed, 1 => read.Buffer.End, _ => read.Buffer.GetPosition((read.Buffer.Length - taken) / 2, consumed) });
            if (read.IsCompleted && taken == read.Buffer.Length)
            {
                break;
            }
        }

        await sending;
        Assert.Equal(bytes, received);
    }

    [Fact]
    public async Task A_flush_waits_for_a_peer_that_does_not_read_and_loses_nothing()
    {
        using var pair = await SocketPair.OpenAsync(Small);
        var bytes = new byte[32 * 1024 * 1024];
        new Random(7).NextBytes(bytes);
        var writing = Task.Run(async () =>
        {
            for (var at = 0; at < bytes.Length; at += 50_000)
            {
                await pair.Ours.Output.WriteAsync(bytes.AsMemory(at, Math.Min(50_000, bytes.Length - at)), Cancel);
            }

            await pair.Ours.FinishAsync(Long);
        }, Cancel);
        Assert.NotSame(writing, await Task.WhenAny(writing, Task.Delay(200, Cancel)));
        Assert.InRange(((SocketWriter)pair.Ours.Output).UnsentBytes, 1, 256 * 1024);
        var received = new byte[bytes.Length];
        var length = 0;
        while (await pair.Peer.ReceiveAsync(received.AsMemory(length), Cancel) is > 0 and var count)
        {
            length += count;
        }

        await writing;
        Assert.Equal(bytes, received);
    }

    [Fact]
    public async Task What_the_peer_sent_before_it_left_is_read_and_then_its_end()
    {
        var left = new TaskCompletionSource();
        using var pair = await SocketPair.OpenAsync(Small, left.SetResult);
        await pair.Peer.SendAsync("last words"u8.ToArray());
        pair.Peer.Dispose();
        await left.Task.WaitAsync(Long, Cancel);
        var read = await pair.Ours.Input.ReadAtLeastAsync(10, Cancel);
        Assert.Equal("last words"u8.ToArray(), read.Buffer.ToArray());
        pair.Ours.Input.AdvanceTo(read.Buffer.End);
        read = await pair.Ours.Input.ReadAsync(Cancel);
        Assert.True(read.IsCompleted && read.Buffer.IsEmpty);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_reset_is_a_failure_or_an_end_as_the_options_say(bool isEnd)
    {
        using var pair = await SocketPair.OpenAsync(Small with { ResetIsEnd = isEnd });
        var reading = pair.Ours.Input.ReadAsync(Cancel).AsTask();
        pair.Peer.LingerState = new LingerOption(true, 0);
        pair.Peer.Dispose();
        if (isEnd)
        {
            Assert.True((await reading).IsCompleted);
        }
        else
        {
            await Assert.ThrowsAsync<IOException>(() => reading);
        }

        Assert.True((await WriteUntilBrokenAsync(pair.Ours.Output)).IsCompleted);
    }

    [Fact]
    public async Task Closing_ends_a_read_and_a_flush_that_wait_and_not_inside_the_call()
    {
        using var pair = await SocketPair.OpenAsync(Small);
        async Task<bool> ReadAsync()
        {
            await Assert.ThrowsAsync<IOException>(async () => await pair.Ours.Input.ReadAsync(Cancel).ConfigureAwait(false)).ConfigureAwait(false);
            return t_closes;
        }

        var reading = ReadAsync();
        var writing = WriteUntilBrokenAsync(pair.Ours.Output);
        Assert.False(writing.IsCompleted);
        t_closes = true;
        pair.Ours.Close();
        pair.Ours.Close();
        t_closes = false;
        Assert.False(await reading);
        Assert.True((await writing).IsCompleted);
        Assert.True(pair.Ours.HasNews);
    }

    [Fact]
    public async Task A_read_can_be_called_off_by_the_reader_or_by_its_token()
    {
        using var pair = await SocketPair.OpenAsync(Small);
        var reading = pair.Ours.Input.ReadAsync(Cancel).AsTask();
        pair.Ours.Input.CancelPendingRead();
        Assert.True((await reading).IsCanceled);
        using var source = new CancellationTokenSource();
        reading = pair.Ours.Input.ReadAsync(source.Token).AsTask();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        await pair.Peer.SendAsync("x"u8.ToArray());
        var read = await pair.Ours.Input.ReadAsync(Cancel);
        Assert.Equal("x"u8.ToArray(), read.Buffer.ToArray());
    }

    [Fact]
    public async Task A_read_goes_on_where_it_was_begun()
    {
        using var away = await SocketPair.OpenAsync(Small);
        using var at = await SocketPair.OpenAsync(Small with { ResumesOnLoop = true });
        await Round.Of(away);
        Assert.False(LoopExit.IsOnLoop);
        await Round.Of(at);
        Assert.True(LoopExit.IsOnLoop);
        var loop = Environment.CurrentManagedThreadId;

        // Begun on a loop, so it stays there, whatever the socket's options.
        await Round.Of(away);
        Assert.True(LoopExit.IsOnLoop);
        await LoopExit.Leave();
        Assert.False(LoopExit.IsOnLoop);
        Assert.NotEqual(loop, Environment.CurrentManagedThreadId);
        at.Ours.AvoidsLoop = true;
        await Round.Of(at);
        Assert.False(LoopExit.IsOnLoop);
    }

    [Fact]
    public async Task What_is_flushed_in_one_turn_is_one_send()
    {
        using var pair = await SocketPair.OpenAsync(Small with { ResumesOnLoop = true });
        await Round.Of(pair);
        Assert.True(LoopExit.IsOnLoop);
        for (var i = 0; i < 5; i++)
        {
            await pair.Ours.Output.WriteAsync("piece"u8.ToArray(), Cancel);
        }

        Assert.Equal(25, ((SocketWriter)pair.Ours.Output).UnsentBytes);
        await Round.Of(pair);
        Assert.Equal(0, ((SocketWriter)pair.Ours.Output).UnsentBytes);
        await LoopExit.Leave();
        var received = new byte[64];
        Assert.Equal(25, await pair.Peer.ReceiveAsync(received, Cancel));
    }

    [Fact]
    public async Task A_socket_that_never_runs_dry_leaves_the_others_their_turn()
    {
        using var flood = await SocketPair.OpenAsync(Small with { ResumesOnLoop = true });
        using var quiet = await SocketPair.OpenAsync(Small with { ResumesOnLoop = true });
        using var stop = new CancellationTokenSource();
        var pouring = PourAsync(flood.Peer, stop.Token);
        var swallowing = SwallowAsync(flood.Ours.Input);
        for (var i = 0; i < 200; i++)
        {
            await Round.Of(quiet);
        }

        await stop.CancelAsync();
        flood.Ours.Close();
        await pouring;
        Assert.InRange(await swallowing, 100_000, long.MaxValue);
    }

    [Fact]
    public async Task A_refused_connection_says_so_and_a_silent_one_can_be_called_off()
    {
        using var closed = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        closed.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var refused = await Assert.ThrowsAsync<IOException>(async () => await LoopSocket.ConnectAsync(closed.LocalEndPoint!, Small, Cancel));
        Assert.Contains("refused", refused.Message, StringComparison.OrdinalIgnoreCase);

        // A listener whose backlog is full answers no further handshake.
        closed.Listen(0);
        using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        var opened = new List<LoopSocket>();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            while (opened.Count < 64)
            {
                opened.Add(await LoopSocket.ConnectAsync(closed.LocalEndPoint!, Small, soon.Token));
            }
        });
        opened.ForEach(socket => socket.Close());
    }

    [Fact]
    public async Task Sockets_that_come_and_go_by_the_hundred_never_hear_of_each_other()
    {
        await Parallel.ForEachAsync(Enumerable.Range(0, 400), Cancel, async (number, _) =>
        {
            using var pair = await SocketPair.OpenAsync(Small with { ResumesOnLoop = number % 2 == 0 });
            var word = BitConverter.GetBytes(number);
            await pair.Peer.SendAsync(word);
            var read = await pair.Ours.Input.ReadAtLeastAsync(word.Length, Cancel);
            Assert.Equal(word, read.Buffer.ToArray());
            pair.Ours.Input.AdvanceTo(read.Buffer.End);
            if (number % 3 == 0)
            {
                pair.Peer.Dispose();
            }
        });
    }

    private static async Task SendPiecesAsync(Socket peer, byte[] bytes, Random dice)
    {
        for (var at = 0; at < bytes.Length;)
        {
            var piece = Math.Min(bytes.Length - at, dice.Next(4) == 0 ? dice.Next(1, 40) : dice.Next(1, 30_000));
            at += await peer.SendAsync(bytes.AsMemory(at, piece), Cancel);
        }

        peer.Shutdown(SocketShutdown.Send);
    }

    private static async Task<FlushResult> WriteUntilBrokenAsync(PipeWriter output)
    {
        FlushResult flushed;
        do
        {
            flushed = await output.WriteAsync(new byte[20_000], Cancel);
        }
        while (!flushed.IsCompleted);
        return flushed;
    }

    private static async Task PourAsync(Socket peer, CancellationToken stop)
    {
        try
        {
            while (!stop.IsCancellationRequested)
            {
                await peer.SendAsync(new byte[64 * 1024], stop);
            }
        }
        catch (Exception over) when (over is OperationCanceledException or SocketException)
        {
        }
    }

    private static async Task<long> SwallowAsync(PipeReader input)
    {
        var total = 0L;
        try
        {
            while (true)
            {
                var read = await input.ReadAsync(CancellationToken.None).ConfigureAwait(false);
                total += read.Buffer.Length;
                input.AdvanceTo(read.Buffer.End);
            }
        }
        catch (IOException)
        {
            return total;
        }
    }
}
