using Jesus.Inference.Engine.Constraints.Grammars;

namespace Jesus.Inference.Engine.ToolCalls;

/// <summary>Free text in which a tool call may begin at any moment; it may also end there.</summary>
internal static class FreeText
{
    /// <param name="builder">Receives the states.</param>
    /// <param name="openToken">The control token of the opening marker; -1 when the marker is plain text.</param>
    /// <param name="call">What follows the opening marker.</param>
    public static int Add(GrammarBuilder builder, int openToken, int call)
    {
        if (openToken < 0)
        {
            return AddPlain(builder, call);
        }

        var free = builder.Free();
        builder.Jump(free, builder.Marker(openToken, call));
        builder.Jump(free, builder.Accept);
        return free;
    }

    /// <summary>
    /// The marker spelled in bytes: state i has seen its first i bytes (Knuth, Morris, Pratt). Its first byte stands nowhere else in it, so a
    /// mismatch falls back to state 1 on that byte and to state 0 on any other.
    /// </summary>
    private static int AddPlain(GrammarBuilder builder, int call)
    {
        var marker = ToolCallForm.Open;
        var states = new int[marker.Length];
        for (var i = 0; i < states.Length; i++)
        {
            states[i] = builder.Plain();
            builder.Jump(states[i], builder.Accept);
        }

        for (var i = 0; i < states.Length; i++)
        {
            AddEdges(builder, states, i, marker, call);
        }

        return states[0];
    }

    private static void AddEdges(GrammarBuilder builder, int[] states, int seen, ReadOnlySpan<byte> marker, int call)
    {
        for (var value = 0; value < 256; value++)
        {
            var last = seen == marker.Length - 1;
            var target = value == marker[seen] ? (last ? call : states[seen + 1]) : value == marker[0] ? states[1] : states[0];
            builder.Edge(states[seen], (byte)value, (byte)value, target);
        }
    }
}
