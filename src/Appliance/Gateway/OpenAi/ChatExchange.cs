using System.Buffers;
using System.Text.Json;
using Jesus.Appliance.Pipeline;
using Jesus.Transport.Pooling;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>Everything that one chat completion needs, rented for the exchange and reset when it is given back.</summary>
internal sealed class ChatExchange
{
    public ChatExchange()
    {
        Json = new Utf8JsonWriter(Answer, JsonReply.Options);
        Stream = new ChatStream(Json);
        Collector = new ChatCollector(Json);
    }

    public ModelCall Call { get; } = new();
    public ChatCollector Collector { get; }
    public ChatStream Stream { get; }

    /// <summary>Where a whole answer is written before it is sent.</summary>
    public ArrayBufferWriter<byte> Answer { get; } = new(2048);

    /// <summary>Shared by the stream, the collector and the whole answer, which follow each other.</summary>
    public Utf8JsonWriter Json { get; }

    /// <summary>The writer, at the beginning of <see cref="Answer"/>.</summary>
    public Utf8JsonWriter BeginAnswer()
    {
        Json.Reset(Answer);
        return Json;
    }

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
internal sealed class ChatExchangePool
{
    /// <summary>Each keeps about 40 KB of buffers; 64 serve the concurrency at which bars are measured within 3 MB.</summary>
    private const int KeepMax = 64;

    /// <summary>A large answer's buffer is not kept.</summary>
    private const int KeepBytes = 256 * 1024;

    private readonly RestingObjects<ChatExchange> _rest = new(KeepMax);

    public ChatExchange Rent() => _rest.Take() ?? new ChatExchange();

    public void Return(ChatExchange exchange)
    {
        exchange.Reset();
        if (exchange.Answer.Capacity <= KeepBytes)
        {
            _rest.TryRest(exchange);
        }
    }
}
