using Jesus.Tests.Faults;
using Jesus.Transport.Http;
using Jesus.Transport.Nats;

namespace Jesus.Transport.Tests.Nats;

/// <summary>Servers that are broken, or not what they seem: each connection of a script ends as its test says, and the next one is tried.</summary>
public sealed class NatsHostileServerTests
{
    private const string Info = "INFO {\"server_id\":\"x\",\"version\":\"2.9.10\",\"headers\":true,\"max_payload\":1048576}\r\n";

    /// <summary>Known of another client: after a reconnect it waits for the first PONG for ever.</summary>
    [Theory]
    [InlineData("", "sent no INFO in time")]
    [InlineData(Info, "did not answer CONNECT in time")]
    [InlineData("INFO {\"server_id\":", "sent no INFO in time")]
    [InlineData(Info + "PO", "did not answer CONNECT in time")]
    public async Task A_server_that_falls_silent_in_the_handshake_is_given_up(string said, string reason)
    {
        var witness = new Witness();
        await using var server = new FaultServer(SayAndWaitAsync(said), ServeAsync);
        await using var client = await Client.ConnectAsync(Client.Options(Client.UrlOf(server.Port)) with { HandshakeTimeoutMs = 500 }, witness);
        Assert.Contains(witness.All, e => e.Kind == NatsEventKind.ConnectFailed && e.Detail.Contains(reason, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_reconnect_whose_pong_never_comes_is_given_up_too()
    {
        var witness = new Witness();
        await using var server = new FaultServer(ServeOnceAndCutAsync, SayAndWaitAsync(Info), ServeAsync);
        await using var client = Client.Start(Client.Options(Client.UrlOf(server.Port)) with { HandshakeTimeoutMs = 500 }, witness);
        await Client.EventuallyAsync(() => client.Statistics.Connects == 2, "connected twice");
        Assert.Contains(witness.All, e => e.Kind == NatsEventKind.ConnectFailed && e.Detail.Contains("did not answer CONNECT in time", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak NATS")]
    [InlineData("PING\r\n", "no NATS server")]
    [InlineData("INFO not json\r\n", "no NATS server")]
    [InlineData("INFO []\r\n", "no NATS server")]
    [InlineData("INFO {\"max_payload\":\"big\"}\r\n", "no NATS server")]
    [InlineData("-ERR 'maximum connections exceeded'\r\n", "maximum connections exceeded")]
    [InlineData(Info + "-ERR 'Authorization Violation'\r\n", "Authorization Violation")]
    [InlineData(Info + "MSG a 1 5\r\nhello\r\n", "does not speak NATS")]
    [InlineData("INFO {\"tls_required\":true}\r\n+OK\r\n", "more than INFO before TLS")]
    public async Task A_server_that_says_something_else_is_no_server(string said, string reason)
    {
        var witness = new Witness();
        await using var server = new FaultServer(SayAndWaitAsync(said), ServeAsync);
        await using var client = await Client.ConnectAsync(Client.Options(Client.UrlOf(server.Port)), witness);
        Assert.Contains(witness.All, e => e.Kind == NatsEventKind.ConnectFailed && e.Detail.Contains(reason, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_greeting_without_an_end_is_given_up_before_it_fills_memory()
    {
        var witness = new Witness();
        await using var server = new FaultServer(SayAndWaitAsync("INFO {\"x\":\"" + new string('x', 200_000)), ServeAsync);
        await using var client = await Client.ConnectAsync(Client.Options(Client.UrlOf(server.Port)), witness);
        Assert.Equal(1, witness.Count(NatsEventKind.ConnectFailed));
    }

    [Theory]
    [InlineData("MSG a 1 5\r\nhelloXX")]
    [InlineData("GARBAGE\r\n")]
    [InlineData("MSG a 1 4000000000\r\n")]
    public async Task A_connection_that_leaves_the_protocol_is_dropped_and_made_anew(string said)
    {
        var witness = new Witness();
        await using var server = new FaultServer(connection => ServeAsync(connection, said), ServeAsync);
        await using var client = Client.Start(Client.Options(Client.UrlOf(server.Port)), witness);
        await Client.EventuallyAsync(() => client.Statistics.Connects == 2, "connected twice");
        Assert.Contains(witness.All, e => e.Kind == NatsEventKind.Disconnected && e.Detail.Contains("not the protocol", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(100)]
    [InlineData(400_000)]
    public async Task Messages_for_nobody_and_messages_that_are_too_long_are_skipped(int length)
    {
        var payload = new string('x', length);
        var said = $"MSG a 999999 {length}\r\n{payload}\r\nMSG a 1 {length}\r\n{payload}\r\nMSG _INBOX.nobody 1 0\r\n\r\nMSG b 65536 {length}\r\n{payload}\r\nMSG b 65536 2\r\nok\r\n";
        var witness = new Witness();
        await using var server = new FaultServer(connection => ServeAsync(connection, said));
        await using var client = new NatsConnection(Client.Options(Client.UrlOf(server.Port)) with { InboundBytesMax = 50 }, TcpNetwork.Instance, TimeProvider.System, witness);
        await using var subscription = client.Subscribe(Client.Subject("b"));
        client.Start();
        Assert.Equal("ok", await Client.NextTextAsync(subscription));
        Assert.True(client.Statistics.Oversized >= 1);
        await witness.HearsAsync(NatsEventKind.ServerError);
        Assert.Equal(1, client.Statistics.Connects);
    }

    [Fact]
    public async Task A_server_that_takes_and_drops_every_connection_is_not_hammered()
    {
        await using var server = new FaultServer(ServeOnceAndCutAsync);
        await using var client = Client.Start(Client.Options(Client.UrlOf(server.Port)) with { ReconnectDelayMinMs = 200, ReconnectDelayMaxMs = 400 });
        await Client.EventuallyAsync(() => client.Statistics.Connects >= 3, "connected thrice");
        var begun = TimeProvider.System.GetTimestamp();
        var before = server.Accepted;
        await Task.Delay(600);

        // At least 100 ms between two: what a loop without pauses would do thousands of times in that time.
        Assert.True(server.Accepted - before <= 2 + (TimeProvider.System.GetElapsedTime(begun).TotalMilliseconds / 100), $"{server.Accepted - before} connections");
    }

    private static Func<FaultConnection, Task> SayAndWaitAsync(string said) => async connection =>
    {
        await connection.SendAsync(said);
        while (await connection.ReceiveOnceAsync())
        {
        }
    };

    private static Task ServeAsync(FaultConnection connection) => ServeAsync(connection, "");

    /// <summary>A server that lets in, says something, and answers every PING.</summary>
    private static async Task ServeAsync(FaultConnection connection, string said)
    {
        await connection.SendAsync(Info);
        await connection.ReceiveOnceAsync();
        await connection.SendAsync("PONG\r\n");
        await connection.ReceiveOnceAsync();
        await connection.SendAsync(said);
        while (await connection.ReceiveOnceAsync())
        {
            await connection.SendAsync("PONG\r\n");
        }
    }

    private static async Task ServeOnceAndCutAsync(FaultConnection connection)
    {
        await connection.SendAsync(Info);
        await connection.ReceiveOnceAsync();
        await connection.SendAsync("PONG\r\n");
        await connection.ReceiveOnceAsync();
    }
}
