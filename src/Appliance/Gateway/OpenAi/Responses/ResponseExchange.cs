using System.Buffers;
using System.Text.Json;
using Jesus.Appliance.Pipeline;
using Jesus.Transport.Pooling;

namespace Jesus.Appliance.Gateway.OpenAi.Responses;

/// <summary>Everything that one response needs while it is made, rented for that time and reset when it is given back.</summary>
internal sealed class ResponseExchange
{
    public ResponseExchange() => Answer = new ResponseAnswer(new Utf8JsonWriter(Final, JsonReply.Options));

    public ModelCall Call { get; } = new();
    public ResponseWishes Wishes { get; } = new();
    public ResponseAnswer Answer { get; }
    public HttpEvents Http { get; } = new();

    /// <summary>The response object as it is kept and sent at the end.</summary>
    public ArrayBufferWriter<byte> Final { get; } = new(2048);

    /// <summary>Writes the response object as it stands; valid until the next time.</summary>
    public ReadOnlyMemory<byte> Write(in ResponseState state)
    {
        Final.ResetWrittenCount();
        using var json = new Utf8JsonWriter(Final, JsonReply.Options);
        ResponseJson.Write(json, state, Wishes, Answer.Items);
        json.Flush();
        return Final.WrittenMemory;
    }

    public void Reset()
    {
        Call.Reset();
        Wishes.Reset();
        Answer.Reset();
        Http.Reset();
        Final.ResetWrittenCount();
    }
}

/// <summary>Exchanges at rest. Thread-safe.</summary>
internal sealed class ResponseExchangePool
{
    /// <summary>Each keeps about 40 KB of buffers; 64 of them are 3 MB.</summary>
    private const int KeepMax = 64;

    /// <summary>A large answer's buffer is not kept.</summary>
    private const int KeepBytes = 256 * 1024;

    private readonly RestingObjects<ResponseExchange> _rest = new(KeepMax);

    public ResponseExchange Rent() => _rest.Take() ?? new ResponseExchange();

    public void Return(ResponseExchange exchange)
    {
        exchange.Reset();
        if (exchange.Final.Capacity <= KeepBytes)
        {
            _rest.TryRest(exchange);
        }
    }
}
