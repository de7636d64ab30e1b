using System.Buffers;
using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Appliance.Gateway.OpenAi.Responses;

/// <summary>
/// A provider's own answer on its way to the caller, byte for byte: a whole body, or events. The last events wait until the response is kept, since they
/// acknowledge it. Reset with its exchange.
/// </summary>
internal sealed class WireResponse
{
    private readonly ArrayBufferWriter<byte> _body = new();
    private readonly ArrayBufferWriter<byte> _held = new();
    private readonly ArrayBufferWriter<byte> _response = new();

    /// <summary>The caller gets the provider's own bytes.</summary>
    public bool IsUsed { get; private set; }

    /// <summary>Events written so far: the next one's sequence number.</summary>
    public long Events { get; private set; }

    /// <summary>The body of an answer that does not stream.</summary>
    public ReadOnlyMemory<byte> Body => _body.WrittenMemory;

    /// <summary>The response object: the body, or what the last event carries; empty when there is none.</summary>
    public ReadOnlyMemory<byte> Response => _body.WrittenCount > 0 ? _body.WrittenMemory : _response.WrittenMemory;

    public void Add(in ModelEvent item, ResponseEvents events)
    {
        IsUsed = true;
        if (!events.IsWanted)
        {
            _body.Write(item.Utf8.Span);
            return;
        }

        Events++;
        var type = TypeOf(item.Utf8.Span);
        if (item.Wire != WirePart.Terminal)
        {
            events.Forward(type, item.Utf8.Span);
            return;
        }

        ResponseEvents.WriteEvent(_held, type, item.Utf8.Span);
        if (StoredItems.Property(item.Utf8, "response"u8) is { IsEmpty: false } response)
        {
            _response.ResetWrittenCount();
            _response.Write(response.Span);
        }
    }

    /// <summary>Lets the last events go.</summary>
    public void Release(IEventTarget target)
    {
        target.Begin().Write(_held.WrittenSpan);
        target.End();
        _held.ResetWrittenCount();
    }

    public void Reset()
    {
        IsUsed = false;
        Events = 0;
        _body.ResetWrittenCount();
        _held.ResetWrittenCount();
        _response.ResetWrittenCount();
    }

    /// <summary>The event's name: the top-level <c>type</c> of its data, which carries no escapes.</summary>
    private static ReadOnlySpan<byte> TypeOf(ReadOnlySpan<byte> data)
    {
        var reader = new Utf8JsonReader(data, new JsonReaderOptions { MaxDepth = 128 });
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isType = reader.ValueTextEquals("type"u8);
            reader.Read();
            if (isType)
            {
                return data.Slice((int)reader.TokenStartIndex + 1, reader.ValueSpan.Length);
            }

            reader.Skip();
        }

        return default;
    }
}
