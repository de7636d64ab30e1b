using Jesus.Inference.Engine.Constraints.Grammars;

namespace Jesus.Inference.Engine.ToolCalls;

/// <summary>Free text up to a marker.</summary>
internal static class FreeText
{
    /// <param name="builder">Receives the states.</param>
    /// <param name="marker">How the marker is written.</param>
    /// <param name="token">The marker's control token; -1 when it is plain text.</param>
    /// <param name="next">What follows the marker.</param>
    /// <param name="mayEnd">The answer may end before the marker.</param>
    public static int Add(GrammarBuilder builder, ReadOnlySpan<byte> marker, int token, int next, bool mayEnd)
    {
        if (token < 0)
        {
            return AddPlain(builder, marker, next, mayEnd);
        }

        var free = builder.Free();
        builder.Jump(free, builder.Marker(token, next));
        if (mayEnd)
        {
            builder.Jump(free, builder.Accept);
        }

        return free;
    }

    /// <summary>Text whose beginning is not <paramref name="prefix"/>; that beginning leads to <paramref name="next"/>.</summary>
    public static int AddUnless(GrammarBuilder builder, ReadOnlySpan<byte> prefix, int next)
    {
        var free = builder.Free();
        builder.Jump(free, builder.Accept);
        var state = next;
        for (var i = prefix.Length - 1; i >= 0; i--)
        {
            var before = builder.Plain();
            builder.Jump(before, builder.Accept);
            builder.Edge(before, prefix[i], prefix[i], state);
            if (prefix[i] > 0)
            {
                builder.Edge(before, 0, (byte)(prefix[i] - 1), free);
            }

            builder.Edge(before, (byte)(prefix[i] + 1), 255, free);
            state = before;
        }

        return state;
    }

    /// <summary>
    /// The marker spelled in bytes: state i has seen its first i bytes (Knuth, Morris, Pratt). Its first byte stands nowhere else in it, so a
    /// mismatch falls back to state 1 on that byte and to state 0 on any other.
    /// </summary>
    private static int AddPlain(GrammarBuilder builder, ReadOnlySpan<byte> marker, int next, bool mayEnd)
    {
        var states = new int[marker.Length];
        for (var i = 0; i < states.Length; i++)
        {
            states[i] = builder.Plain();
            if (mayEnd)
            {
                builder.Jump(states[i], builder.Accept);
            }
        }

        for (var i = 0; i < states.Length; i++)
        {
            AddEdges(builder, states, i, marker, next);
        }

        return states[0];
    }

    private static void AddEdges(GrammarBuilder builder, int[] states, int seen, ReadOnlySpan<byte> marker, int next)
    {
        for (var value = 0; value < 256; value++)
        {
            var last = seen == marker.Length - 1;
            var target = value == marker[seen] ? (last ? next : states[seen + 1]) : value == marker[0] ? states[1] : states[0];
            builder.Edge(states[seen], (byte)value, (byte)value, target);
        }
    }
}
