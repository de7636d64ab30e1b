using Jesus.Inference.Engine.Templates.Values;

namespace Jesus.Inference.Engine.Templates.Running;

/// <summary>
/// <c>tojson</c> as Transformers defines it for chat templates: Python's json.dumps without escaping what is not ASCII, keys in their order, with
/// <c>indent</c> and <c>separators</c>. The text counts as the request's, never as the template's.
/// </summary>
internal sealed class JsonText
{
    private readonly CallFrame _call;
    private readonly TemplateOutput _output = new();
    private readonly byte[] _comma;
    private readonly byte[] _colon;
    private readonly int _indent;

    private JsonText(CallFrame call)
    {
        _call = call;
        if (call.Get(0, "ensure_ascii") is { IsTrue: true } || call.Get(3, "sort_keys") is { IsTrue: true })
        {
            throw call.Fault("tojson with ensure_ascii or sort_keys is not supported; known are indent and separators.");
        }

        _indent = (int)Math.Clamp(call.Integer(1, "indent") ?? -1, -1, 16);
        (_comma, _colon) = Separators(call, _indent >= 0);
    }

    public static Value Write(CallFrame call)
    {
        var json = new JsonText(call);
        json.Append(call.Target, 0);
        return TextValue.Of(json._output);
    }

    private static (byte[] Comma, byte[] Colon) Separators(CallFrame call, bool indented)
    {
        if (call.Get(2, "separators") is ListValue { Items: [TextValue comma, TextValue colon] })
        {
            return (comma.Utf8.ToArray(), colon.Utf8.ToArray());
        }

        var compact = call.State.Spacing == JsonSpacing.Compact;
        return (compact || indented ? ","u8.ToArray() : ", "u8.ToArray(), compact && !indented ? ":"u8.ToArray() : ": "u8.ToArray());
    }

    private void Append(Value value, int depth)
    {
        _call.State.Step(_call.Place);
        switch (value)
        {
            case TextValue text:
                AppendString(text.Utf8.Span);
                break;
            case ListValue list:
                AppendList(list, depth);
                break;
            case MapValue map:
                AppendMap(map, depth);
                break;
            case NoneValue:
                Append("null"u8);
                break;
            case BoolValue boolean:
                Append(boolean.IsTrue ? "true"u8 : "false"u8);
                break;
            case IntegerValue or FloatValue:
                Append(Texts.Of(_call.Place, value).Utf8.Span);
                break;
            default:
                throw _call.Fault($"a {value.Kind} value has no JSON form.");
        }
    }

    private void AppendList(ListValue list, int depth)
    {
        if (depth > TemplateLimits.NestingMax)
        {
            throw _call.Fault($"nested deeper than {TemplateLimits.NestingMax}.");
        }

        Append("["u8);
        for (var i = 0; i < list.Items.Count; i++)
        {
            Append(i > 0 ? _comma : default);
            NewLine(depth + 1);
            Append(list.Items[i], depth + 1);
        }

        Close(list.Items.Count, depth, "]"u8);
    }

    private void AppendMap(MapValue map, int depth)
    {
        if (depth > TemplateLimits.NestingMax)
        {
            throw _call.Fault($"nested deeper than {TemplateLimits.NestingMax}.");
        }

        Append("{"u8);
        for (var i = 0; i < map.Count; i++)
        {
            Append(i > 0 ? _comma : default);
            NewLine(depth + 1);
            AppendString(map.KeyText(map.Keys[i]).Utf8.Span);
            Append(_colon);
            Append(map.Find(map.Keys[i])!, depth + 1);
        }

        Close(map.Count, depth, "}"u8);
    }

    private void Close(int count, int depth, ReadOnlySpan<byte> bracket)
    {
        if (count > 0)
        {
            NewLine(depth);
        }

        Append(bracket);
    }

    private void NewLine(int depth)
    {
        if (_indent >= 0)
        {
            Append("\n"u8);
            for (var i = 0; i < depth * _indent; i++)
            {
                Append(" "u8);
            }
        }
    }

    private void AppendString(ReadOnlySpan<byte> utf8)
    {
        Append("\""u8);
        while (!utf8.IsEmpty)
        {
            var plain = utf8.IndexOfAny(Escaped);
            plain = plain < 0 ? utf8.Length : plain;
            Append(utf8[..plain]);
            utf8 = utf8[plain..];
            if (!utf8.IsEmpty)
            {
                AppendEscape(utf8[0]);
                utf8 = utf8[1..];
            }
        }

        Append("\""u8);
    }

    private static readonly System.Buffers.SearchValues<byte> Escaped =
        System.Buffers.SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(value => (byte)value), (byte)'"', (byte)'\\']);

    private void AppendEscape(byte value)
    {
        var letter = "\"\\\b\f\n\r\t"u8.IndexOf(value);
        if (letter >= 0)
        {
            Append([(byte)'\\', "\"\\bfnrt"u8[letter]]);
            return;
        }

        Append("\\u00"u8);
        Append([(byte)('0' + (value >> 4)), "0123456789abcdef"u8[value & 15]]);
    }

    private void Append(ReadOnlySpan<byte> utf8)
    {
        _output.Write(utf8, false);
        _call.State.Copied(_call.Place, utf8.Length, _output.Bytes.Length);
    }
}
