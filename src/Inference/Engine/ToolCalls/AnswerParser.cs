using System.Text.Json;
using Jesus.Inference.Contract;

namespace Jesus.Inference.Engine.ToolCalls;

/// <summary>A piece of an answer: text, the start of a tool call (its name), or the next bytes of the call's arguments.</summary>
/// <param name="Kind"><see cref="EventKind.Text"/>, <see cref="EventKind.ToolCallStart"/> or <see cref="EventKind.ToolCallArguments"/>.</param>
/// <param name="Index">Which call, from 0.</param>
/// <param name="Start">Offset of its bytes in <see cref="AnswerParser.Bytes"/>.</param>
/// <param name="Length">In bytes.</param>
public readonly record struct AnswerPiece(EventKind Kind, int Index, int Start, int Length);

/// <summary>
/// Splits generated text into text and tool calls (<see cref="ToolCallForm"/>), byte by byte as it arrives. Feed, then read <see cref="Pieces"/>, then
/// feed again (which drops the pieces read). White space around calls is dropped. Reused by <see cref="Reset"/>.
/// </summary>
public sealed class AnswerParser
{
    private enum Stage : byte
    {
        Text,
        BeforeObject,
        BeforeKey,
        Key,
        BeforeColon,
        BeforeValue,
        Name,
        Arguments,
        AfterValue,
        AfterObject,
        Broken,
    }

    private readonly List<AnswerPiece> _pieces = [];
    private readonly List<byte> _bytes = [];
    private readonly List<byte> _word = [];
    private readonly ArgumentScanner _arguments = new();
    private Stage _stage;
    private int _matched;
    private bool _afterCall;
    private bool _escaped;
    private bool _hasName;
    private bool _hasArguments;

    public IReadOnlyList<AnswerPiece> Pieces => _pieces;

    /// <summary>Storage of the pieces; valid until the next call.</summary>
    public ReadOnlySpan<byte> Bytes => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_bytes);

    /// <summary>How many calls have started.</summary>
    public int CallCount { get; private set; }

    /// <summary>Why the answer is malformed; none so far.</summary>
    public ModelError Error { get; private set; }

    /// <summary>Generated text: whole UTF-8 characters or not.</summary>
    public void Feed(ReadOnlySpan<byte> utf8)
    {
        Clear();
        foreach (var value in utf8)
        {
            Take(value);
        }
    }

    /// <summary>A control token, by the text it is written as. Others than the two markers are no part of an answer.</summary>
    public void FeedControl(ReadOnlySpan<byte> text)
    {
        Clear();
        if (text.SequenceEqual(ToolCallForm.Open) && _stage == Stage.Text)
        {
            ReleaseHeld();
            OpenCall();
        }
        else if (text.SequenceEqual(ToolCallForm.Close) && _stage != Stage.Text)
        {
            CloseCall();
        }
        else if (text.SequenceEqual(ToolCallForm.Open))
        {
            Break("another call begins inside it");
        }
    }

    /// <summary>The answer has ended: lets go of what was held back, and reports a call that was left open.</summary>
    public void Finish()
    {
        Clear();
        if (_stage == Stage.Text)
        {
            ReleaseHeld();
        }
        else if (_stage == Stage.AfterObject)
        {
            CloseCall();
        }
        else
        {
            Break("the answer ends inside it");
        }
    }

    public void Reset()
    {
        Clear();
        (_stage, _matched, _afterCall, CallCount, Error) = (Stage.Text, 0, false, 0, default);
    }

    private void Clear()
    {
        _pieces.Clear();
        _bytes.Clear();
    }

    private void Take(byte value)
    {
        switch (_stage)
        {
            case Stage.Text:
                TakeText(value);
                break;
            case Stage.Key or Stage.Name:
                TakeWord(value);
                break;
            case Stage.Arguments:
                TakeArgument(value);
                break;
            case Stage.AfterObject:
                TakeClosing(value);
                break;
            case Stage.Broken:
                break;
            default:
                TakeStructure(value);
                break;
        }
    }

    /// <summary>The opening marker in plain text is held back until it is whole or turns out to be text.</summary>
    private void TakeText(byte value)
    {
        if (value != ToolCallForm.Open[_matched])
        {
            ReleaseHeld();
        }

        if (value != ToolCallForm.Open[_matched])
        {
            EmitText(value);
        }
        else if (++_matched == ToolCallForm.Open.Length)
        {
            OpenCall();
        }
    }

    private void ReleaseHeld()
    {
        var held = ToolCallForm.Open[.._matched];
        _matched = 0;
        foreach (var value in held)
        {
            EmitText(value);
        }
    }

    private void EmitText(byte value)
    {
        if (!_afterCall || !IsSpace(value))
        {
            _afterCall = false;
            Emit(EventKind.Text, 0, value);
        }
    }

    private void OpenCall() => (_stage, _matched, _hasName, _hasArguments) = (Stage.BeforeObject, 0, false, false);

    private void TakeStructure(byte value)
    {
        if (IsSpace(value))
        {
            return;
        }

        var next = (_stage, value) switch
        {
            (Stage.BeforeObject, (byte)'{') => Stage.BeforeKey,
            (Stage.BeforeKey, (byte)'"') => Stage.Key,
            (Stage.BeforeColon, (byte)':') => Stage.BeforeValue,
            (Stage.BeforeValue, (byte)'"') when !_hasName => Stage.Name,
            (Stage.BeforeValue, (byte)'{') when _hasName => Stage.Arguments,
            (Stage.AfterValue, (byte)',') when !_hasArguments => Stage.BeforeKey,
            (Stage.AfterValue, (byte)'}') => Stage.AfterObject,
            _ => Stage.Broken,
        };
        if (next == Stage.Broken)
        {
            Break($"byte 0x{value:x2} is not expected there");
            return;
        }

        Enter(next, value);
    }

    private void Enter(Stage stage, byte value)
    {
        _stage = stage;
        _word.Clear();
        _escaped = false;
        if (stage == Stage.Arguments)
        {
            _arguments.Begin();
            TakeArgument(value);
        }
        else if (stage == Stage.AfterObject)
        {
            EmitMissingArguments();
        }
    }

    private void TakeWord(byte value)
    {
        if (value == '"' && !_escaped)
        {
            EndWord();
            return;
        }

        _escaped = value == '\\' && !_escaped;
        _word.Add(value);
        if (_word.Count > ToolCallForm.NameBytesMax * 6)
        {
            Break("its name does not end");
        }
    }

    private void EndWord()
    {
        var word = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_word);
        if (_stage == Stage.Name)
        {
            EmitName(word);
        }
        else if (word.SequenceEqual(_hasName ? "arguments"u8 : "name"u8))
        {
            _stage = Stage.BeforeColon;
        }
        else
        {
            Break(_hasName ? "after the name only \"arguments\" may stand" : "it must begin with \"name\"");
        }
    }

    private void EmitName(ReadOnlySpan<byte> written)
    {
        if (!TryDecode(written, out var name) || name.Length == 0)
        {
            Break("its name is no JSON string");
            return;
        }

        _pieces.Add(new AnswerPiece(EventKind.ToolCallStart, CallCount, _bytes.Count, name.Length));
        _bytes.AddRange(name);
        CallCount++;
        _hasName = true;
        _stage = Stage.AfterValue;
    }

    private static bool TryDecode(ReadOnlySpan<byte> written, out byte[] name)
    {
        name = written.ToArray();
        if (!written.Contains((byte)'\\'))
        {
            return true;
        }

        try
        {
            var reader = new Utf8JsonReader([(byte)'"', .. written, (byte)'"']);
            _ = reader.Read();
            name = System.Text.Encoding.UTF8.GetBytes(reader.GetString()!);
            return true;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    private void TakeArgument(byte value)
    {
        Emit(EventKind.ToolCallArguments, CallCount - 1, value);
        switch (_arguments.Take(value))
        {
            case ArgumentScanner.Outcome.Complete:
                (_stage, _hasArguments) = (Stage.AfterValue, true);
                break;
            case ArgumentScanner.Outcome.Malformed:
                Break("its arguments' brackets do not match");
                break;
            default:
                break;
        }
    }

    /// <summary>A call without arguments is a call with none.</summary>
    private void EmitMissingArguments()
    {
        if (!_hasArguments)
        {
            Emit(EventKind.ToolCallArguments, CallCount - 1, (byte)'{');
            Emit(EventKind.ToolCallArguments, CallCount - 1, (byte)'}');
        }
    }

    private void TakeClosing(byte value)
    {
        if (_matched == 0 && IsSpace(value))
        {
            return;
        }

        if (value != ToolCallForm.Close[_matched])
        {
            Break("text follows it before its end mark");
        }
        else if (++_matched == ToolCallForm.Close.Length)
        {
            CloseCall();
        }
    }

    private void CloseCall()
    {
        if (_stage != Stage.AfterObject)
        {
            Break("its end mark comes too early");
            return;
        }

        (_stage, _matched, _afterCall) = (Stage.Text, 0, true);
    }

    private void Break(string why)
    {
        if (Error.IsNone)
        {
            var number = _hasName ? CallCount : CallCount + 1;
            Error = new ModelError(ErrorCause.Malformed, $"The model's tool call {number} is malformed: {why}. Ask again, or use a model trained for tools.");
        }

        _stage = Stage.Broken;
    }

    private void Emit(EventKind kind, int index, byte value)
    {
        if (_pieces.Count > 0 && _pieces[^1].Kind == kind && _pieces[^1].Index == index)
        {
            _pieces[^1] = _pieces[^1] with { Length = _pieces[^1].Length + 1 };
        }
        else
        {
            _pieces.Add(new AnswerPiece(kind, index, _bytes.Count, 1));
        }

        _bytes.Add(value);
    }

    private static bool IsSpace(byte value) => value is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t';
}
