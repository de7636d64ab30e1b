namespace Jesus.Inference.Engine.ToolCalls;

/// <summary>Reasoning before an answer: free text up to its closing marker, which the constraint on the answer does not touch.</summary>
internal static class ReasoningGrammar
{
    private static ReadOnlySpan<byte> Channel => "<|channel|>"u8;
    private static ReadOnlySpan<byte> Message => "<|message|>"u8;

    /// <param name="states">Receives the states.</param>
    /// <param name="form">How the model marks its reasoning.</param>
    /// <param name="isOpen">The prompt ends inside of it.</param>
    /// <param name="answer">What follows it.</param>
    public static int Add(AnswerStates states, AnswerForm form, bool isOpen, int answer) => form.Reasoning switch
    {
        ReasoningForm.None => answer,
        ReasoningForm.Channel => Analyses(states, answer),
        _ => Marked(states, form, isOpen, answer),
    };

    /// <summary>A message of the channel "final" that is the given value.</summary>
    public static int Final(AnswerStates states, int value) => states.Marker(Channel, states.Builder.Literal("final"u8, states.Marker(Message, value)));

    private static int Marked(AnswerStates states, AnswerForm form, bool isOpen, int answer)
    {
        var behind = states.Optional((byte)'\n', states.Optional((byte)'\n', answer));
        var inside = states.FreeUntil(form.ReasoningClose, behind);
        return isOpen ? inside : states.Builder.AnyOf(answer, states.Marker(form.ReasoningOpen, inside));
    }

    /// <summary>Any number of messages of the channel "analysis", each closed and the next begun.</summary>
    private static int Analyses(AnswerStates states, int answer)
    {
        var start = states.Builder.Plain();
        states.Builder.Jump(start, answer);
        var next = states.Marker("<|start|>"u8, states.Builder.Literal("assistant"u8, start));
        var body = states.FreeUntil("<|end|>"u8, next);
        states.Builder.Jump(start, states.Marker(Channel, states.Builder.Literal("analysis"u8, states.Marker(Message, body))));
        return start;
    }
}
