using System.Text;
using Jesus.Tests.Nats;

namespace Jesus.Transport.Tests.Nats.Harness;

/// <summary>The tests' own bad network.</summary>
public sealed class FaultProxyTests
{
    [Fact]
    public async Task Nothing_set_it_passes_on_even_torn_into_single_bytes()
    {
        await using var server = await NatsServer.StartAsync();
        await using var proxy = FaultProxy.To(server.Port);
        proxy.PieceMax = 1;
        proxy.Delay = TimeSpan.FromMilliseconds(1);
        await using var client = await RawNats.ConnectAsync(proxy.Port);
        await EchoAsync(client);
        Assert.Equal((1, 1), (proxy.Accepted, proxy.Open));
    }

    [Fact]
    public async Task A_cut_resets_a_refusal_refuses_and_afterwards_all_is_well()
    {
        await using var server = await NatsServer.StartAsync();
        await using var proxy = FaultProxy.To(server.Port);
        await using (var cut = await RawNats.ConnectAsync(proxy.Port))
        {
            proxy.Cut();
            await Assert.ThrowsAnyAsync<Exception>(cut.FlushAsync);
        }

        await proxy.RefuseAsync();
        await Assert.ThrowsAnyAsync<System.Net.Sockets.SocketException>(() => RawNats.ConnectAsync(proxy.Port));
        proxy.Accept();
        await using var client = await RawNats.ConnectAsync(proxy.Port);
        await EchoAsync(client);
    }

    [Fact]
    public async Task A_frame_is_cut_after_so_many_bytes()
    {
        await using var server = await NatsServer.StartAsync();
        await using var proxy = FaultProxy.To(server.Port);
        await using var witness = await RawNats.ConnectAsync(server.Port);
        await witness.SubscribeAsync("a");
        await witness.FlushAsync();
        await using var client = await RawNats.ConnectAsync(proxy.Port);
        proxy.CutAfter(FaultWay.ToServer, "PUB a 5\r\nhel".Length);
        await client.PublishAsync("a", "hello");
        await Assert.ThrowsAnyAsync<Exception>(client.FlushAsync);
        await witness.FlushAsync();
        Assert.False(witness.TryNext(out _), "half a frame became a message");
        proxy.CutNever();
        await using var again = await RawNats.ConnectAsync(proxy.Port);
        await EchoAsync(again);
    }

    [Fact]
    public async Task What_a_partition_held_back_comes_when_it_heals()
    {
        await using var server = await NatsServer.StartAsync();
        await using var proxy = FaultProxy.To(server.Port);
        await using var witness = await RawNats.ConnectAsync(server.Port);
        await witness.SubscribeAsync("a");
        await witness.FlushAsync();
        await using var client = await RawNats.ConnectAsync(proxy.Port);
        proxy.Partition();
        await client.PublishAsync("a", "hello");
        await Task.Delay(50);
        await witness.FlushAsync();
        Assert.False(witness.TryNext(out _));
        proxy.Heal();
        Assert.Equal("hello", Encoding.UTF8.GetString((await witness.NextAsync()).Payload));
        await client.FlushAsync();
    }

    [Fact]
    public async Task A_later_connection_overtakes_one_that_is_held_at_the_door()
    {
        await using var server = await NatsServer.StartAsync();
        await using var proxy = FaultProxy.To(server.Port);
        proxy.Arrivals.Close();
        var first = RawNats.ConnectAsync(proxy.Port);
        while (proxy.Accepted < 1)
        {
            await Task.Delay(5);
        }

        Assert.False(first.IsCompleted);
        proxy.Arrivals.Open();
        await using var client = await first;
        await EchoAsync(client);
    }

    [Fact]
    public async Task Tls_comes_first_where_the_proxy_speaks_it()
    {
        using var tls = new NatsTls();
        await using var server = await NatsServer.StartAsync();
        await using var proxy = FaultProxy.TlsFirst(server.Port, tls.Server);
        using var tcp = new System.Net.Sockets.TcpClient("127.0.0.1", proxy.Port);
        await using var secure = new System.Net.Security.SslStream(tcp.GetStream(), false, (_, theirs, _, _) => theirs is not null);
        await secure.AuthenticateAsClientAsync("127.0.0.1");
        var info = new byte[5];
        await secure.ReadExactlyAsync(info);
        Assert.Equal("INFO ", Encoding.ASCII.GetString(info));
    }

    private static async Task EchoAsync(RawNats client)
    {
        await client.SubscribeAsync("echo");
        await client.PublishAsync("echo", "back");
        Assert.Equal("echo", (await client.NextAsync()).Subject);
    }
}
