using System.Globalization;
using System.IO.Pipelines;
using Jesus.Tests.Faults;
using Jesus.Transport.Http;

namespace Jesus.Transport.Tests.Http;

/// <summary>Which of the idle connections a call takes.</summary>
public sealed class NearConnectionTests
{
    private static readonly HttpRequest Post = new() { Method = "POST"u8.ToArray(), Path = "/v1/x"u8.ToArray(), Body = "{}"u8.ToArray() };

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_call_takes_the_connection_that_its_own_thread_serves(int near)
    {
        await using var server = Numbered();
        var network = new Marked();
        using var upstream = new HttpUpstream(new NetworkTarget("127.0.0.1", server.Port, Tls: false), network, TimeProvider.System);
        await OpenAsync(upstream, 3);
        network.Near = near;
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(near, await AskAsync(upstream));
        }

        Assert.Equal(3, server.Accepted);
    }

    [Fact]
    public async Task Without_one_it_takes_the_connection_used_last()
    {
        await using var server = Numbered();
        using var upstream = new HttpUpstream(new NetworkTarget("127.0.0.1", server.Port, Tls: false), new Marked(), TimeProvider.System);
        await OpenAsync(upstream, 3);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(2, await AskAsync(upstream));
        }

        Assert.Equal(3, server.Accepted);
    }

    /// <summary>Answers each request with the connection's own number.</summary>
    private static FaultServer Numbered()
    {
        var last = 0;
        return new FaultServer(async connection =>
        {
            var number = Interlocked.Increment(ref last) - 1;
            while (await connection.ReadRequestAsync())
            {
                await connection.RespondAsync("200 OK", number.ToString(CultureInfo.InvariantCulture));
            }
        });
    }

    /// <summary>As many calls at once, so that each has a connection of its own; they go idle in the order they were opened.</summary>
    private static async Task OpenAsync(HttpUpstream upstream, int count)
    {
        var responses = new List<HttpResponse>();
        for (var i = 0; i < count; i++)
        {
            responses.Add(await BeginAsync(upstream));
        }

        for (var i = 0; i < count; i++)
        {
            Assert.Equal(i, await EndAsync(responses[i]));
        }

        Assert.Equal(count, upstream.IdleConnections);
    }

    /// <returns>The number of the connection that took the call.</returns>
    private static async Task<int> AskAsync(HttpUpstream upstream) => await EndAsync(await BeginAsync(upstream));

    private static async Task<HttpResponse> BeginAsync(HttpUpstream upstream)
    {
        var (error, response) = await upstream.SendAsync(Post, TestContext.Current.CancellationToken);
        Assert.True(error.IsNone, error.Message);
        return response!;
    }

    private static async Task<int> EndAsync(HttpResponse response)
    {
        using (response)
        {
            return int.Parse(await response.ReadTextAsync(), CultureInfo.InvariantCulture);
        }
    }

    /// <summary>Connections whose nearness the test says.</summary>
    private sealed class Marked : INetwork
    {
        private int _opened;

        /// <summary>The number of the near one; none is when negative.</summary>
        public int Near { get; set; } = -1;

        public async ValueTask<INetworkConnection> ConnectAsync(NetworkTarget target, CancellationToken cancel) =>
            new Connection(this, _opened++, await TcpNetwork.Instance.ConnectAsync(target, cancel));

        private sealed class Connection(Marked network, int number, INetworkConnection inner) : INetworkConnection
        {
            public PipeReader Input => inner.Input;
            public PipeWriter Output => inner.Output;
            public bool LooksAlive => inner.LooksAlive;
            public bool IsNear => network.Near == number;

            public void Abort() => inner.Abort();
        }
    }
}
