using Jesus.Tests.Faults;
using Jesus.Transport.Http;

namespace Jesus.Transport.Tests.Http;

[Collection(Alone.Name)]
public sealed class HttpAllocationTests
{
    private static readonly HttpRequest Post = new() { Method = "POST"u8.ToArray(), Path = "/v1/x"u8.ToArray(), Body = new byte[2048] };

    [Fact]
    public async Task A_request_in_steady_state_allocates_next_to_nothing()
    {
        Alone.SkipUnlessOptimised(typeof(HttpUpstream));
        await using var server = new FaultServer(LoopAsync);
        using var upstream = new HttpUpstream(new NetworkTarget("127.0.0.1", server.Port, Tls: false), TcpNetwork.Instance, TimeProvider.System);
        using var cancel = new CancellationTokenSource();
        await RepeatAsync(upstream, 500, cancel.Token);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        await RepeatAsync(upstream, 2_000, cancel.Token);
        var perRequest = (GC.GetTotalAllocatedBytes(precise: true) - before) / 2_000.0;
        TestContext.Current.TestOutputHelper?.WriteLine($"{perRequest:F1} B a request, the test's own server included");
        Assert.InRange(perRequest, 0, 64);
    }

    private static async Task LoopAsync(FaultConnection connection)
    {
        var answer = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"u8.ToArray();
        while (await connection.ReceiveOnceAsync())
        {
            await connection.SendOnceAsync(answer);
        }
    }

    private static async Task RepeatAsync(HttpUpstream upstream, int times, CancellationToken cancel)
    {
        for (var i = 0; i < times; i++)
        {
            var result = await upstream.SendAsync(Post, cancel);
            while (!(await result.Response!.ReadAsync()).IsEmpty)
            {
            }

            result.Response.Dispose();
        }
    }
}
