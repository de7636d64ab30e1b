using System.Globalization;
using System.Text;
using Jesus.Inference.Adapters.Anthropic;
using Jesus.Inference.Contract;
using Jesus.Tests.Faults;
using Jesus.Transport.Http;

namespace Jesus.Inference.Tests.Adapters.Anthropic;

[Collection(Alone.Name)]
public sealed class AnthropicAllocationTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_streamed_call_allocates_next_to_nothing(bool forwarded)
    {
        Alone.SkipUnlessOptimised(typeof(AnthropicAdapter));
        var answer = Answer();
        await using var server = new FaultServer(async connection =>
        {
            while (await connection.ReceiveOnceAsync())
            {
                await connection.SendOnceAsync(answer);
            }
        });
        using var adapter = new AnthropicAdapter(
            new AnthropicOptions { Provider = "a", Url = new Uri($"http://127.0.0.1:{server.Port}"), Key = "k" }, TcpNetwork.Instance, TimeProvider.System);
        var request = Request(forwarded);
        var sink = new NoSink();
        using var cancel = new CancellationTokenSource();
        await RepeatAsync(adapter, request, sink, 500, cancel.Token);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        await RepeatAsync(adapter, request, sink, 2_000, cancel.Token);
        var perCall = (GC.GetTotalAllocatedBytes(precise: true) - before) / 2_000.0;
        TestContext.Current.TestOutputHelper?.WriteLine($"{perCall:F1} B a call of 36 events, the test's own server included");
        Assert.InRange(perCall, 0, 128);
    }

    private static async Task RepeatAsync(AnthropicAdapter adapter, ModelRequest request, IAnswerSink sink, int times, CancellationToken cancel)
    {
        for (var i = 0; i < times; i++)
        {
            var result = await adapter.CallAsync(request, sink, cancel);
            Assert.True(result.Succeeded, result.Error.Message);
        }
    }

    private static ModelRequest Request(bool forwarded)
    {
        var request = new ModelRequest { Streams = true, MaxOutputTokens = 100 };
        request.Model = request.Text.Copy("m");
        request.Turns.Add(TurnRole.User, request.Text.Copy("hello there"));
        if (forwarded)
        {
            request.Body = "{\"model\":\"r\",\"max_tokens\":100,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hello there\"}]}"u8.ToArray();
            request.BodyShape = ApiShape.AnthropicMessages;
        }

        return request;
    }

    private static byte[] Answer()
    {
        var api = UpstreamApi.Anthropic;
        var text = new StringBuilder(api.Opening(StatedUsage.Usual));
        for (var i = 0; i < 30; i++)
        {
            text.Append(api.Text("token "));
        }

        text.Append(api.Closing(StatedUsage.Usual)).Append(api.End);
        var length = Encoding.UTF8.GetByteCount(text.ToString()).ToString(CultureInfo.InvariantCulture);
        return Encoding.UTF8.GetBytes($"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {length}\r\n\r\n{text}");
    }

    private sealed class NoSink : IAnswerSink
    {
        public ValueTask WriteAsync(ModelEvent item) => ValueTask.CompletedTask;
    }
}
