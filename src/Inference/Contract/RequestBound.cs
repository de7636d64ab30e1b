using Jesus.Transport.Buffers;

namespace Jesus.Inference.Contract;

/// <summary>
/// A bound on a request's input tokens for a model of this engine that is not in memory, or at another box: never too low. A token stands for at least one byte, so
/// it counts the bytes that a chat template may make of the request. Needs no tokenizer and no template.
/// </summary>
public static class RequestBound
{
    /// <summary>Markup that a template writes around a turn, a part or a tool; the longest published ones take about 40 bytes.</summary>
    private const int MarkupBytes = 64;

    /// <summary>What templates say of their own accord where there are tools: how to call them. The longest published ones take some 900 bytes.</summary>
    private const int ToolPreambleBytes = 1_024;

    /// <summary>Where a template indents JSON, it asks for so many spaces a level, or fewer.</summary>
    private const int IndentBytes = 4;

    public static int Tokens(ModelRequest request)
    {
        if (request.PromptTokens.Length > 0)
        {
            return request.PromptTokens.Length + request.ShownTokens.Length;
        }

        var bytes = MarkupBytes + request.ShownTokens.Length + ((long)MarkupBytes * request.Turns.Count);
        for (var turn = 0; turn < request.Turns.Count; turn++)
        {
            foreach (ref readonly var part in request.Turns.PartsOf(turn))
            {
                // The arguments of a call are read as JSON and written as such; any other text may be written as one string of it. Names may be written twice.
                bytes += MarkupBytes + (2 * (Quoted(part.Id) + Quoted(part.Name))) + (part.Kind == PartKind.ToolCall ? Json(part.Text) : Quoted(part.Text));
            }
        }

        foreach (var input in request.Inputs)
        {
            bytes += MarkupBytes + input.Length;
        }

        bytes += request.Tools.Count > 0 ? ToolPreambleBytes : 0;
        foreach (var tool in request.Tools)
        {
            bytes += (4 * MarkupBytes) + (2 * Quoted(tool.Name)) + Quoted(tool.Description) + Json(tool.Parameters);
        }

        return (int)Math.Min(int.MaxValue, bytes);
    }

    /// <summary>Bytes of a text as a JSON string.</summary>
    private static long Quoted(Utf8Slice text)
    {
        long bytes = 2 + text.Length;
        foreach (var value in text.Span)
        {
            bytes += value >= 0x20 ? value is (byte)'"' or (byte)'\\' ? 1 : 0 : value is (byte)'\b' or (byte)'\f' or (byte)'\n' or (byte)'\r' or (byte)'\t' ? 1 : 5;
        }

        return bytes;
    }

    /// <summary>
    /// Bytes of JSON written anew: strings grow no longer, but each bracket and comma may begin a line, indented below all that it stands in; what is written around a
    /// tool's parameters is some levels deep itself. Of what is no JSON, which nothing is made of, some number or other.
    /// </summary>
    private static long Json(Utf8Slice json)
    {
        const int OuterLevels = 3;
        long bytes = MarkupBytes;
        var depth = OuterLevels;
        var isString = false;
        var span = json.Span;
        for (var i = 0; i < span.Length; i++)
        {
            bytes++;
            var value = span[i];
            if (isString)
            {
                bytes += value == (byte)'\\' && i + 1 < span.Length ? 1 : 0;
                i += value == (byte)'\\' ? 1 : 0;
                isString = value != (byte)'"';
                continue;
            }

            switch (value)
            {
                case (byte)'"':
                    isString = true;
                    break;
                case (byte)'[' or (byte)'{':
                    bytes += 1 + (IndentBytes * ++depth);
                    break;
                case (byte)']' or (byte)'}':
                    depth = Math.Max(OuterLevels, depth - 1);
                    bytes += 1 + (IndentBytes * depth);
                    break;
                case (byte)',':
                    bytes += 1 + (IndentBytes * depth);
                    break;
                case (byte)':':
                    bytes++;
                    break;
                default:
                    break;
            }
        }

        return bytes;
    }
}
