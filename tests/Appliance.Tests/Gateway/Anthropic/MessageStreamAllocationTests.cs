using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using Jesus.Appliance.Gateway;
using Jesus.Appliance.Gateway.Anthropic;
using Jesus.Appliance.Pipeline;
using Jesus.Appliance.Security;
using Jesus.Inference.Contract;
using Jesus.Tests.Memory;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Jesus.Appliance.Tests.Gateway.Anthropic;

public sealed class MessageStreamAllocationTests
{
    private const int Tokens = 10_000;

    [Theory]
    [InlineData(EventKind.Text)]
    [InlineData(EventKind.Reasoning)]
    [InlineData(EventKind.ToolCallArguments)]
    [InlineData(EventKind.Wire)]
    public void A_token_is_written_without_allocating(EventKind kind)
    {
        var http = new DefaultHttpContext();
        http.Features.Set<IHttpResponseBodyFeature>(new Body());
        var stream = new MessageStream(new Utf8JsonWriter(new ArrayBufferWriter<byte>(), JsonReply.Options));
        stream.Begin(new GatewayRequest(http, Principal.System, "req_1"), new ModelCall(), "msg_1", "m", TimeProvider.System);
        if (kind == EventKind.ToolCallArguments)
        {
            Write(stream, new ModelEvent { Kind = EventKind.ToolCallStart, ToolCallId = "t"u8.ToArray(), Utf8 = "n"u8.ToArray() });
        }

        var item = kind == EventKind.Wire
            ? new ModelEvent { Kind = kind, Shape = ApiShape.AnthropicMessages, Utf8 = """{"type":"content_block_stop","index":0}"""u8.ToArray() }
            : new ModelEvent { Kind = kind, Utf8 = "tok\"en\n"u8.ToArray() };
        for (var i = 0; i < 100; i++)
        {
            Write(stream, item);
        }

        var allocated = Allocation.LeastOf(() =>
        {
            for (var i = 0; i < Tokens; i++)
            {
                Write(stream, item);
            }
        });

        Assert.Equal(0, allocated);
    }

    private static void Write(MessageStream stream, in ModelEvent item)
    {
        var write = stream.WriteAsync(item);
        Assert.True(write.IsCompletedSuccessfully);
        write.GetAwaiter().GetResult();
    }

    /// <summary>A response that takes everything at once and keeps nothing.</summary>
    private sealed class Body : PipeWriter, IHttpResponseBodyFeature
    {
        private readonly byte[] _buffer = new byte[64 * 1024];

        public Stream Stream => Stream.Null;
        public PipeWriter Writer => this;

        public override void Advance(int bytes)
        {
        }

        public override Memory<byte> GetMemory(int sizeHint = 0) => _buffer;

        public override Span<byte> GetSpan(int sizeHint = 0) => _buffer;

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => default;

        public override void Complete(Exception? exception = null)
        {
        }

        public override void CancelPendingFlush()
        {
        }

        public void DisableBuffering()
        {
        }

        public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) => Task.CompletedTask;

        public Task StartAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

        public Task CompleteAsync() => Task.CompletedTask;
    }
}
