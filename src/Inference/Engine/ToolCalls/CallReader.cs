using System.Runtime.InteropServices;
using System.Text.Json;

namespace Jesus.Inference.Engine.ToolCalls;

/// <summary>How far a call has come.</summary>
internal enum CallProgress : byte
{
    Inside,
    Complete,
    Failed,
}

/// <summary>
/// Reads one call as a JSON object, <c>{"name":"f","arguments":{...}}</c>, byte by byte; arguments come out as they arrive. Keys that say nothing new
/// (<c>type</c>, <c>id</c>) may stand around the two.
/// </summary>
internal sealed class CallReader(AnswerPieces output)
{
    private enum Stage : byte
    {
        BeforeObject,
        BeforeKey,
        Key,
        BeforeColon,
        BeforeValue,
        Word,
        Arguments,
        AfterValue,
    }

    private enum Member : byte
    {
        Name,
        Arguments,
        Ignored,
    }

    private readonly List<byte> _word = [];
    private readonly List<byte> _name = [];
    private readonly List<byte> _raw = [];
    private readonly ArgumentScanner _arguments = new();
    private Stage _stage;
    private Member _member;
    private bool _escaped;
    private bool _hasName;
    private bool _hasArguments;
    private bool _undecided;
    private bool _takesParameters;

    /// <summary>Why it failed.</summary>
    public string Why { get; private set; } = "";

    /// <summary>The call's name has come out, so that it can no longer be taken for text.</summary>
    public bool HasStarted { get; private set; }

    /// <summary>Every byte taken so far of a call that may still be text.</summary>
    public ReadOnlySpan<byte> Raw => CollectionsMarshal.AsSpan(_raw);

    /// <param name="undecided">No marker opened it, so it may be text that looks alike: nothing comes out before its arguments begin.</param>
    /// <param name="takesParameters">The arguments may be called <c>parameters</c>.</param>
    public void Begin(bool undecided = false, bool takesParameters = false)
    {
        (_stage, _undecided, _takesParameters) = (Stage.BeforeObject, undecided, takesParameters);
        (_hasName, _hasArguments, HasStarted, Why) = (false, false, false, "");
        _raw.Clear();
    }

    public CallProgress Take(byte value)
    {
        if (_undecided && !HasStarted)
        {
            _raw.Add(value);
            if (_raw.Count > ToolCallLimits.UndecidedBytesMax)
            {
                return Fail("its name does not end");
            }
        }

        return _stage switch
        {
            Stage.Key or Stage.Word => TakeWord(value),
            Stage.Arguments => TakeArgument(value),
            _ => AnswerParser.IsSpace(value) ? CallProgress.Inside : TakeStructure(value),
        };
    }

    /// <summary>Only arguments follow: the name stood before them in another form.</summary>
    public void BeginArguments(ReadOnlySpan<byte> name)
    {
        Begin();
        Start(name);
        _stage = Stage.BeforeValue;
        (_member, _hasName) = (Member.Arguments, true);
    }

    /// <summary>Whether the call that only its arguments make up is complete.</summary>
    public bool HasArguments => _hasArguments;

    private CallProgress TakeStructure(byte value)
    {
        switch (_stage, value)
        {
            case (Stage.BeforeObject, (byte)'{'):
                return Enter(Stage.BeforeKey);
            case (Stage.BeforeKey, (byte)'"'):
                return Enter(Stage.Key);
            case (Stage.BeforeColon, (byte)':'):
                return Enter(Stage.BeforeValue);
            case (Stage.BeforeValue, (byte)'"') when _member != Member.Arguments:
                return Enter(Stage.Word);
            case (Stage.BeforeValue, (byte)'{') when _member == Member.Arguments:
                return BeginArguments(value);
            case (Stage.AfterValue, (byte)','):
                return Enter(Stage.BeforeKey);
            case (Stage.AfterValue, (byte)'}') when _hasName:
                return End();
            default:
                return Fail($"byte 0x{value:x2} is not expected there");
        }
    }

    private CallProgress Enter(Stage stage)
    {
        _stage = stage;
        _word.Clear();
        _escaped = false;
        return CallProgress.Inside;
    }

    private CallProgress BeginArguments(byte value)
    {
        if (!HasStarted)
        {
            Start(CollectionsMarshal.AsSpan(_name));
        }

        _arguments.Begin();
        _ = Enter(Stage.Arguments);
        return TakeArgument(value);
    }

    private void Start(ReadOnlySpan<byte> name)
    {
        output.StartCall(name);
        HasStarted = true;
    }

    /// <summary>A call without arguments is a call with none; one that may be text needs them to be a call.</summary>
    private CallProgress End()
    {
        if (!_hasArguments && _undecided)
        {
            return Fail("it has no arguments");
        }

        if (!_hasArguments)
        {
            output.Argument((byte)'{');
            output.Argument((byte)'}');
        }

        return CallProgress.Complete;
    }

    private CallProgress TakeWord(byte value)
    {
        if (value == '"' && !_escaped)
        {
            return _stage == Stage.Key ? EndKey() : EndValue();
        }

        _escaped = value == '\\' && !_escaped;
        _word.Add(value);
        return _word.Count > ToolCallLimits.NameBytesMax * 6 ? Fail("its name does not end") : CallProgress.Inside;
    }

    private CallProgress EndKey()
    {
        var key = CollectionsMarshal.AsSpan(_word);
        var isArguments = key.SequenceEqual("arguments"u8) || (_takesParameters && key.SequenceEqual("parameters"u8));
        if (key.SequenceEqual("type"u8) || key.SequenceEqual("id"u8))
        {
            _member = Member.Ignored;
        }
        else if (!_hasName && key.SequenceEqual("name"u8))
        {
            _member = Member.Name;
        }
        else if (_hasName && !_hasArguments && isArguments)
        {
            _member = Member.Arguments;
        }
        else
        {
            return Fail(_hasName ? "after the name only \"arguments\" may stand" : "it must begin with \"name\"");
        }

        return Enter(Stage.BeforeColon);
    }

    private CallProgress EndValue()
    {
        if (_member == Member.Name)
        {
            if (!TryDecode(CollectionsMarshal.AsSpan(_word), out var name) || name.Length == 0)
            {
                return Fail("its name is no JSON string");
            }

            _hasName = true;
            _name.Clear();
            _name.AddRange(name);
            if (!_undecided)
            {
                Start(name);
            }
        }

        return Enter(Stage.AfterValue);
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

    private CallProgress TakeArgument(byte value)
    {
        output.Argument(value);
        switch (_arguments.Take(value))
        {
            case ArgumentScanner.Outcome.Complete:
                _hasArguments = true;
                return Enter(Stage.AfterValue);
            case ArgumentScanner.Outcome.Malformed:
                return Fail("its arguments' brackets do not match");
            default:
                return CallProgress.Inside;
        }
    }

    private CallProgress Fail(string why)
    {
        Why = why;
        return CallProgress.Failed;
    }
}
