using System.Buffers;
using System.Text.Json;

namespace Jesus.Appliance.Gateway.OpenAi.Responses;

/// <summary>
/// Writes the named events of one response (OpenAI API reference, "Streaming events"), each with the next <c>sequence_number</c>. Nothing happens without a
/// target: the answer is then only collected.
/// </summary>
internal sealed class ResponseEvents(Utf8JsonWriter json)
{
    private ResponseWishes _wishes = null!;
    private IEventTarget? _target;
    private IBufferWriter<byte> _to = null!;
    private long _sequence;

    public bool IsWanted => _target is not null;

    public void Open(ResponseWishes wishes, IEventTarget? target) => (_wishes, _target, _sequence) = (wishes, target, 0);

    public void Reset() => (_target, _sequence) = (null, 0);

    public ValueTask FlushAsync() => _target is null ? ValueTask.CompletedTask : _target.FlushAsync();

    /// <summary><c>response.created</c>, <c>response.queued</c> and <c>response.in_progress</c>.</summary>
    public void Lifecycle(ReadOnlySpan<byte> type, in ResponseState state, OutputItems items)
    {
        if (Start(type))
        {
            json.WritePropertyName("response"u8);
            ResponseJson.Write(json, state, _wishes, items);
            End();
        }
    }

    /// <summary>The last event, with the whole response.</summary>
    public void Terminal(ResponseStatus status, ReadOnlySpan<byte> response)
    {
        var type = status switch
        {
            ResponseStatus.Completed => "response.completed"u8,
            ResponseStatus.Incomplete => "response.incomplete"u8,
            _ => "response.failed"u8,
        };
        if (Start(type))
        {
            json.WritePropertyName("response"u8);
            json.WriteRawValue(response, skipInputValidation: true);
            End();
        }
    }

    public void ItemAdded(int index, OutputItem item) => Item("response.output_item.added"u8, index, item);

    public void PartAdded(int index, OutputItem item) =>
        Part(item.Kind == OutputKind.Reasoning && _wishes.ReasoningSummary ? "response.reasoning_summary_part.added"u8 : "response.content_part.added"u8, index, item);

    /// <summary>The next piece of an item's text or arguments.</summary>
    /// <param name="logProbs">Entries of the piece; empty when none.</param>
    public void Delta(int index, OutputItem item, ReadOnlySpan<byte> piece, ReadOnlySpan<byte> logProbs)
    {
        var type = item.Kind switch
        {
            OutputKind.Text => "response.output_text.delta"u8,
            OutputKind.Refusal => "response.refusal.delta"u8,
            OutputKind.Call => "response.function_call_arguments.delta"u8,
            _ => _wishes.ReasoningSummary ? "response.reasoning_summary_text.delta"u8 : "response.reasoning_text.delta"u8,
        };
        if (Start(type))
        {
            Place(index, item);
            json.WriteString("delta"u8, piece);
            LogProbs(item, logProbs);
            End();
        }
    }

    /// <summary>The end of an item: its text, its part and the item itself are done.</summary>
    public void Done(int index, OutputItem item)
    {
        if (item.Kind == OutputKind.Call)
        {
            CallDone(index, item);
        }
        else if (item.HasPart)
        {
            TextDone(index, item);
            Part(item.Kind == OutputKind.Reasoning && _wishes.ReasoningSummary ? "response.reasoning_summary_part.done"u8 : "response.content_part.done"u8, index, item);
        }

        Item("response.output_item.done"u8, index, item);
    }

    /// <summary>The stream's end where there is no response to tell of.</summary>
    public void Error(in ApiFailure failure, long sequence)
    {
        _sequence = sequence;
        if (Start("error"u8))
        {
            json.WriteString("code"u8, failure.Code);
            json.WriteString("message"u8, failure.Message);
            json.WriteString("param"u8, failure.Param);
            End();
        }
    }

    /// <summary>A provider's own event, byte for byte.</summary>
    public void Forward(ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        if (_target is not null)
        {
            _to = _target.Begin();
            WriteEvent(_to, type, data);
            _target.End();
        }
    }

    /// <summary>The framing of an event whose data is at hand.</summary>
    public static void WriteEvent(IBufferWriter<byte> to, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        if (!type.IsEmpty)
        {
            Put(to, "event: "u8);
            Put(to, type);
            Put(to, "\n"u8);
        }

        Put(to, "data: "u8);
        Put(to, data);
        Put(to, "\n\n"u8);
    }

    private void CallDone(int index, OutputItem item)
    {
        if (Start("response.function_call_arguments.done"u8))
        {
            Place(index, item);
            json.WriteString("name"u8, item.Name.WrittenSpan);
            json.WriteString("arguments"u8, item.Content.WrittenSpan);
            End();
        }
    }

    private void TextDone(int index, OutputItem item)
    {
        var type = item.Kind switch
        {
            OutputKind.Text => "response.output_text.done"u8,
            OutputKind.Refusal => "response.refusal.done"u8,
            _ => _wishes.ReasoningSummary ? "response.reasoning_summary_text.done"u8 : "response.reasoning_text.done"u8,
        };
        if (Start(type))
        {
            Place(index, item);
            json.WriteString(item.Kind == OutputKind.Refusal ? "refusal"u8 : "text"u8, item.Content.WrittenSpan);
            LogProbs(item, item.LogProbs.WrittenSpan);
            End();
        }
    }

    private void Item(ReadOnlySpan<byte> type, int index, OutputItem item)
    {
        if (Start(type))
        {
            json.WriteNumber("output_index"u8, index);
            json.WritePropertyName("item"u8);
            ResponseJson.WriteItem(json, item, _wishes, ResponseStatus.InProgress);
            End();
        }
    }

    private void Part(ReadOnlySpan<byte> type, int index, OutputItem item)
    {
        if (Start(type))
        {
            Place(index, item);
            json.WritePropertyName("part"u8);
            ResponseJson.WritePart(json, item, _wishes);
            End();
        }
    }

    private void Place(int index, OutputItem item)
    {
        json.WriteString("item_id"u8, item.Id);
        json.WriteNumber("output_index"u8, index);
        if (item.Kind != OutputKind.Call)
        {
            json.WriteNumber(item.Kind == OutputKind.Reasoning && _wishes.ReasoningSummary ? "summary_index"u8 : "content_index"u8, 0);
        }
    }

    private void LogProbs(OutputItem item, ReadOnlySpan<byte> entries)
    {
        if (item.Kind == OutputKind.Text)
        {
            json.WritePropertyName("logprobs"u8);
            ResponseLogProbs.WriteArray(json, entries);
        }
    }

    private bool Start(ReadOnlySpan<byte> type)
    {
        if (_target is null)
        {
            return false;
        }

        _to = _target.Begin();
        Put(_to, "event: "u8);
        Put(_to, type);
        Put(_to, "\ndata: "u8);
        json.Reset(_to);
        json.WriteStartObject();
        json.WriteString("type"u8, type);
        json.WriteNumber("sequence_number"u8, _sequence++);
        return true;
    }

    private void End()
    {
        json.WriteEndObject();
        json.Flush();
        Put(_to, "\n\n"u8);
        _target!.End();
    }

    /// <summary>With the size asked for: before the answer has started, Kestrel's writer gives an empty span to a caller that names none.</summary>
    private static void Put(IBufferWriter<byte> to, ReadOnlySpan<byte> text)
    {
        text.CopyTo(to.GetSpan(text.Length));
        to.Advance(text.Length);
    }
}
