namespace Jesus.Inference.Engine.Constraints.Matching;

/// <summary>One way in which the answer so far may be read: a state of the grammar, its count, its open calls, and where in a span it is.</summary>
/// <param name="State">Index of the grammar's state.</param>
/// <param name="Count">Characters or items so far, where the state counts.</param>
/// <param name="Frame">The innermost open call in <see cref="FrameStack"/>; -1 when none is open.</param>
/// <param name="Span">State of the span index, inside a span.</param>
/// <param name="Phase">Progress inside one character of a span.</param>
internal readonly record struct MatchThread(int State, int Count, int Frame, int Span, SpanPhase Phase);

/// <summary>Where inside one character of a span an answer stands.</summary>
internal enum SpanPhase : byte
{
    /// <summary>Between characters.</summary>
    Boundary,

    /// <summary>One continuation byte is due (then two, then three).</summary>
    OneDue,
    TwoDue,
    ThreeDue,

    /// <summary>After a backslash.</summary>
    Escape,

    /// <summary>After <c>\u</c>, <c>\u0</c>, <c>\u00</c>, <c>\u000</c> and <c>\u001</c>.</summary>
    Unicode,
    Unicode0,
    Unicode00,
    Unicode000,
    Unicode001,
}
