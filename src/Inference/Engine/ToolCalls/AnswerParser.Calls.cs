using System.Runtime.InteropServices;

namespace Jesus.Inference.Engine.ToolCalls;

/// <content>Calls that a marker opens, and Llama 3's, which none need open.</content>
public sealed partial class AnswerParser
{
    private static ReadOnlySpan<byte> HermesClose => "</tool_call>"u8;

    private void TakeCallMark(ReadOnlySpan<byte> text)
    {
        if (text.SequenceEqual(_form.CallOpen))
        {
            OpenMarkedCall();
        }
        else if (_form.Calls == ToolCallForm.Hermes && text.SequenceEqual(HermesClose) && _stage is Stage.Call or Stage.CallClose)
        {
            CloseHermes();
        }
    }

    private void OpenMarkedCall()
    {
        switch (_stage)
        {
            case Stage.Text:
                ReleaseHeld();
                OpenCall();
                break;
            case Stage.CallClose or Stage.BareNext:
                OpenCall();
                break;
            case Stage.Reasoning:
                ReleaseHeld();
                CloseReasoning();
                OpenCall();
                break;
            case Stage.Broken:
                break;
            default:
                Break("another call begins inside it");
                break;
        }
    }

    private void CloseHermes()
    {
        if (_stage == Stage.Call)
        {
            Break("its end mark comes too early");
            return;
        }

        EnterText(afterMarker: true);
    }

    private void OpenCall()
    {
        _hasText = true;
        switch (_form.Calls)
        {
            case ToolCallForm.Hermes:
                _call.Begin();
                _stage = Stage.Call;
                break;
            case ToolCallForm.Llama3:
                _call.Begin(undecided: true, takesParameters: true);
                _stage = Stage.BareCall;
                break;
            default:
                _stage = Stage.Calls;
                break;
        }
    }

    private void BeginBareCall(byte value)
    {
        OpenCall();
        TakeInCall(value);
    }

    private void TakeInCall(byte value)
    {
        switch (_stage)
        {
            case Stage.Call or Stage.ArrayCall or Stage.BareCall:
                Progress(_call.Take(value));
                break;
            case Stage.CallClose:
                TakeClosing(value);
                break;
            case Stage.NamedHead:
                TakeNamedHead(value);
                break;
            case Stage.NamedCall:
                TakeNamed(value);
                break;
            default:
                TakeBetween(value);
                break;
        }
    }

    private void Progress(CallProgress progress)
    {
        if (progress == CallProgress.Failed)
        {
            if (_stage == Stage.BareCall && !_call.HasStarted)
            {
                EmitRaw();
            }
            else
            {
                Break(_call.Why);
            }
        }
        else if (progress == CallProgress.Complete)
        {
            _stage = _stage switch { Stage.Call => Stage.CallClose, Stage.ArrayCall => Stage.ArrayNext, _ => Stage.BareNext };
            _markers.Begin();
            _markers.Add(HermesClose);
        }
    }

    /// <summary>It looked like a call and is none: all of it is text.</summary>
    private void EmitRaw()
    {
        var raw = _call.Raw.ToArray();
        EnterText(afterMarker: false);
        foreach (var value in raw)
        {
            EmitText(value);
        }
    }

    private void TakeClosing(byte value)
    {
        if (_markers.Held.IsEmpty && IsSpace(value))
        {
            return;
        }

        _markers.Take(value);
        if (_markers.Complete() >= 0)
        {
            EnterText(afterMarker: true);
        }
        else if (_markers.TryRelease(out _))
        {
            Break("text follows it before its end mark");
        }
    }

    /// <summary>Outside of a call's object: before an array, between two calls, behind the last.</summary>
    private void TakeBetween(byte value)
    {
        if (IsSpace(value))
        {
            return;
        }

        switch (_stage, value)
        {
            case (Stage.Calls, (byte)'['):
                _stage = Stage.ArrayNext;
                break;
            case (Stage.Calls, (byte)'{') or (Stage.ArrayNext, (byte)'{'):
                _call.Begin();
                _stage = Stage.ArrayCall;
                Progress(_call.Take(value));
                break;
            case (Stage.ArrayNext, (byte)','):
                break;
            case (Stage.ArrayNext, (byte)']'):
                EnterText(afterMarker: true);
                break;
            case (Stage.Calls, _) when _form.Calls == ToolCallForm.Mistral:
                _word.Clear();
                _stage = Stage.NamedHead;
                TakeNamedHead(value);
                break;
            case (Stage.BareNext, (byte)';' or (byte)',' or (byte)'{'):
                _call.Begin(undecided: true, takesParameters: true);
                _stage = Stage.BareCall;
                if (value == '{')
                {
                    Progress(_call.Take(value));
                }

                break;
            case (Stage.BareNext, _):
                EnterText(afterMarker: true);
                TakeText(value);
                break;
            default:
                Break($"byte 0x{value:x2} is not expected there");
                break;
        }
    }

    /// <summary><c>name[CALL_ID]id[ARGS]</c>, the marks spelled or as control tokens, up to the arguments' brace.</summary>
    private void TakeNamedHead(byte value)
    {
        if (value != '{')
        {
            _word.Add(value);
            if (_word.Count > ToolCallLimits.UndecidedBytesMax)
            {
                Break("its name does not end");
            }

            return;
        }

        ReadOnlySpan<byte> head = CollectionsMarshal.AsSpan(_word);
        var end = head.IndexOf((byte)'[');
        var name = head[..(end < 0 ? head.Length : end)].Trim(" \n\r\t"u8);
        if (name.IsEmpty)
        {
            Break("it has no name");
            return;
        }

        _call.BeginArguments(name);
        _stage = Stage.NamedCall;
        TakeNamed(value);
    }

    private void TakeNamed(byte value)
    {
        if (_call.Take(value) == CallProgress.Failed)
        {
            Break(_call.Why);
        }
        else if (_call.HasArguments)
        {
            EnterText(afterMarker: true);
        }
    }
}
