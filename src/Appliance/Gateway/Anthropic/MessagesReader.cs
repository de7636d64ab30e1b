using System.Text.Json;
using Jesus.Inference.Contract;
using Jesus.Transport.Buffers;

namespace Jesus.Appliance.Gateway.Anthropic;

/// <summary>
/// The JSON reader of one Messages request with what its parts share: the request that is filled, the limits, the first failure. Methods return false when
/// they set one. Those named <c>Next...</c> read the value of the current property; null counts as absent.
/// </summary>
internal ref struct MessagesReader
{
    private readonly ReadOnlyMemory<byte> _body;

    public Utf8JsonReader Reader;

    public MessagesReader(ReadOnlyMemory<byte> body, ModelRequest request, GatewayOptions limits)
    {
        _body = body;
        Request = request;
        Limits = limits;
        Reader = new Utf8JsonReader(body.Span, new JsonReaderOptions { MaxDepth = 64 });
    }

    public ModelRequest Request { get; }
    public GatewayOptions Limits { get; }
    public ApiFailure Failure { get; private set; }

    /// <summary>Steps to the value of the current property.</summary>
    /// <returns>False when it is null, which means absent.</returns>
    public bool NextIsGiven()
    {
        Reader.Read();
        return Reader.TokenType != JsonTokenType.Null;
    }

    public bool SkipNext()
    {
        Reader.Read();
        Reader.Skip();
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

    public bool NextText(in FieldPath at, string leaf, out Utf8Slice text)
    {
        text = default;
        return !NextIsGiven() || Text(at, leaf, out text);
    }

    public bool Text(in FieldPath at, string leaf, out Utf8Slice text)
    {
        text = default;
        if (Reader.TokenType != JsonTokenType.String)
        {
            return WrongType(at, leaf, "a string");
        }

        text = Text();
        return true;
    }

    /// <summary>The current property's object as the bytes that the caller wrote; empty when null.</summary>
    public bool NextRawObject(in FieldPath at, string leaf, out Utf8Slice raw)
    {
        raw = default;
        if (!NextIsGiven())
        {
            return true;
        }

        if (Reader.TokenType != JsonTokenType.StartObject)
        {
            return WrongType(at, leaf, "an object");
        }

        var start = (int)Reader.TokenStartIndex;
        Reader.Skip();
        raw = new Utf8Slice(_body[start..(int)Reader.BytesConsumed]);
        return true;
    }

    public bool NextBoolean(in FieldPath at, string leaf, out bool value)
    {
        value = false;
        return !NextIsGiven() || Boolean(at, leaf, out value);
    }

    public bool Boolean(in FieldPath at, string leaf, out bool value)
    {
        value = Reader.TokenType == JsonTokenType.True;
        return value || Reader.TokenType == JsonTokenType.False || WrongType(at, leaf, "true or false");
    }

    public bool Number(in FieldPath at, float min, float max, out float value)
    {
        value = 0;
        if (Reader.TokenType != JsonTokenType.Number)
        {
            return WrongType(at, "", "a number");
        }

        return (Reader.TryGetSingle(out value) && value >= min && value <= max)
            || Fail(at, "", FormattableString.Invariant($"must lie between {min} and {max}."));
    }

    public bool Integer(in FieldPath at, string leaf, long min, long max, out long value)
    {
        value = 0;
        if (Reader.TokenType != JsonTokenType.Number)
        {
            return WrongType(at, leaf, "an integer");
        }

        return (Reader.TryGetInt64(out value) && value >= min && value <= max) || Fail(at, leaf, $"must be an integer between {min} and {max}.");
    }

    /// <summary><c>cache_control</c>: the mark that the value of the current property asks for.</summary>
    public bool NextCacheMark(in FieldPath at, out CacheMark mark)
    {
        mark = CacheMark.None;
        return !NextIsGiven() || CacheMarkOf(at, out mark);
    }

    public bool CacheMarkOf(in FieldPath at, out CacheMark mark)
    {
        mark = CacheMark.None;
        if (Reader.TokenType != JsonTokenType.StartObject)
        {
            return WrongType(at, "cache_control", "an object");
        }

        Utf8Slice type = default, ttl = default;
        while (Reader.Read() && Reader.TokenType == JsonTokenType.PropertyName)
        {
            var ok = Reader.ValueTextEquals("type"u8) ? NextText(at, "cache_control.type", out type)
                : Reader.ValueTextEquals("ttl"u8) ? NextText(at, "cache_control.ttl", out ttl) : UnknownIn(at, "cache_control");
            if (!ok)
            {
                return false;
            }
        }

        mark = ttl.Equals("1h"u8) ? CacheMark.OneHour : CacheMark.FiveMinutes;
        return !type.Equals("ephemeral"u8) ? Fail(at, "cache_control.type", "must be ephemeral.")
            : ttl.IsEmpty || ttl.Equals("5m"u8) || ttl.Equals("1h"u8) || Fail(at, "cache_control.ttl", "must be 5m or 1h.");
    }

    /// <summary>Only sending the body on as it came can honour this; the first such name is what the caller is told.</summary>
    public readonly bool Verbatim(in FieldPath at, string leaf)
    {
        if (Request.VerbatimOnly.Length == 0)
        {
            Request.VerbatimOnly = at.To(leaf);
        }

        return true;
    }

    /// <summary>The value of the current property is such a thing, unless it is null.</summary>
    public bool NextVerbatim(in FieldPath at, string leaf)
    {
        if (!NextIsGiven())
        {
            return true;
        }

        Reader.Skip();
        return Verbatim(at, leaf);
    }

    public bool WrongType(in FieldPath at, string leaf, string wanted) => Fail(at, leaf, $"must be {wanted}.");

    public bool Missing(in FieldPath at, string leaf) => Fail(at, leaf, "Field required.");

    /// <summary>The current property is not known in the object at <paramref name="leaf"/>: null counts as absent, anything else is refused.</summary>
    public bool UnknownIn(in FieldPath at, string leaf)
    {
        var name = Reader.GetString()!;
        return !NextIsGiven() || Fail(at, leaf.Length == 0 ? name : $"{leaf}.{name}", "is not known or not honoured here. Leave it out.");
    }

    public bool Fail(in FieldPath at, string leaf, string message)
    {
        var path = at.To(leaf);
        Failure = ApiFailure.Invalid("invalid_request", $"{path}: {message}", path);
        return false;
    }

    public bool Fail(string message)
    {
        Failure = ApiFailure.Invalid("invalid_request", message);
        return false;
    }
}
