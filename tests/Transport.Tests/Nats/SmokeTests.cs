using System.Diagnostics;
using System.Text;
using Jesus.Transport.Http;
using Jesus.Transport.Nats;

namespace Jesus.Transport.Tests.Nats;

public sealed class SmokeTests : IDisposable
{
    private readonly Process _server;
    private readonly int _port;

    public SmokeTests()
    {
        var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        _port = ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        _server = Process.Start(new ProcessStartInfo("/usr/sbin/nats-server", $"-a 127.0.0.1 -p {_port}") { RedirectStandardError = true })!;
        _server.ErrorDataReceived += (_, _) => { };
        _server.BeginErrorReadLine();
    }

    public void Dispose()
    {
        _server.Kill();
        _server.WaitForExit();
        _server.Dispose();
    }

    [Fact]
    public async Task Smoke()
    {
        await using var c = new NatsConnection(new NatsOptions { Urls = [$"nats://127.0.0.1:{_port}"], InboxPrefix = "_INBOX.jesus.a" }, TcpNetwork.Instance, TimeProvider.System);
        c.Start();
        Assert.True(await c.WaitConnectedAsync(TimeSpan.FromSeconds(60), default));
        await using var s = c.Subscribe(NatsSubject.Parse("a.*"));
        var echo = Task.Run(async () =>
        {
            while (await s.WaitToReadAsync())
            {
                while (s.TryRead(out var m))
                {
                    using (m)
                    {
                        if (!m.ReplyTo.IsEmpty)
                        {
                            await c.PublishAsync(m.ReplyTo, m.Payload);
                        }
                    }
                }
            }
        });
        for (var i = 0; i < 1000; i++)
        {
            using var reply = await c.RequestAsync(NatsSubject.Parse("a.b"), Encoding.UTF8.GetBytes("hello " + i), TimeSpan.FromSeconds(30));
            Assert.Equal(NatsReplyStatus.Ok, reply.Status);
            Assert.Equal("hello " + i, Encoding.UTF8.GetString(reply.Message.Payload.Span));
        }

        using var none = await c.RequestAsync(NatsSubject.Parse("nobody"), default, TimeSpan.FromSeconds(30));
        Assert.Equal(NatsReplyStatus.NoResponders, none.Status);
        Assert.Equal(NatsResult.Ok, await c.FlushAsync());
        var big = new byte[900_000];
        Random.Shared.NextBytes(big);
        using var large = await c.RequestAsync(NatsSubject.Parse("a.b"), big, TimeSpan.FromSeconds(30));
        Assert.Equal(NatsReplyStatus.Ok, large.Status);
        Assert.True(large.Message.Payload.Span.SequenceEqual(big));
        await s.UnsubscribeAsync();
        await echo;
    }
}
