using Jesus.Inference.Contract;

namespace Jesus.Inference.Engine.ToolCalls;

/// <summary>
/// Splits generated text into text, reasoning and tool calls in a model's form (<see cref="AnswerForm"/>), byte by byte as it arrives. Feed, then read
/// <see cref="Pieces"/>, then feed again (which drops the pieces read). White space around calls and reasoning is dropped. Nothing else is lost: what looks
/// like a call and is none comes out as text, or the answer is malformed and says why. Reused by <see cref="Begin"/>.
/// </summary>
public sealed partial class AnswerParser
{
    private enum Stage : byte
    {
        Text,
        Reasoning,

        /// <summary>A call in an object of its own (Hermes), and the closing marker behind it.</summary>
        Call,
        CallClose,

        /// <summary>Behind the marker of Mistral or Granite: an array, an object or a name.</summary>
        Calls,
        ArrayCall,
        ArrayNext,
        NamedHead,
        NamedCall,

        /// <summary>A call that no marker opens (Llama 3), and what is between two of them.</summary>
        BareCall,
        BareNext,

        Header,
        ChannelText,
        ChannelReasoning,
        ChannelCall,
        ChannelUnknown,
        Broken,
    }

    private readonly AnswerPieces _output = new();
    private readonly MarkerMatcher _markers = new();
    private readonly CallReader _call;
    private readonly List<byte> _word = [];
    private readonly List<byte> _space = [];
    private AnswerForm _form;
    private Stage _stage;
    private bool _parsesCalls;
    private bool _skipsSpace;
    private bool _hasText;

    public AnswerParser()
    {
        _call = new CallReader(_output);
        Begin(default, parsesCalls: true);
    }

    public IReadOnlyList<AnswerPiece> Pieces => _output.Items;

    /// <summary>Storage of the pieces; valid until the next call.</summary>
    public ReadOnlySpan<byte> Bytes => _output.Bytes;

    /// <summary>How many calls have started.</summary>
    public int CallCount => _output.CallCount;

    /// <summary>Why the answer is malformed; none so far.</summary>
    public ModelError Error { get; private set; }

    /// <summary>Starts an answer.</summary>
    /// <param name="form">How the model writes.</param>
    /// <param name="parsesCalls">The request has tools; without any, what looks like a call is text.</param>
    /// <param name="inReasoning">The prompt ends inside of the reasoning: its opening marker was the template's.</param>
    public void Begin(AnswerForm form, bool parsesCalls, bool inReasoning = false)
    {
        _output.Reset();
        _word.Clear();
        _space.Clear();
        (_form, _parsesCalls, _hasText, Error) = (form, parsesCalls, false, default);
        if (_form.Calls == ToolCallForm.Harmony)
        {
            BeginHarmony();
        }
        else if (inReasoning && _form.Reasoning != ReasoningForm.None)
        {
            OpenReasoning();
        }
        else
        {
            EnterText(afterMarker: false);
        }
    }

    /// <summary>Generated text: whole UTF-8 characters or not.</summary>
    public void Feed(ReadOnlySpan<byte> utf8)
    {
        _output.Clear();
        foreach (var value in utf8)
        {
            Take(value);
        }
    }

    /// <summary>What comes next is reasoning, or the mark that ends it.</summary>
    public bool IsReasoning => _stage is Stage.Reasoning or Stage.ChannelReasoning;

    /// <summary>A control token, by the text it is written as. Those that are no markers of the form are no part of an answer.</summary>
    public void FeedControl(ReadOnlySpan<byte> text)
    {
        _output.Clear();
        if (_form.Calls == ToolCallForm.Harmony)
        {
            TakeChannelMark(text);
        }
        else if (_stage == Stage.NamedHead)
        {
            _word.AddRange(text);
        }
        else if (text.SequenceEqual(_form.ReasoningOpen) && _stage == Stage.Text)
        {
            ReleaseHeld();
            OpenReasoning();
        }
        else if (text.SequenceEqual(_form.ReasoningClose) && _stage == Stage.Reasoning)
        {
            ReleaseHeld();
            CloseReasoning();
        }
        else if (_parsesCalls && !_form.CallOpen.IsEmpty)
        {
            TakeCallMark(text);
        }
    }

    /// <summary>The answer has ended: lets go of what was held back, and reports a call that was left open.</summary>
    public void Finish()
    {
        _output.Clear();
        switch (_stage)
        {
            case Stage.Text or Stage.Reasoning:
                ReleaseHeld();
                break;
            case Stage.ChannelText or Stage.ChannelReasoning or Stage.ChannelUnknown or Stage.BareNext or Stage.CallClose:
                break;
            case Stage.Header:
                FinishHeader();
                break;
            case Stage.ChannelCall when _call.HasArguments:
                break;
            case Stage.ArrayNext when CallCount > 0:
                break;
            case Stage.BareCall when !_call.HasStarted:
                EmitRaw();
                break;
            default:
                Break("the answer ends inside it");
                break;
        }
    }

    internal static bool IsSpace(byte value) => value is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t';

    private void Take(byte value)
    {
        switch (_stage)
        {
            case Stage.Text:
                TakeText(value);
                break;
            case Stage.Reasoning:
                TakeReasoning(value);
                break;
            case Stage.Broken:
                break;
            case >= Stage.Header:
                TakeInChannel(value);
                break;
            default:
                TakeInCall(value);
                break;
        }
    }

    /// <summary>Markers in plain text are held back until they are whole or turn out to be text.</summary>
    private void TakeText(byte value)
    {
        if (_parsesCalls && _form.Calls == ToolCallForm.Llama3 && value == '{' && !_hasText && _markers.Held.IsEmpty)
        {
            BeginBareCall(value);
            return;
        }

        _markers.Take(value);
        while (_markers.TryRelease(out var free))
        {
            EmitText(free);
        }

        switch (_markers.Complete())
        {
            case 0 when !_form.CallOpen.IsEmpty && _parsesCalls:
                OpenCall();
                break;
            case >= 0:
                OpenReasoning();
                break;
            default:
                break;
        }
    }

    private void TakeReasoning(byte value)
    {
        _markers.Take(value);
        while (_markers.TryRelease(out var free))
        {
            EmitReasoning(free);
        }

        if (_markers.Complete() >= 0)
        {
            CloseReasoning();
        }
    }

    /// <summary>Reasoning spelled in plain text opens an answer or none: later, the tag is something that the answer speaks of.</summary>
    private void EnterText(bool afterMarker)
    {
        (_stage, _skipsSpace) = (Stage.Text, afterMarker);
        WatchText();
    }

    private void WatchText()
    {
        _markers.Begin();
        _markers.Add(_parsesCalls ? _form.CallOpen : default);
        _markers.Add(_hasText ? default : _form.ReasoningOpen);
    }

    private void OpenReasoning()
    {
        (_stage, _skipsSpace) = (Stage.Reasoning, true);
        _space.Clear();
        _markers.Begin();
        _markers.Add(_form.ReasoningClose);
    }

    private void CloseReasoning()
    {
        _space.Clear();
        EnterText(afterMarker: true);
    }

    private void ReleaseHeld()
    {
        while (_markers.TryFlush(out var value))
        {
            if (_stage == Stage.Reasoning)
            {
                EmitReasoning(value);
            }
            else
            {
                EmitText(value);
            }
        }
    }

    private void EmitText(byte value)
    {
        if (_skipsSpace && IsSpace(value))
        {
            return;
        }

        _skipsSpace = false;
        if (!_hasText && !IsSpace(value))
        {
            _hasText = true;
            RewatchText();
        }

        _output.Add(EventKind.Text, 0, value);
    }

    /// <summary>The answer has begun, so that no reasoning can open it any more; what is held back stays so where it may still open a call.</summary>
    private void RewatchText()
    {
        Span<byte> held = stackalloc byte[32];
        var count = _markers.Held.Length;
        _markers.Held.CopyTo(held);
        WatchText();
        foreach (var value in held[..count])
        {
            _markers.Take(value);
        }
    }

    /// <summary>White space is held until something follows it: models write a line end before they close.</summary>
    private void EmitReasoning(byte value)
    {
        if (IsSpace(value))
        {
            if (!_skipsSpace)
            {
                _space.Add(value);
            }

            return;
        }

        _skipsSpace = false;
        foreach (var space in _space)
        {
            _output.Add(EventKind.Reasoning, 0, space);
        }

        _space.Clear();
        _output.Add(EventKind.Reasoning, 0, value);
    }

    private void Break(string why)
    {
        if (Error.IsNone)
        {
            var number = _call.HasStarted ? CallCount : CallCount + 1;
            Error = new ModelError(ErrorCause.Malformed, $"The model's tool call {number} is malformed: {why}. Ask again, or use a model trained for tools.");
        }

        _stage = Stage.Broken;
    }
}
