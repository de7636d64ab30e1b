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

    public ChatReader(ReadOnlyMemory<byte> body, ModelRequest request, GatewayOptions limits)
    {
        _body = body;
        Request = request;
        Limits = limits;
        Reader = new Utf8JsonReader(body.Span, new JsonReaderOptions { MaxDepth = 64 });
    }

    public ModelRequest Request { get; }
    public GatewayOptions Limits { get; }
    public ApiFailure Failure { get; private set; }

    public readonly bool HasTool(Utf8Slice name)
    {
        foreach (var tool in Request.Tools)
        {
            if (tool.Name == name)
            {
                return true;
            }
        }

        return false;
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

        var start = (int)Reader.TokenStartIndex;
        Reader.Skip();
        raw = new Utf8Slice(_body[start..(int)Reader.BytesConsumed]);
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
}
