using System.Text;
using Jesus.Tests.Nats;
using Jesus.Transport.Http;
using Jesus.Transport.Nats;
using NatsServer = Jesus.Tests.Nats.NatsServer;

namespace Jesus.Transport.Tests.Nats;

/// <summary>A server passes on what another client put into a subject.</summary>
public sealed class HostileSubjectTests
{
    [Fact]
    public async Task Any_byte_that_a_server_lets_into_a_subject_is_read_as_a_part_of_it()
    {
        await using var server = await NatsServer.StartAsync();
        await using var connection = new NatsConnection(new NatsOptions { Urls = [server.Url] }, TcpNetwork.Instance, TimeProvider.System);
        await using var subscription = connection.Subscribe(NatsSubject.Parse("a.*.b"));
        connection.Start();
        Assert.True(await connection.WaitConnectedAsync(TimeSpan.FromSeconds(60), CancellationToken.None));
        await connection.FlushAsync();
        await using var stranger = await RawNats.ConnectAsync(server.Port);
        var sent = 0;
        for (var value = 1; value < 256; value++)
        {
            if (value is not (' ' or '\t' or '\r' or '\n' or '.' or '*' or '>'))
            {
                // Once within the first 64 bytes, which are looked at together, and once beyond.
                await PublishAsync(stranger, "a.", (byte)value, ".b");
                await PublishAsync(stranger, "a." + new string('x', 80), (byte)value, ".b");
                sent += 2;
            }
        }

        await stranger.FlushAsync();
        Assert.Empty(stranger.Errors);
        for (var i = 0; i < sent; i++)
        {
            NatsMessage message;
            while (!subscription.TryRead(out message))
            {
                Assert.True(await subscription.WaitToReadAsync(CancellationToken.None));
            }

            using (message)
            {
                Assert.StartsWith("a.", Encoding.Latin1.GetString(message.Subject.Span), StringComparison.Ordinal);
                Assert.EndsWith(".b", Encoding.Latin1.GetString(message.Subject.Span), StringComparison.Ordinal);
                Assert.Equal(0, message.Payload.Length);
            }
        }
    }

    private static async Task PublishAsync(RawNats client, string before, byte value, string after) =>
        await client.SendAsync([.. "PUB "u8, .. Encoding.ASCII.GetBytes(before), value, .. Encoding.ASCII.GetBytes(after), .. " 0\r\n\r\n"u8]);
}
