using System.Numerics;
using Jesus.Inference.Engine.Constraints.Grammars;

namespace Jesus.Inference.Engine.Constraints.Matching;

/// <summary>
/// One byte inside a string that must be a span of an input. The input's characters are taken whole; quotes, backslashes and control characters
/// appear escaped in the one way of <see cref="JsonEscapes"/>. No step is taken that could not be completed.
/// </summary>
internal static class SpanSteps
{
    /// <summary>The thread after the byte; false when the byte cannot follow. The closing quote is not handled here.</summary>
    public static bool TryStep(SpanIndex index, in GrammarState state, in MatchThread thread, byte value, out MatchThread after)
    {
        after = thread;
        return thread.Phase switch
        {
            SpanPhase.Boundary => TryBegin(index, state, thread, value, out after),
            SpanPhase.OneDue or SpanPhase.TwoDue or SpanPhase.ThreeDue => TryContinue(index, thread, value, out after),
            SpanPhase.Escape => TryEscape(index, state, thread, value, out after),
            _ => TryUnicode(index, state, thread, value, out after),
        };
    }

    private static bool TryBegin(SpanIndex index, in GrammarState state, in MatchThread thread, byte value, out MatchThread after)
    {
        if (value == '\\')
        {
            after = thread with { Phase = SpanPhase.Escape };
            return AnyTakes(index, state, thread, 0, 0x5C, static escaped => JsonEscapes.IsNeeded(escaped));
        }

        after = thread;
        if (JsonEscapes.IsNeeded(value) || (value & 0xC0) == 0x80)
        {
            return false;
        }

        var continuations = value < 0x80 ? 0 : Math.Max(BitOperations.LeadingZeroCount((uint)(byte)~value << 24) - 1, 0);
        return TryTake(index, state, thread, value, (SpanPhase)continuations, out after);
    }

    private static bool TryContinue(SpanIndex index, in MatchThread thread, byte value, out MatchThread after)
    {
        var next = index.Next(thread.Span, value);
        after = thread with { Span = next, Phase = thread.Phase - 1 };
        return next >= 0;
    }

    private static bool TryEscape(SpanIndex index, in GrammarState state, in MatchThread thread, byte value, out MatchThread after)
    {
        if (value == 'u')
        {
            after = thread with { Phase = SpanPhase.Unicode };
            return AnyTakes(index, state, thread, 0, 0x1F, static escaped => JsonEscapes.ShortOf(escaped) == 0);
        }

        after = thread;
        var escaped = JsonEscapes.FromShort(value);
        return escaped >= 0 && TryTake(index, state, thread, (byte)escaped, SpanPhase.Boundary, out after);
    }

    private static bool TryUnicode(SpanIndex index, in GrammarState state, in MatchThread thread, byte value, out MatchThread after)
    {
        after = thread with { Phase = thread.Phase + 1 };
        switch (thread.Phase)
        {
            case SpanPhase.Unicode or SpanPhase.Unicode0:
                return value == '0';
            case SpanPhase.Unicode00:
                after = thread with { Phase = value == '0' ? SpanPhase.Unicode000 : SpanPhase.Unicode001 };
                var high = (value - '0') << 4;
                return value is (byte)'0' or (byte)'1' && AnyTakes(index, state, thread, high, high + 15, static escaped => JsonEscapes.ShortOf(escaped) == 0);
            default:
                var digit = "0123456789abcdef"u8.IndexOf(value);
                var escaped = (byte)(((thread.Phase == SpanPhase.Unicode001 ? 1 : 0) << 4) | (digit & 15));
                return digit >= 0 && JsonEscapes.ShortOf(escaped) == 0 && TryTake(index, state, thread, escaped, SpanPhase.Boundary, out after);
        }
    }

    /// <summary>Takes a character's first (or only) byte, if the input goes on with it and the lengths still can be kept.</summary>
    private static bool TryTake(SpanIndex index, in GrammarState state, in MatchThread thread, byte value, SpanPhase phase, out MatchThread after)
    {
        var next = index.Next(thread.Span, value);
        after = thread with { Span = next, Phase = phase, Count = state.Counted ? thread.Count + 1 : 0 };
        return next >= 0 && (!state.Counted || (thread.Count < state.Max && after.Count + index.CharactersAfter(next) >= state.Min));
    }

    private static bool AnyTakes(SpanIndex index, in GrammarState state, in MatchThread thread, int low, int high, Func<byte, bool> isMeant)
    {
        for (var value = low; value <= high; value++)
        {
            if (isMeant((byte)value) && TryTake(index, state, thread, (byte)value, SpanPhase.Boundary, out _))
            {
                return true;
            }
        }

        return false;
    }
}
