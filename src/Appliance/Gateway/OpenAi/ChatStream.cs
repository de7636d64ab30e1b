using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Jesus.Appliance.Pipeline;
using Jesus.Inference.Contract;
using Jesus.Transport.Pooling;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>
/// Writes an answer as server-sent chunks while it arrives (OpenAI API reference, "Streaming"). The status goes out with the first piece of
/// answer, so a call that failed before it gets a plain error; one that fails later ends with an error event, without a finish reason and without
/// <c>[DONE]</c>. Owned by a <see cref="ChatExchange"/>, which resets it.
/// </summary>
internal sealed class ChatStream(Utf8JsonWriter json) : IAnswerSink
{
    private readonly List<(bool Begun, bool Finished, bool Refused)> _choices = [];
    private GatewayRequest _request;
    private bool _wire;
    private ModelCall? _call;
    private CancellationToken _cancel;
    private string? _id;
    private long _created;
    private ChatWishes _wishes;

    /// <summary>Something of the answer is on the wire: the status can no longer change.</summary>
    public bool Begun { get; private set; }

    public void Begin(in GatewayRequest request, ModelCall call, long createdUnixSeconds, in ChatWishes wishes)
    {
        (_request, _call, _created, _wishes, _cancel) = (request, call, createdUnixSeconds, wishes, request.Aborted);
    }

    public ValueTask WriteAsync(ModelEvent item)
    {
        if (item.Kind == EventKind.Wire)
        {
            return item.Shape == ApiShape.OpenAiChat ? WriteWire(item.Utf8.Span) : ValueTask.CompletedTask;
        }

        if ((item.InWire && _wire) || !Shows(item))
        {
            return ValueTask.CompletedTask;
        }

        Role(item.Choice);
        Chunk(item);
        return Flush();
    }

    /// <summary>Events that a chunk can say and that the caller wants.</summary>
    private bool Shows(in ModelEvent item) => item.Kind switch
    {
        EventKind.Text or EventKind.Reasoning or EventKind.Refusal => !item.Utf8.IsEmpty || ChatJson.HasLogProbs(item),
        EventKind.ToolCallStart or EventKind.ToolCallArguments => item.Index == 0 || _wishes.ParallelToolCalls,
        EventKind.Finished => ChatJson.NameOf(item.Reason) is not null,
        _ => false,
    };

    /// <summary>The provider's own event, as it came: nothing is added but the framing (HTML standard, "Server-sent events": a line of data each).</summary>
    private ValueTask WriteWire(ReadOnlySpan<byte> data)
    {
        SendHead();
        _wire = true;
        foreach (var line in data.Split((byte)'\n'))
        {
            Put("data: "u8);
            Put(data[line]);
            Put("\n"u8);
        }

        Put("\n"u8);
        return Flush();
    }

    /// <summary>The end of an answer that succeeded: what is still missing, the usage if it was asked for, and <c>[DONE]</c>.</summary>
    public ValueTask Finish(in Outcome outcome)
    {
        if (_wire)
        {
            Put("data: [DONE]\n\n"u8);
            return Flush();
        }

        var choices = Math.Max(1, _choices.Count);
        for (var choice = 0; choice < choices; choice++)
        {
            Role(choice);
            if (!_choices[choice].Finished)
            {
                Chunk(new ModelEvent { Kind = EventKind.Finished, Choice = choice, Reason = outcome.Reason });
            }
        }

        if (_wishes.IncludeUsage)
        {
            Start();
            json.WriteStartArray("choices"u8);
            json.WriteEndArray();
            ChatJson.WriteUsage(json, outcome.Usage);
            End();
        }

        Put("data: [DONE]\n\n"u8);
        return Flush();
    }

    /// <summary>The end of an answer that broke after it had begun.</summary>
    public ValueTask Fail(in ApiFailure failure)
    {
        Put("data: "u8);
        json.Reset(Writer);
        OpenAiErrors.Write(json, failure);
        json.Flush();
        Put("\n\n"u8);
        return Flush();
    }

    public void Reset()
    {
        _choices.Clear();
        _request = default;
        _call = null;
        _id = null;
        _wire = false;
        _cancel = default;
        Begun = false;
    }

    private PipeWriter Writer => _request.Http.Response.BodyWriter;

    private void Role(int choice)
    {
        SendHead();
        while (_choices.Count <= choice)
        {
            _choices.Add(default);
        }

        if (_choices[choice].Begun)
        {
            return;
        }

        _choices[choice] = (true, false, false);
        Start();
        StartChoice(choice);
        json.WriteString("role"u8, "assistant"u8);
        json.WriteString("content"u8, ""u8);
        json.WriteNull("refusal"u8);
        json.WriteEndObject();
        EndChoice(FinishReason.None);
    }

    private void SendHead()
    {
        if (Begun)
        {
            return;
        }

        Begun = true;
        AnswerHeaders.BeginEvents(_request, _call!);
    }

    private void Chunk(in ModelEvent item)
    {
        Start();
        StartChoice(item.Choice);
        WriteDelta(item);
        json.WriteEndObject();
        if (_wishes.LogProbs && item.Kind == EventKind.Text && ChatJson.HasLogProbs(item))
        {
            json.WriteStartObject("logprobs"u8);
            json.WriteStartArray("content"u8);
            ChatJson.WriteLogProbs(json, item);
            json.WriteEndArray();
            json.WriteNull("refusal"u8);
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("logprobs"u8);
        }

        var choice = _choices[item.Choice];
        _choices[item.Choice] = choice with { Finished = item.Kind == EventKind.Finished, Refused = choice.Refused || item.Kind == EventKind.Refusal };
        EndChoice(item.Kind == EventKind.Finished ? item.Reason : FinishReason.None, choice.Refused);
    }

    private void WriteDelta(in ModelEvent item)
    {
        switch (item.Kind)
        {
            case EventKind.Text:
                json.WriteString("content"u8, item.Utf8.Span);
                break;
            case EventKind.Reasoning:
                json.WriteString("reasoning_content"u8, item.Utf8.Span);
                break;
            case EventKind.Refusal:
                json.WriteString("refusal"u8, item.Utf8.Span);
                break;
            case EventKind.ToolCallStart:
                StartCall(item.Index);
                json.WriteString("id"u8, item.ToolCallId.Span);
                json.WriteString("type"u8, "function"u8);
                EndCall(item.Utf8.Span, ""u8);
                break;
            case EventKind.ToolCallArguments:
                StartCall(item.Index);
                EndCall(default, item.Utf8.Span);
                break;
            default:
                break;
        }
    }

    private void StartCall(int index)
    {
        json.WriteStartArray("tool_calls"u8);
        json.WriteStartObject();
        json.WriteNumber("index"u8, index);
    }

    private void EndCall(ReadOnlySpan<byte> name, ReadOnlySpan<byte> arguments)
    {
        json.WriteStartObject("function"u8);
        if (!name.IsEmpty)
        {
            json.WriteString("name"u8, name);
        }

        json.WriteString("arguments"u8, arguments);
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndArray();
    }

    private void Start()
    {
        Put("data: "u8);
        json.Reset(Writer);
        ChatJson.WriteHead(json, "chat.completion.chunk"u8, _id ??= ChatEndpoint.IdOf(_request), _created, _wishes.Model);
    }

    private void StartChoice(int index)
    {
        json.WriteStartArray("choices"u8);
        json.WriteStartObject();
        json.WriteNumber("index"u8, index);
        json.WriteStartObject("delta"u8);
    }

    private void EndChoice(FinishReason reason, bool refused = false)
    {
        ChatJson.WriteReason(json, reason, refused);
        json.WriteEndObject();
        json.WriteEndArray();
        if (_wishes.IncludeUsage)
        {
            json.WriteNull("usage"u8);
        }

        End();
    }

    private void End()
    {
        json.WriteEndObject();
        json.Flush();
        Put("\n\n"u8);
    }

    /// <summary>With the size asked for: before the answer has started, Kestrel's writer gives an empty span to a caller that names none.</summary>
    private void Put(ReadOnlySpan<byte> text)
    {
        text.CopyTo(Writer.GetSpan(text.Length));
        Writer.Advance(text.Length);
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskBuilder))]
    private async ValueTask Flush() => _ = await Writer.FlushAsync(_cancel);
}
