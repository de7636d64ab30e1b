using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.OpenAi;

/// <summary>
/// The JSON reader of one request with what its parts share: the request that is filled, the limits, the first failure. Methods return false when they
/// set one. Those named <c>Next...</c> read the value of the current property; null counts as absent.
/// </summary>
internal ref struct ChatReader
{
    private readonly ReadOnlyMemory<byte> _body;

    public Utf8JsonReader Reader;
    public ChatWishes Wishes;

    public ChatReader(ReadOnlyMemory<byte> body, ModelRequest request, GatewayOptions limits)
    {
        _body = body;
        Request = request;
        Limits = limits;
        Reader = new Utf8JsonReader(body.Span, new JsonReaderOptions { MaxDepth = 64 });
        Wishes = new ChatWishes { Model = "", ParallelToolCalls = true };
    }

    public readonly ReadOnlyMemory<byte> Body => _body;

    public ModelRequest Request { get; }
    public GatewayOptions Limits { get; }
    public ApiFailure Failure { get; set; }

    public readonly bool HasTool(Utf8Slice name) => IndexOfTool(name) >= 0;

    /// <summary>-1 where no tool has the name.</summary>
    public readonly int IndexOfTool(Utf8Slice name)
    {
        for (var i = 0; i < Request.Tools.Count; i++)
        {
            if (Request.Tools[i].Name == name)
            {
                return i;
            }
        }

        return -1;
    }

    public bool Skip()
    {
        Reader.Skip();
        return true;
    }

    public bool SkipNext()
    {
        Reader.Read();
        return Skip();
    }

    /// <summary>Steps over the value of the current property if it is null, which means absent; else stays where it is.</summary>
    public bool SkipNull()
    {
        var look = Reader;
        look.Read();
        if (look.TokenType != JsonTokenType.Null)
        {
            return false;
        }

        Reader = look;
        return true;
    }

    /// <summary>The current string: a slice of the body, or a copy where it holds escapes.</summary>
    public readonly Utf8Slice Text()
    {
        var length = Reader.ValueSpan.Length;
        if (!Reader.ValueIsEscaped)
        {
            return new Utf8Slice(_body.Slice((int)Reader.TokenStartIndex + 1, length));
        }

        var copy = Request.Text.Allocate(length);
        return new Utf8Slice(copy[..Reader.CopyString(copy.Span)]);
    }

    public bool NextText(string where, out Utf8Slice text)
    {
        text = default;
        Reader.Read();
        if (Reader.TokenType == JsonTokenType.Null)
        {
            return true;
        }

        if (Reader.TokenType != JsonTokenType.String)
        {
            return WrongType(where, "a string");
        }

        text = Text();
        return true;
    }

    /// <summary>
    /// Takes note of what only a model that is given the caller's own bytes can honour; the first such is what the caller is told where there is none.
    /// </summary>
    public readonly void NoteForwarded(string where) => Request.VerbatimOnly = Request.VerbatimOnly.Length == 0 ? where : Request.VerbatimOnly;

    /// <summary>Steps over the current value, noting it. Null counts as absent.</summary>
    public bool Forward(string where)
    {
        if (Reader.TokenType != JsonTokenType.Null)
        {
            NoteForwarded(where);
        }

        return Skip();
    }

    public bool ForwardNext(string where)
    {
        Reader.Read();
        return Forward(where);
    }

    /// <summary>The current value as the bytes that the caller wrote; it is stepped over.</summary>
    public Utf8Slice Raw()
    {
        var start = (int)Reader.TokenStartIndex;
        Reader.Skip();
        return new Utf8Slice(_body[start..(int)Reader.BytesConsumed]);
    }

    /// <summary>The current property's object as the bytes that the caller wrote.</summary>
    public bool NextRawObject(string where, out Utf8Slice raw)
    {
        raw = default;
        Reader.Read();
        if (Reader.TokenType == JsonTokenType.Null)
        {
            return true;
        }

        if (Reader.TokenType != JsonTokenType.StartObject)
        {
            return WrongType(where, "an object");
        }

        raw = Raw();
        return true;
    }

    public bool NextBoolean(string where, out bool value)
    {
        value = false;
        Reader.Read();
        return Reader.TokenType == JsonTokenType.Null || Boolean(where, out value);
    }

    public bool Boolean(string where, out bool value)
    {
        value = Reader.TokenType == JsonTokenType.True;
        return value || Reader.TokenType == JsonTokenType.False || WrongType(where, "true or false");
    }

    public bool Number(string where, float min, float max, out float value)
    {
        value = 0;
        if (Reader.TokenType != JsonTokenType.Number)
        {
            return WrongType(where, "a number");
        }

        return (Reader.TryGetSingle(out value) && value >= min && value <= max)
            || Fail("invalid_value", FormattableString.Invariant($"'{where}' must lie between {min} and {max}."), where);
    }

    public bool Integer(string where, long min, long max, out long value)
    {
        value = 0;
        if (Reader.TokenType != JsonTokenType.Number)
        {
            return WrongType(where, "an integer");
        }

        return (Reader.TryGetInt64(out value) && value >= min && value <= max)
            || Fail("invalid_value", $"'{where}' must be an integer between {min} and {max}.", where);
    }

    public bool WrongType(string where, string wanted) => Fail("invalid_type", $"'{where}' must be {wanted}.", where);

    public bool UnknownIn(string where)
    {
        var path = where + "." + Reader.GetString();
        return SkipNull() || Fail("unsupported_parameter", $"'{path}' is not known or not honoured here. Leave it out.", path);
    }

    public bool Fail(string code, string message, string? param)
    {
        Failure = ApiFailure.Invalid(code, message, param);
        return false;
    }

    /// <summary>Takes note that the body is no JSON.</summary>
    public void Break(JsonException error)
    {
        var cut = error.Message.IndexOf(" LineNumber", StringComparison.Ordinal);
        var sentence = cut < 0 ? error.Message : error.Message[..cut];
        _ = Fail("invalid_json", $"The body is not valid JSON: line {error.LineNumber + 1}, byte {error.BytePositionInLine + 1}. {sentence}", null);
    }
}
