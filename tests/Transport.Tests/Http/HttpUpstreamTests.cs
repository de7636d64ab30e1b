using System.Text;
using Jesus.Tests.Faults;
using Jesus.Transport.Http;

namespace Jesus.Transport.Tests.Http;

public sealed class HttpUpstreamTests
{
    private static readonly HttpRequest Post = new() { Method = "POST"u8.ToArray(), Path = "/v1/x"u8.ToArray(), Body = "{\"a\":1}"u8.ToArray() };

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;ext=1\r\nllo\r\n0\r\ntrailer: x\r\n\r\n")]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")]
    [InlineData("HTTP/1.0 200 OK\r\n\r\nhello")]
    [InlineData("HTTP/1.1 200\r\nContent-Length:5\n\nhello")]
    public async Task A_body_is_read_whichever_way_it_is_framed(string response)
    {
        await using var server = new FaultServer(async c =>
        {
            await c.ReadRequestAsync();
            await c.SendAsync(response);
        });
        using var upstream = Upstream(server.Port);
        var (error, status, body) = await ExchangeAsync(upstream);
        Assert.True(error.IsNone, error.Message);
        Assert.Equal(200, status);
        Assert.Equal("hello", body);
    }

    [Fact]
    public async Task A_response_cut_into_single_bytes_is_the_same_response()
    {
        await using var server = new FaultServer(async c =>
        {
            await c.ReadRequestAsync();
            foreach (var value in "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"u8.ToArray())
            {
                await c.SendAsync(new[] { value });
            }

            await c.StallAsync();
        });
        using var upstream = Upstream(server.Port);
        Assert.Equal("hello", (await ExchangeAsync(upstream)).Body);
    }

    [Fact]
    public async Task The_request_arrives_as_it_was_given()
    {
        string head = "", body = "";
        await using var server = new FaultServer(async c =>
        {
            await c.ReadRequestAsync();
            (head, body) = (c.Head, c.Body);
            await c.RespondAsync("200 OK", "{}");
        });
        using var upstream = Upstream(server.Port);
        await ExchangeAsync(upstream, Post with { FixedHeaders = "authorization: Bearer k\r\n"u8.ToArray(), Headers = "x-request-id: 7\r\n"u8.ToArray() });
        Assert.StartsWith(
            $"POST /v1/x HTTP/1.1\r\nhost: 127.0.0.1:{server.Port}\r\nauthorization: Bearer k\r\nx-request-id: 7\r\ncontent-length: 7\r\n\r\n",
            head,
            StringComparison.Ordinal);
        Assert.Equal("{\"a\":1}", body);
    }

    [Fact]
    public async Task A_body_of_a_megabyte_arrives_whole_in_both_directions()
    {
        var text = new string('x', 1_000_000);
        var received = 0;
        await using var server = new FaultServer(async c =>
        {
            await c.ReadRequestAsync();
            received = c.Body.Length;
            await c.RespondAsync("200 OK", text);
        });
        using var upstream = Upstream(server.Port);
        var (_, _, body) = await ExchangeAsync(upstream, Post with { Body = Encoding.UTF8.GetBytes(text) });
        Assert.Equal(1_000_000, received);
        Assert.Equal(text, body);
    }

    [Fact]
    public async Task A_connection_is_used_again()
    {
        await using var server = new FaultServer(async c =>
        {
            while (await c.ReadRequestAsync())
            {
                await c.RespondAsync("200 OK", "hello");
            }
        });
        using var upstream = Upstream(server.Port);
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal("hello", (await ExchangeAsync(upstream)).Body);
        }

        Assert.Equal(1, server.Accepted);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello")]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged")]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")]
    public async Task A_connection_that_may_confuse_the_next_response_is_not_used_again(string response)
    {
        await using var server = new FaultServer(async c =>
        {
            await c.ReadRequestAsync();
            await c.SendAsync(response);
            await c.StallAsync();
        });
        using var upstream = Upstream(server.Port);
        Assert.Equal("hello", (await ExchangeAsync(upstream)).Body);
        Assert.Equal("hello", (await ExchangeAsync(upstream)).Body);
        Assert.Equal(2, server.Accepted);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_kept_connection_that_breaks_is_replaced_only_for_a_request_that_is_safe_to_resend(bool safe)
    {
        await using var server = new FaultServer(
            async c =>
            {
                await c.ReadRequestAsync();
                await c.RespondAsync("200 OK", "first");
                await c.ReadRequestAsync();
                c.Reset();
            },
            async c =>
            {
                await c.ReadRequestAsync();
                await c.RespondAsync("200 OK", "second");
            });
        using var upstream = Upstream(server.Port);
        await ExchangeAsync(upstream);
        var (error, _, body) = await ExchangeAsync(upstream, Post with { SafeToResend = safe });
        Assert.Equal(safe ? HttpFault.None : HttpFault.NoResponse, error.Fault);
        Assert.Equal(safe ? "second" : "", body);
    }

    [Fact]
    public async Task A_connection_that_the_peer_closed_meanwhile_is_noticed_before_it_is_used()
    {
        await using var server = new FaultServer(async c =>
        {
            await c.ReadRequestAsync();
            await c.RespondAsync("200 OK", "hello");
        });
        using var upstream = Upstream(server.Port);
        await ExchangeAsync(upstream);
        await Task.Delay(50, TestContext.Current.CancellationToken);
        Assert.Equal("hello", (await ExchangeAsync(upstream)).Body);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello", HttpFault.Cut)]
    [InlineData("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel", HttpFault.Cut)]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-le", HttpFault.Cut)]
    [InlineData("", HttpFault.NoResponse)]
    [InlineData("SSH-2.0-OpenSSH\r\n\r\n", HttpFault.Malformed)]
    [InlineData("HTTP/1.1 2x0 OK\r\n\r\n", HttpFault.Malformed)]
    [InlineData("HTTP/1.1 200 OK\r\nno colon here\r\n\r\n", HttpFault.Malformed)]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello", HttpFault.Malformed)]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nhello", HttpFault.Malformed)]
    [InlineData("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nhello", HttpFault.Malformed)]
    [InlineData("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello", HttpFault.Malformed)]
    [InlineData("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello", HttpFault.Malformed)]
    [InlineData("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n", HttpFault.Malformed)]
    public async Task A_broken_response_is_told_apart(string response, HttpFault expected)
    {
        await using var server = new FaultServer(async c =>
        {
            await c.ReadRequestAsync();
            await c.SendAsync(response);
        });
        using var upstream = Upstream(server.Port);
        var (error, _, _) = await ExchangeAsync(upstream);
        Assert.Equal(expected, error.Fault);
        Assert.Contains("127.0.0.1", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, upstream.OpenConnections);
    }

    [Fact]
    public async Task A_head_without_end_is_refused()
    {
        await using var server = new FaultServer(async c =>
        {
            await c.ReadRequestAsync();
            await c.SendAsync("HTTP/1.1 200 OK\r\n");
            while (true)
            {
                await c.SendAsync("x-filler: " + new string('x', 1000) + "\r\n");
            }
        });
        using var upstream = Upstream(server.Port);
        Assert.Equal(HttpFault.Malformed, (await ExchangeAsync(upstream)).Error.Fault);
    }

    [Fact]
    public async Task A_port_where_nobody_listens_is_a_failed_connection()
    {
        using var upstream = Upstream(FaultServer.RefusingPort());
        Assert.Equal(HttpFault.ConnectFailed, (await ExchangeAsync(upstream)).Error.Fault);
        Assert.Equal(0, upstream.OpenConnections);
    }

    [Theory]
    [InlineData("")]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello")]
    public async Task Silence_past_the_limit_is_a_timeout_before_and_inside_the_body(string response)
    {
        await using var server = new FaultServer(async c =>
        {
            await c.ReadRequestAsync();
            await c.SendAsync(response);
            await c.StallAsync();
        });
        using var upstream = Upstream(server.Port, new HttpUpstreamOptions { HeadTimeoutMs = 100, BodyIdleTimeoutMs = 100 });
        Assert.Equal(HttpFault.TimedOut, (await ExchangeAsync(upstream)).Error.Fault);
    }

    [Fact]
    public async Task Cancelling_closes_the_connection()
    {
        var closed = new TaskCompletionSource();
        await using var server = new FaultServer(async c =>
        {
            await c.ReadRequestAsync();
            try
            {
                await c.StallAsync();
            }
            finally
            {
                closed.SetResult();
            }
        });
        using var upstream = Upstream(server.Port);
        using var cancel = new CancellationTokenSource(50);
        var result = await upstream.SendAsync(Post, cancel.Token);
        Assert.Equal(HttpFault.Cancelled, result.Error.Fault);
        await closed.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task More_connections_than_allowed_are_refused()
    {
        await using var server = new FaultServer(async c =>
        {
            await c.ReadRequestAsync();
            await c.StallAsync();
        });
        using var upstream = Upstream(server.Port, new HttpUpstreamOptions { ConnectionsMax = 1 });
        using var cancel = new CancellationTokenSource();
        var first = upstream.SendAsync(Post, cancel.Token);
        Assert.Equal(HttpFault.Busy, (await upstream.SendAsync(Post, cancel.Token)).Error.Fault);
        await cancel.CancelAsync();
        Assert.Equal(HttpFault.Cancelled, (await first).Error.Fault);
    }

    private static HttpUpstream Upstream(int port, HttpUpstreamOptions? options = null) =>
        new(new NetworkTarget("127.0.0.1", port, Tls: false), TcpNetwork.Instance, TimeProvider.System, options);

    private static async Task<(HttpError Error, int Status, string Body)> ExchangeAsync(HttpUpstream upstream, HttpRequest? request = null)
    {
        var result = await upstream.SendAsync(request ?? Post, TestContext.Current.CancellationToken);
        if (result.Response is null)
        {
            return (result.Error, 0, "");
        }

        using var response = result.Response;
        var body = await response.ReadTextAsync();
        return (response.Error, response.Status, body);
    }
}
