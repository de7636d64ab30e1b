using System.Buffers;
using System.Text.Json;
using Jesus.Appliance.Pipeline;
using Jesus.Transport.Pooling;

namespace Jesus.Appliance.Gateway.Anthropic;

/// <summary>Everything that one message needs, rented for the exchange and reset when it is given back.</summary>
internal sealed class MessageExchange
{
    public MessageExchange()
    {
        Json = new Utf8JsonWriter(Answer, JsonReply.Options);
        Stream = new MessageStream(Json);
    }

    public ModelCall Call { get; } = new();
    public MessageCollector Collector { get; } = new();
    public MessageStream Stream { get; }

    /// <summary>Where a whole answer is written before it is sent.</summary>
    public ArrayBufferWriter<byte> Answer { get; } = new(2048);

    /// <summary>Shared by the stream and the whole answer: an exchange uses one of them.</summary>
    public Utf8JsonWriter Json { get; }

    public void Reset()
    {
        Call.Reset();
        Collector.Reset();
        Stream.Reset();
        Answer.ResetWrittenCount();
        Json.Reset(Answer);
    }
}

/// <summary>Exchanges at rest. Thread-safe.</summary>
internal sealed class MessageExchangePool
{
    /// <summary>Each keeps about 40 KB of buffers; 64 serve the concurrency at which bars are measured within 3 MB.</summary>
    private const int KeepMax = 64;

    /// <summary>A large answer's buffer is not kept.</summary>
    private const int KeepBytes = 256 * 1024;

    private readonly RestingObjects<MessageExchange> _rest = new(KeepMax);

    public MessageExchange Rent() => _rest.Take() ?? new MessageExchange();

    public void Return(MessageExchange exchange)
    {
        var large = exchange.Answer.Capacity > KeepBytes || exchange.Collector.Wire.Length > KeepBytes;
        exchange.Reset();
        if (!large)
        {
            _rest.TryRest(exchange);
        }
    }
}
