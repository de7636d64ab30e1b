using System.Buffers;
using System.Text.Json;
using Jesus.Appliance.Pipeline;
using Jesus.Inference.Contract;
using Microsoft.AspNetCore.Http;

namespace Jesus.Appliance.Gateway.Anthropic;

/// <summary>
/// Turns an answer into the events of a message while it arrives. The status goes out with the first piece of answer, so a call that failed before it gets a
/// plain error; one that fails later ends with an <c>error</c> event and without <c>message_stop</c>. Where the provider's own bytes come, they are the
/// answer. Owned by a <see cref="MessageExchange"/>, which resets it.
/// </summary>
internal sealed class MessageStream : IAnswerSink
{
    private readonly MessageEvents _events;
    private readonly HeldCalls _held = new();
    private readonly ArrayBufferWriter<byte> _sequence = new();
    private HttpResponse? _response;
    private CancellationToken _cancel;
    private ModelCall? _call;
    private TimeProvider _time = TimeProvider.System;
    private string _id = "";
    private string _model = "";
    private FinishReason _reason;
    private EventKind _block;
    private int _tool;
    private CallProgress _progress;
    private bool _wire;

    /// <summary>The prompt's tokens, and those that a cache had or takes, where whoever answers counts them exactly; else 0.</summary>
    private Usage _prompt;

    public MessageStream(Utf8JsonWriter json) => _events = new MessageEvents(json);

    /// <summary>Something of the answer is on the wire: the status can no longer change.</summary>
    public bool Begun { get; private set; }

    public void Begin(GatewayRequest request, ModelCall call, string id, string model, TimeProvider time)
    {
        (_response, _cancel) = (request.Http.Response, request.Aborted);
        (_call, _id, _model, _time) = (call, id, model, time);
        _events.Begin(_response);
    }

    public ValueTask WriteAsync(ModelEvent item)
    {
        if (item.Kind == EventKind.Wire)
        {
            return item.Shape == ApiShape.AnthropicMessages ? WireAsync(item) : ValueTask.CompletedTask;
        }

        if (item.InWire || item.Choice != 0)
        {
            return ValueTask.CompletedTask;
        }

        return Write(item) ? _events.FlushAsync(_cancel) : ValueTask.CompletedTask;
    }

    /// <summary>The end of an answer that succeeded.</summary>
    public ValueTask Finish(in Outcome outcome)
    {
        if (!_wire)
        {
            Start();
            while (!_held.IsEmpty)
            {
                OpenHeld();
            }

            _events.CloseBlock();
            _events.MessageEnd(_reason == FinishReason.None ? outcome.Reason : _reason, _sequence.WrittenSpan, outcome.Usage);
        }

        return _events.FlushAsync(_cancel);
    }

    /// <summary>The end of an answer that broke after it had begun.</summary>
    public ValueTask Fail(in ApiFailure failure, string requestId)
    {
        _events.Error(failure, requestId);
        return _events.FlushAsync(_cancel);
    }

    public void Reset()
    {
        (_response, _cancel, _call) = (null, default, null);
        (_reason, _block, _tool, _progress) = (FinishReason.None, EventKind.Started, 0, default);
        (_wire, Begun, _prompt) = (false, false, default);
        _sequence.ResetWrittenCount();
        _held.Reset();
        _events.Reset();
    }

    private ValueTask WireAsync(in ModelEvent item)
    {
        _wire = true;
        SendHead();
        _events.Verbatim(item.Utf8.Span);
        return _events.FlushAsync(_cancel);
    }

    /// <returns>False when there is nothing to send.</returns>
    private bool Write(in ModelEvent item)
    {
        switch (item.Kind)
        {
            case EventKind.Text or EventKind.Refusal when !item.Utf8.IsEmpty:
                Text(EventKind.Text, item.Utf8.Span);
                return true;
            case EventKind.Reasoning when !item.Utf8.IsEmpty:
                Text(EventKind.Reasoning, item.Utf8.Span);
                return true;
            case EventKind.ReasoningSignature:
                Sign(item.Utf8.Span);
                return true;
            case EventKind.RedactedReasoning:
                Start();
                _events.RedactedThinking(item.Utf8.Span);
                _block = EventKind.Started;
                return true;
            case EventKind.ToolCallStart when Wanted(item.Index):
                return StartCall(item);
            case EventKind.ToolCallArguments when Wanted(item.Index) && !item.Utf8.IsEmpty:
                return Arguments(item.Index, item.Utf8.Span);
            case EventKind.Finished:
                NoteEnd(item);
                return false;
            case EventKind.Started:
                _prompt = item.ToPrompt();
                return false;
            default:
                return false;
        }
    }

    private void Text(EventKind kind, ReadOnlySpan<byte> piece)
    {
        OpenText(kind);
        if (kind == EventKind.Text)
        {
            _events.Delta("text_delta"u8, "text"u8, piece);
        }
        else
        {
            _events.Delta("thinking_delta"u8, "thinking"u8, piece);
        }
    }

    private void OpenText(EventKind kind)
    {
        Start();
        if (_events.Open >= 0 && _block == kind)
        {
            return;
        }

        _block = kind;
        if (kind == EventKind.Text)
        {
            _events.OpenText("text"u8, "text"u8);
        }
        else
        {
            _events.OpenText("thinking"u8, "thinking"u8);
        }
    }

    /// <summary>The proof is the last piece of its block.</summary>
    private void Sign(ReadOnlySpan<byte> signature)
    {
        OpenText(EventKind.Reasoning);
        _events.Delta("signature_delta"u8, "signature"u8, signature);
        _events.CloseBlock();
    }

    /// <summary>A call that begins while another's arguments are still coming waits for its turn.</summary>
    private bool StartCall(in ModelEvent item)
    {
        if (!_held.IsEmpty || (_events.Open >= 0 && _block == EventKind.ToolCallStart && !_progress.IsWhole))
        {
            _held.Add(item.Index, item.ToolCallId.Span, item.Utf8.Span);
            return false;
        }

        OpenCall(item.Index, item.ToolCallId.Span, item.Utf8.Span);
        return true;
    }

    private void OpenCall(int index, ReadOnlySpan<byte> id, ReadOnlySpan<byte> name)
    {
        Start();
        (_block, _tool, _progress) = (EventKind.ToolCallStart, index, default);
        _events.OpenToolUse(id, name);
    }

    private bool Arguments(int index, ReadOnlySpan<byte> piece)
    {
        if (_events.Open < 0 || _block != EventKind.ToolCallStart || _tool != index)
        {
            return !_held.TryAppend(index, piece) && piece.ContainsAnyExcept(" \t\r\n"u8)
                ? throw new InvalidDataException("Arguments came for a tool call that had ended.")
                : false;
        }

        Piece(piece);
        while (_progress.IsWhole && !_held.IsEmpty)
        {
            OpenHeld();
        }

        return true;
    }

    private void OpenHeld()
    {
        var call = _held.First;
        OpenCall(call.Index, call.Id.WrittenSpan, call.Name.WrittenSpan);
        if (call.Arguments.WrittenCount > 0)
        {
            Piece(call.Arguments.WrittenSpan);
        }

        _held.RemoveFirst();
    }

    private void Piece(ReadOnlySpan<byte> piece)
    {
        _progress.Take(piece);
        _events.Delta("input_json_delta"u8, "partial_json"u8, piece);
    }

    private void NoteEnd(in ModelEvent item)
    {
        if (MessageJson.NameOf(item.Reason).IsEmpty)
        {
            return;
        }

        _reason = item.Reason;
        _sequence.ResetWrittenCount();
        _sequence.Write(item.Utf8.Span);
    }

    /// <summary>False for what <c>disable_parallel_tool_use</c> leaves out: all but the first call.</summary>
    private bool Wanted(int index) => index == 0 || _call!.Request.ParallelToolCalls != false;

    private void Start()
    {
        if (!Begun)
        {
            SendHead();
            _events.MessageStart(_id, _model, _prompt);
        }
    }

    private void SendHead()
    {
        if (Begun)
        {
            return;
        }

        Begun = true;
        _response!.StatusCode = 200;
        _response.ContentType = "text/event-stream; charset=utf-8";
        _response.Headers.CacheControl = "no-cache";
        AnthropicHeaders.SayLimits(_response.Headers, _call!.RateLimits, _time);
        RouteHeaders.Write(_response, _call);
    }
}
