namespace Jesus.Inference.Engine.Constraints.Grammars;

/// <summary>JSON strings (RFC 8259, section 7) as grammar: whole UTF-8 characters or escapes, a length in characters.</summary>
internal static class JsonStrings
{
    private const EdgeRule OneMore = EdgeRule.NeedsRoom | EdgeRule.Counts;

    /// <summary>
    /// A whole string with its quotes. Characters beyond U+FFFF are written as themselves and never as surrogate escapes, so every string decodes.
    /// </summary>
    public static int Add(GrammarBuilder builder, int min, int max, int next)
    {
        var body = builder.Counted(min, max);
        builder.Edge(body, 0x20, 0x21, body, OneMore);
        builder.Edge(body, 0x23, 0x5B, body, OneMore);
        builder.Edge(body, 0x5D, 0x7F, body, OneMore);
        builder.Edge(body, (byte)'"', (byte)'"', next, EdgeRule.NeedsMin);
        AddCharacters(builder, body, min, max);
        AddEscapes(builder, body, min, max);
        builder.SetOpen(body);
        return builder.Byte((byte)'"', body);
    }

    /// <summary>UTF-8 of two to four bytes, without surrogates and overlong forms (RFC 3629, section 4).</summary>
    private static void AddCharacters(GrammarBuilder builder, int body, int min, int max)
    {
        var one = Continuation(builder, 0x80, 0xBF, body, min, max);
        var two = Continuation(builder, 0x80, 0xBF, one, min, max);
        var three = Continuation(builder, 0x80, 0xBF, two, min, max);
        builder.Edge(body, 0xC2, 0xDF, one, OneMore);
        builder.Edge(body, 0xE0, 0xE0, Continuation(builder, 0xA0, 0xBF, one, min, max), OneMore);
        builder.Edge(body, 0xE1, 0xEC, two, OneMore);
        builder.Edge(body, 0xED, 0xED, Continuation(builder, 0x80, 0x9F, one, min, max), OneMore);
        builder.Edge(body, 0xEE, 0xEF, two, OneMore);
        builder.Edge(body, 0xF0, 0xF0, Continuation(builder, 0x90, 0xBF, two, min, max), OneMore);
        builder.Edge(body, 0xF1, 0xF3, three, OneMore);
        builder.Edge(body, 0xF4, 0xF4, Continuation(builder, 0x80, 0x8F, two, min, max), OneMore);
    }

    private static int Continuation(GrammarBuilder builder, byte low, byte high, int next, int min, int max)
    {
        var state = builder.Counted(min, max);
        builder.Edge(state, low, high, next);
        return state;
    }

    private static void AddEscapes(GrammarBuilder builder, int body, int min, int max)
    {
        var escape = builder.Counted(min, max);
        builder.Edge(body, (byte)'\\', (byte)'\\', escape, OneMore);
        foreach (var letter in "\"\\/bfnrt"u8)
        {
            builder.Edge(escape, letter, letter, body);
        }

        var last = Hex(builder, body, min, max);
        var lastTwo = Hex(builder, last, min, max);
        var lastThree = Hex(builder, lastTwo, min, max);
        var lowD = builder.Counted(min, max);
        builder.Edge(lowD, (byte)'0', (byte)'7', lastTwo);
        var first = builder.Counted(min, max);
        builder.Edge(first, (byte)'0', (byte)'9', lastThree);
        builder.Edge(first, (byte)'a', (byte)'c', lastThree);
        builder.Edge(first, (byte)'d', (byte)'d', lowD);
        builder.Edge(first, (byte)'e', (byte)'f', lastThree);
        builder.Edge(escape, (byte)'u', (byte)'u', first);
    }

    private static int Hex(GrammarBuilder builder, int next, int min, int max)
    {
        var state = builder.Counted(min, max);
        builder.Edge(state, (byte)'0', (byte)'9', next);
        builder.Edge(state, (byte)'a', (byte)'f', next);
        return state;
    }
}
